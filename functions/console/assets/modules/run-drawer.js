// A run in the drawer.

import { button, h, replace } from "./dom.js";
import { section } from "./drawer.js";
import { dateTime, duration, number, say } from "./language.js";
import { callout, copied, fact } from "./messages.js";
import { life } from "./run-life.js";
import { runPrice } from "./run-price.js";
import { countsOf, isSkipped, reason, runStatus } from "./runs.js";
import { timeline } from "./timeline.js";

/** @typedef {import("./runs.js").Run} Run */
/**
 * @typedef {{
 *   newer: (() => void) | null, older: (() => void) | null, name: string,
 *   decided: (() => void) | null,
 *   again: ((vendor: { slug: string, name: string }, like: { source: string | null, removals?: number }) => void) | null,
 * }} Around
 */

/** @param {Run} run @param {Around} around @returns {import("./drawer.js").Content} */
export function runDrawer(run, around) {
  const tool = (/** @type {string} */ text, /** @type {"left" | "right" | "link"} */ mark, /** @type {(() => void) | null} */ go) =>
    button(text, { icon: mark, iconOnly: true, kind: "quiet small", disabled: go === null, onclick: go ?? undefined });
  return {
    title: say("Details of the sync", "Detaljer for synkronisering"),
    summary: [
      runStatus(run, true),
      h("span", { class: "ink-2" }, [around.name, dateTime(run.startedAt), duration(run.durationMs)].join(" · ")),
    ],
    tools: [
      tool(say("Newer", "Nyere"), "left", around.newer),
      tool(say("Older", "Ældre"), "right", around.older),
      tool(say("Copy link", "Kopiér link"), "link", () => copied(location.href)),
    ],
    body: [figures(run), held(run, around), why(run), section(say("What happened", "Forløb"), timeline(life(run))), setAside(run), facts(run)],
    foot: foot(run, around),
  };
}

/** What it waits for somebody to approve of; few runs do, so that what shows it is loaded then. @param {Run} run @param {Around} around */
function held(run, { decided, name }) {
  const one = run.metadata?.held;
  if (!one) return null;
  const place = h("div", { class: "grid gap-3" });
  const what = /** @type {[string, string]} */ (["items", "varer"]);
  import("./held-run.js").then(({ heldButtons, heldFigures, heldNames }) => {
    const decider = decided && { tenant: null, what, whose: name, decided };
    replace(place, heldFigures(one, what), heldNames(one), decider && one.until && h("div", { class: "flex gap-2" }, heldButtons(one, decider)));
  });
  return section(say("Waiting for approval", "Afventer godkendelse"), place);
}

/** Whether it was not to remove as much as its source lacks. @param {Run} run */
const isRefused = (run) => run.status === "error" && run.metadata?.errorCode === "removals_refused";

/** @param {Run} run @param {Around} around */
function foot(run, { again, name }) {
  if (!again) return null;
  const vendor = { slug: run.vendor, name };
  const source = run.sourcePath;
  const removals = countsOf(run).removed;
  const remove =
    isRefused(run) && removals
      ? button(say(`Apply and remove ${number(removals)}…`, `Anvend og fjern ${number(removals)}…`), {
          kind: "danger",
          onclick: () => again(vendor, { source, removals }),
        })
      : null;
  return [button(say("Run again", "Kør igen"), { icon: "play", onclick: () => again(vendor, { source }) }), remove];
}

/** @param {Run} run */
function figures(run) {
  const counts = countsOf(run);
  const one = (/** @type {string} */ name, /** @type {number | null | undefined} */ count) =>
    h("div", {}, h("dt", { class: "truncate" }, name), h("dd", {}, number(count)));
  return section(
    say("Key figures", "Nøgletal"),
    h(
      "dl",
      { class: "figures" },
      one("Total", counts.total),
      one(say("Created", "Oprettet"), counts.created),
      one(say("Updated", "Opdateret"), counts.updated),
      one(isRefused(run) && counts.removed ? say("Would remove", "Ville fjerne") : say("Removed", "Fjernet"), counts.removed),
      one(say("Unchanged", "Uændret"), counts.unchanged),
    ),
    run.cost && h("dl", { class: "facts" }, fact(say("Price", "Pris"), runPrice(run.cost))),
  );
}

/** @param {Run} run */
function why(run) {
  if (run.status !== "error") {
    const warning = run.metadata?.warning;
    return warning ? callout("warn", say("To be looked at", "Bør ses efter"), warning) : null;
  }
  const tone = isSkipped(run) ? "idle" : "bad";
  const sentence = reason(run) ?? "";
  const told = callout(tone, sentence, run.error, { icon: isSkipped(run) ? "skipped" : "bad" });
  return section(isSkipped(run) ? say("Why it was skipped", "Hvorfor") : say("Error message", "Fejlbesked"), told);
}

/** Rows that could not be read. @param {Run} run */
function setAside(run) {
  const bad = run.metadata?.badRows;
  if (!bad) return null;
  const rows = (bad.first ?? []).map((/** @type {{ row: number, reason: string }} */ one) =>
    fact(say(`Row ${one.row}`, `Række ${one.row}`), one.reason),
  );
  return section(say(`${number(bad.count)} rows were set aside`, `${number(bad.count)} rækker blev lagt til side`), h("dl", { class: "facts" }, rows));
}

/** @param {Run} run */
function facts(run) {
  const mono = (/** @type {string} */ text) => h("span", { class: "font-mono" }, text);
  const list = h(
    "dl",
    { class: "facts" },
    fact(say("Path", "Sti"), run.sourcePath ? mono(run.sourcePath) : "—"),
    fact("Hash", run.hash ? mono(run.hash) : "—"),
    fact("Dry-run", run.dryRun ? say("Yes", "Ja") : say("No", "Nej")),
    fact("Id", mono(run.id)),
    run.metadata?.correlationId && fact(say("Trace", "Spor"), mono(run.metadata.correlationId)),
  );
  return section(say("Source", "Kilde"), list);
}
