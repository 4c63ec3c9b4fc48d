// What came of what somebody asked for: a ping, and a run.

import { h } from "./dom.js";
import { clock, number, say } from "./language.js";
import { callout, toast } from "./messages.js";
import { readable } from "./moment.js";
import { codeText } from "./runs.js";
import { span } from "./span.js";

/** @typedef {import("./control-words.js").Provider} Provider */
/** @typedef {import("./control-status.js").Ping} Ping */

/** What a ping came to. @param {Ping} ping @param {Provider | null} provider */
export function pingResult(ping, provider) {
  if (ping.ok) {
    const [count, took] = [number(ping.sampleCount), span(ping.elapsedMs)];
    const text = ping.sampleCount === 1 ? say(`1 row in ${took}`, `1 række på ${took}`) : say(`${count} rows in ${took}`, `${count} rækker på ${took}`);
    return callout("ok", say("It answers", "Den svarer"), text);
  }
  const known = provider?.mistakes.find(({ seen }) => seen === ping.code);
  const until = ping.retryAt && say(`Asked again at ${clock(ping.retryAt)}.`, `Spørges igen ${clock(ping.retryAt)}.`);
  const lines = [ping.reason, ping.hint ?? known?.remedy, until].map((line) => line && h("p", {}, readable(line)));
  const title = codeText(ping.code ?? "") ?? (ping.code === "vendor_rests" ? say("It is not asked for now", "Den spørges ikke lige nu") : say("It does not answer", "Den svarer ikke"));
  return callout(ping.status === "degraded" ? "warn" : "bad", title, lines);
}

/**
 * Says what became of a run that was started here.
 * @param {import("./control-words.js").Status} status
 * @param {import("./control-words.js").EntityRun[]} own Its entities.
 * @param {boolean} dry
 */
export function tellEnd(status, own, dry) {
  const sum = (/** @type {string} */ field) => own.reduce((total, run) => total + (run.fullDetails.counts?.[field] ?? 0), 0);
  const counts = say(
    `${number(sum("created"))} created, ${number(sum("updated"))} updated, ${number(sum("removed"))} removed, ${number(sum("unchanged"))} unchanged`,
    `${number(sum("created"))} oprettet, ${number(sum("updated"))} opdateret, ${number(sum("removed"))} fjernet, ${number(sum("unchanged"))} uændret`,
  );
  if (status.lastRun.success) return toast("ok", dry ? say("The dry run is over: this would happen", "Prøvekørslen er slut: dette ville ske") : say("The run is over", "Kørslen er slut"), counts);
  const wasStopped = own.some((run) => run.fullDetails.code === "stopped");
  toast(wasStopped ? "idle" : "bad", wasStopped ? say("The run was stopped", "Kørslen blev standset") : say("The run failed", "Kørslen fejlede"), wasStopped ? counts : readable(status.lastRun.error ?? ""));
}
