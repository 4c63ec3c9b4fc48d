// What happened in a run, in words.

import { icon } from "./dom.js";
import { duration, number, say } from "./language.js";
import { isSkipped, reason } from "./runs.js";

/** @typedef {import("./runs.js").Run} Run */

/** @type {Record<string, [string, string]>} */
const WAITS = {
  retryAfter: ["Waiting, as its vendor asks for it", "Venter, som leverandøren beder om"],
  backoff: ["Waiting for a fault to pass", "Venter på, at en fejl går over"],
  approval: ["Waiting for somebody's approval", "Venter på godkendelse"],
  quota: ["Waiting for the quota of its connection", "Venter på forbindelsens kvote"],
  breaker: ["Waiting until the vendor may be asked again", "Venter, til leverandøren må spørges igen"],
};

/** @type {Record<string, [string, string]>} */
const TRIGGERS = {
  manual: ["by hand", "manuelt"],
  schedule: ["by schedule", "efter tidsplan"],
  scheduled: ["by schedule", "efter tidsplan"],
  webhook: ["by a webhook", "af en webhook"],
};

/** @typedef {{ startedAt: string, endedAt: string, endedBy: string }} Slice */
/** @typedef {import("./timeline.js").Event} Event */

/** @type {Record<string, [string, string]>} Why a slice ended, and was not the last. */
const ENDS = {
  time: ["Its time was used up; the next one went on from there", "Dens tid var brugt; den næste fortsatte derfra"],
  process: ["Its process was about to end; another one went on", "Dens proces skulle slutte; en anden fortsatte"],
  backoff: ["A fault that may pass", "En fejl, der kan gå over"],
  retryAfter: ["Its vendor asked to wait", "Leverandøren bad om at vente"],
  approval: ["Somebody has to approve", "Nogen skal godkende"],
  quota: ["The quota of its connection was used up", "Forbindelsens kvote var brugt"],
  breaker: ["The vendor was to be left alone", "Leverandøren skulle have ro"],
};

/** What there was before the slices that are kept. @param {Run} run @returns {number} */
const slicesBefore = (run) => run.metadata?.slicesBefore ?? 0;

/** Slices, and the waits between them. @param {Run} run @returns {Event[]} */
function slices(run) {
  /** @type {Slice[]} */
  const kept = run.metadata?.slices ?? [];
  const before = slicesBefore(run);
  /** @type {Event[]} */
  const events = [];
  if (before > 0) {
    const text = say(`${number(before)} earlier slices`, `${number(before)} tidligere etaper`);
    events.push({ mark: icon("idle", "idle"), at: null, text, more: say("Only the newest are kept", "Kun de nyeste gemmes") });
  }
  for (const [index, slice] of kept.entries()) {
    const name = say(`Slice ${number(before + index + 1)}`, `Etape ${number(before + index + 1)}`);
    const lasted = duration(Date.parse(slice.endedAt) - Date.parse(slice.startedAt));
    const failed = slice.endedBy === "backoff";
    const mark = failed ? icon("warn", "warn") : icon(slice.endedBy === "over" ? "ok" : "play", "idle");
    const end = ENDS[slice.endedBy];
    events.push({ mark, at: slice.startedAt, text: `${name}, ${lasted}`, more: end ? say(...end) : null });
    const next = kept[index + 1];
    const waited = next ? Date.parse(next.startedAt) - Date.parse(slice.endedAt) : 0;
    if (next && WAITS[slice.endedBy]) {
      const text = say(`Waited ${duration(waited)}`, `Ventede ${duration(waited)}`);
      events.push({ mark: icon("waiting", "held"), at: slice.endedAt, text, more: null });
    }
  }
  return events;
}

/**
 * What happened in a run, in order.
 * @param {Run} run
 * @returns {Event[]}
 */
export function life(run) {
  const trigger = TRIGGERS[run.metadata?.trigger ?? ""];
  const by = run.actor ? say(` by ${run.actor}`, ` af ${run.actor}`) : "";
  const how = [trigger && say(...trigger), run.dryRun ? say("dry run", "prøvekørsel") : null].filter(Boolean).join(", ");
  /** @type {Event[]} */
  const events = [{ mark: icon("play"), at: run.startedAt, text: say("Started", "Startet") + by, more: how || null }];
  events.push(...slices(run));
  const wait = run.metadata?.waitsUntil;
  if (run.status === "running" && wait) {
    const why = say(...(WAITS[run.metadata?.waitsFor] ?? ["Waiting", "Venter"]));
    events.push({ mark: icon("waiting", "held"), at: wait, text: why, more: run.metadata?.waitsFor === "approval" ? say("Is given up then", "Opgives derefter") : say("Goes on by itself then", "Fortsætter selv derefter") });
  } else if (run.status === "running") {
    events.push({ mark: icon("run", "run"), at: run.updatedAt, text: say("Running", "I gang"), more: checkpoint(run) });
  }
  const end = run.completedAt ?? run.finishedAt ?? null;
  if (run.status === "success") {
    events.push({ mark: icon("ok", "ok"), at: end, text: say("Completed", "Fuldført"), more: run.metadata?.warning ?? null });
  } else if (run.status === "error") {
    const mark = isSkipped(run) ? icon("skipped", "idle") : icon("bad", "bad");
    events.push({ mark, at: end, text: reason(run) ?? "", more: null });
  }
  return events;
}

/** @param {Run} run */
function checkpoint(run) {
  const at = run.metadata?.checkpoint;
  if (at === undefined || at === null) return null;
  const where = typeof at === "object" ? Object.entries(at).map(([name, value]) => `${name} ${value}`).join(", ") : String(at);
  return say(`Has come to: ${where}`, `Er nået til: ${where}`);
}
