// A run that is open: how far it is, entity by entity, and what it waits for.

import { tableOf } from "./control-card.js";
import { shortId, stepStatus, waitText } from "./control-run-words.js";
import { countdown } from "./countdown.js";
import { greyCount } from "./counts.js";
import { h, icon, replace, s } from "./dom.js";
import { clock, number, say } from "./language.js";
import { span } from "./span.js";
import { status as statusMark } from "./status.js";

/** @typedef {import("./control-words.js").Status} Status */
/** @typedef {import("./control-words.js").CurrentRun} CurrentRun */
/** @typedef {import("./control-words.js").Step} Step */

/** Pages that there are, and were read: of what is not begun, as many as its records fill. @param {Step} step @param {number} records @param {number} pageRows */
function pagesOf(step, records, pageRows) {
  if (["done", "failed", "notSupported"].includes(step.state)) return { read: Math.max(step.page, 1), all: Math.max(step.page, 1) };
  const guessed = Math.max(1, Math.ceil(records / pageRows));
  return { read: step.page, all: Math.max(step.totalPages ?? guessed, step.page + (step.totalPages === null ? 1 : 0), 1) };
}

/**
 * How much of a run is done, in percent, and how long it takes still.
 * @param {CurrentRun} run
 * @param {Status} status
 * @param {number} pageRows
 */
export function wholeOf(run, status, pageRows) {
  const pages = run.steps.map((step) => pagesOf(step, status.perEntity[step.entity]?.records ?? 0, pageRows));
  const all = pages.reduce((sum, one) => sum + one.all, 0);
  const read = pages.reduce((sum, one) => sum + one.read, 0);
  const rate = run.progress?.rps ?? null;
  return { percent: all > 0 ? Math.min(100, Math.floor((read / all) * 100)) : 0, eta: rate ? ((all - read) / rate) * 1_000 : null, each: pages };
}

