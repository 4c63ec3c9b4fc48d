// How a connection does, in a word: the worst of its breaker, whether it is reached, its last run, and what was set aside.

import { number, say } from "./language.js";
import { status as statusMark } from "./status.js";

/** @typedef {import("./control-words.js").Status} Status */
/** @typedef {import("./control-words.js").OfEntity} OfEntity */
/** @typedef {[import("./status.js").Tone, string]} Found */

/** Codes of runs that say that the vendor lets nobody in, or is not there. */
const UNREACHED = ["source_unreadable", "source_not_public", "vendor_refused_credentials"];

/** Whether the last pull of an entity failed. @param {OfEntity} one */
export const failsNow = (one) => one.lastFailureAt !== null && (one.lastSuccessAt === null || one.lastFailureAt > one.lastSuccessAt);

/**
 * What is amiss, the worst first.
 * @param {Status} status
 * @param {{ answers: boolean | null, wasStopped: boolean }} known `answers`: to the last ping; null where nobody asked. `wasStopped`: that
 *   the last run ended so because somebody wished it.
 * @returns {Found[]}
 */
export function amiss(status, { answers, wasStopped }) {
  const { health, circuitBreaker: breaker } = Object.values(status.integrations)[0];
  const failing = Object.values(status.perEntity).filter((one) => failsNow(one) && one.lastErrorCode !== "stopped");
  const isUnreached = answers === null ? failing.some(({ lastErrorCode }) => UNREACHED.includes(lastErrorCode ?? "")) : !answers;
  const failed = status.lastRun.success === false && !wasStopped;
  /** @type {(Found | false)[]} */
  const found = [
    breaker.state === "open" && ["bad", say("Breaker open", "Afbryder åben")],
    isUnreached && ["bad", say("Not reached", "Nås ikke")],
    failed && ["bad", say("Last run failed", "Seneste kørsel fejlede")],
    !failed && failing.length > 0 && ["bad", failing.length === 1 ? say("1 entity failed", "1 entitet fejlede") : say(`${failing.length} entities failed`, `${failing.length} entiteter fejlede`)],
    health === "failing" && ["bad", say("Low health score", "Lavt helbred")],
    breaker.state === "half_open" && ["warn", say("Breaker half open", "Afbryder halvt åben")],
    status.dlqCount > 0 && ["warn", aside(status)],
    health === "degraded" && ["warn", say("Degraded", "Svækket")],
    status.scheduler.paused && ["held", say("Paused", "På pause")],
  ];
  return /** @type {Found[]} */ (found.filter(Boolean));
}

/** @param {Status} status */
function aside({ dlqCount, dlqMore }) {
  const count = `${number(dlqCount)}${dlqMore ? "+" : ""}`;
  return dlqCount === 1 && !dlqMore ? say("1 row set aside", "1 række lagt til side") : say(`${count} rows set aside`, `${count} rækker lagt til side`);
}

/** The worst of it. @param {Status} status @param {Found[]} found */
export function standingPill(status, [worst]) {
  const [tone, words] = worst ?? (Object.values(status.integrations)[0].health === null ? ["idle", say("Never ran", "Har aldrig kørt")] : ["ok", "OK"]);
  return statusMark(tone, words, { pill: true });
}
