// Words of runs, their entities and what they wait for, and of breakers.

import { say } from "./language.js";
import { readable } from "./moment.js";
import { codeText } from "./runs.js";
import { status } from "./status.js";

/** @typedef {import("./status.js").Tone} Tone */
/** @typedef {import("./control-words.js").Step} Step */
/** @typedef {import("./control-words.js").EntityRun} EntityRun */
/** @typedef {import("./control-words.js").Breaker} Breaker */

/** @type {Record<string, [string, string]>} What a run waits for; the time comes behind it. */
const WAITS = {
  quota: ["Waiting for the rate limit", "Venter på hastighedsgrænsen"],
  retryAfter: ["Waiting, as the vendor asks for it", "Venter, som leverandøren beder om"],
  breaker: ["Waiting for the circuit breaker", "Venter på afbryderen"],
  backoff: ["Waiting for a fault to pass", "Venter på, at en fejl går over"],
  approval: ["Waiting for somebody's approval", "Venter på godkendelse"],
};

/** @param {string} reason @param {string} until As a clock shows it. */
export function waitText(reason, until) {
  const what = say(...(WAITS[reason] ?? ["Waiting", "Venter"]));
  return say(`${what} until ${until}`, `${what} til ${until}`);
}

/** @type {Record<Step["state"], [Tone, [string, string], import("./dom.js").IconName | undefined]>} */
const STATES = {
  pending: ["idle", ["Queued", "I kø"], "clock"],
  running: ["run", ["Running", "Kører"], undefined],
  removing: ["run", ["Removing", "Fjerner"], undefined],
  done: ["ok", ["Done", "Færdig"], undefined],
  failed: ["bad", ["Failed", "Fejlet"], undefined],
  notSupported: ["idle", ["Not supported", "Findes ikke"], "skipped"],
};

/** @param {Step} step @param {boolean} waits */
export function stepStatus(step, waits) {
  if (waits && step.state === "running") return status("held", say("Waiting", "Venter"), { icon: "waiting" });
  const [tone, words, icon] = STATES[step.state] ?? STATES.pending;
  return status(tone, say(...words), icon ? { icon } : {});
}

/** @type {Record<EntityRun["result"], [Tone, [string, string]]>} */
const RESULTS = {
  success: ["ok", ["Success", "Succes"]],
  warning: ["warn", ["Warning", "Advarsel"]],
  error: ["bad", ["Error", "Fejl"]],
};

/** What became of an entity in a run. @param {EntityRun} run @param {boolean} [pill] */
export function resultStatus(run, pill = false) {
  const [tone, words] = RESULTS[run.result] ?? RESULTS.error;
  return status(tone, say(...words), { pill });
}

/** Why, in the page's language where there is a word for it. @param {EntityRun} run */
export const whyText = (run) => codeText(run.fullDetails?.code ?? "") ?? readable(run.error ?? "");

/** `019ac3b2…e00e`: what tells ids apart that begin with a time. @param {string} id */
export const shortId = (id) => (id.length > 14 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

/** @type {Record<Breaker["state"], [Tone, [string, string]]>} */
const BREAKERS = {
  closed: ["ok", ["Closed", "Lukket"]],
  half_open: ["warn", ["Half open", "Halvt åben"]],
  open: ["bad", ["Open", "Åben"]],
};

/** @param {Breaker} breaker */
export function breakerPill(breaker) {
  const [tone, words] = BREAKERS[breaker.state] ?? BREAKERS.closed;
  return status(tone, say(...words), { pill: true });
}