/** The percentage stands beside it, or is its own element's. @param {number} percent @param {string} kind */
function bar(percent, kind) {
  const rect = (/** @type {string} */ of, /** @type {number} */ width) => s("rect", { class: of, width, height: 6 });
  const attributes = { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" };
  return s("svg", attributes, rect("fill-track", 100), rect(kind, percent));
}

/** @param {string} name @param {import("./dom.js").Child} value @param {string} [more] */
const figure = (name, value, more) => h("div", {}, h("dt", {}, name), h("dd", {}, value, more && h("span", { class: "ink-3" }, ` ${more}`)));

/** @param {CurrentRun} run */
function figures(run, /** @type {number | null} */ eta) {
  const sum = (/** @type {(step: Step) => number} */ of) => run.steps.reduce((total, step) => total + of(step), 0);
  const dead = sum((step) => step.setAside);
  const rate = run.progress?.rowsPerSecond;
  return h(
    "dl",
    { class: "run-figures" },
    figure(say("Rows", "Rækker"), number(sum((step) => step.rows))),
    figure(say("Rows/s", "Rækker/s"), rate === null || rate === undefined ? "—" : number(rate)),
    figure("ETA", eta === null ? "—" : span(Math.max(eta, 1_000)), eta !== null ? say("with waits", "med ventetid") : ""),
    figure(run.dryRun ? say("Would change", "Ville ændre") : say("Changed", "Ændret"), number(sum(({ counts }) => counts.created + counts.updated + counts.removed))),
    figure(say("Set aside", "Lagt til side"), dead > 0 ? statusMark("bad", number(dead), { icon: "dead" }) : "0"),
  );
}

/** @param {CurrentRun} run @param {Status} status @param {{ read: number, all: number }[]} each */
function stepRows(run, status, each) {
  const waits = status.waiting !== null;
  const row = (/** @type {Step} */ step, /** @type {number} */ index) => {
    const percent = step.state === "done" ? 100 : Math.floor((each[index].read / each[index].all) * 100);
    const kind = { done: "fill-ok", failed: "fill-bad" }[/** @type {string} */ (step.state)] ?? "fill-run";
    const begun = step.state !== "pending";
    return h(
      "tr",
      {},
      h("td", { class: "font-medium" }, step.entity),
      h("td", {}, stepStatus(step, waits)),
      h("td", {}, h("span", { class: "step-bar" }, bar(begun ? percent : 0, kind), h("span", { class: "ink-2" }, step.state === "failed" ? "—" : `${begun ? percent : 0} %`))),
      h("td", { class: "number ink-2" }, begun ? `${number(step.page)}${step.totalPages ? ` / ${number(step.totalPages)}` : ""}` : "—"),
      h("td", { class: "number" }, greyCount(begun ? step.rows : null)),
      h("td", { class: "number ink-2" }, begun && step.rowsPerSecond !== null ? number(step.rowsPerSecond) : "—"),
      h("td", { class: "number ink-2" }, step.eta !== null && begun ? span(Math.max(step.eta, 1_000)) : "—"),
    );
  };
  return run.steps.map(row);
}

/** @returns {[string, string?][]} */
const stepNames = () => [
  [say("Entity", "Entitet")],
  [say("State", "Tilstand")],
  [say("Progress", "Fremdrift")],
  [say("Page", "Side"), "number"],
  [say("Rows", "Rækker"), "number"],
  [say("Rows/s", "Rækker/s"), "number"],
  ["ETA", "number"],
];

/** @param {{ element: HTMLElement, beside: HTMLElement, body: HTMLElement, table: HTMLElement, title: string, again: () => void }} card */
export function runProgress({ element, beside, body, table, title, again }) {
  const steps = tableOf(say("Progress by entity", "Fremdrift pr. entitet"), stepNames());
  const spoken = h("p", { class: "sr-only", role: "status" });
  element.append(spoken);
  /** @type {string} */
  let waitsUntil = "";
  /** @type {HTMLElement | null} */
  let wait = null;
  let told = "";

  /** A countdown is kept for as long as it counts to the same time. @param {Status} status */
  function waiting(status) {
    if (!status.waiting) {
      waitsUntil = "";
      return (wait = null);
    }
    const { reason, until } = status.waiting;
    if (until === waitsUntil && wait) return wait;
    waitsUntil = until;
    const current = status.currentRun?.progress;
    const text = current
      ? say(`Page ${number(current.page + 1)} of ${current.entity} comes next, by itself. Nothing is lost if you leave.`, `Side ${number(current.page + 1)} af ${current.entity} følger af sig selv. Intet går tabt, hvis du går.`)
      : say("It goes on by itself. Nothing is lost if you leave.", "Den fortsætter selv. Intet går tabt, hvis du går.");
    wait = h("div", { class: "callout held wait" }, icon("waiting"), h("div", {}, h("b", {}, waitText(reason, clock(until))), h("p", {}, text)), countdown(until, again));
    return wait;
  }

  /** For who listens: each tenth, and each entity. @param {CurrentRun} run @param {number} percent */
  function speak(run, percent) {
    const words = say(`${Math.floor(percent / 10) * 10} %, ${run.progress?.entity ?? ""}`, `${Math.floor(percent / 10) * 10} %, ${run.progress?.entity ?? ""}`);
    if (words === told) return;
    told = words;
    replace(spoken, words);
  }

  return {
    /** @param {Status} status @param {number} pageRows */
    show(status, pageRows) {
      const run = status.currentRun;
      if (!run) return;
      const whole = wholeOf(run, status, pageRows);
      const pill = status.lock?.stoppedBy
        ? statusMark("warn", say("Stopping", "Standses"), { pill: true })
        : status.waiting
          ? statusMark("held", say("Waiting", "Venter"), { pill: true, icon: "waiting" })
          : statusMark("run", say("Running", "Kører"), { pill: true });
      const by = say(`by ${run.actor}, ${clock(run.startedAt)}`, `af ${run.actor}, ${clock(run.startedAt)}`);
      replace(beside, pill, h("span", { class: "note not-narrow", title: run.id }, `${by} · `, h("span", { class: "font-mono" }, shortId(run.id))), h("b", { class: "font-medium" }, `${whole.percent} %`));
      const progress = h("div", { role: "progressbar", "aria-label": title, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": whole.percent }, bar(whole.percent, "fill-run"));
      replace(body, progress, waiting(status), figures(run, whole.eta));
      replace(steps.body, stepRows(run, status, whole.each));
      if (table.firstElementChild !== steps.element) replace(table, steps.element);
      speak(run, whole.percent);
    },
    end() {
      told = "";
      replace(body);
      replace(spoken);
    },
  };
}
