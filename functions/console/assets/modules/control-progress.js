// How far the run is that is open; without one, how each entity does.

import { controlCard, tableOf } from "./control-card.js";
import { failsNow } from "./control-standing.js";
import { modeText } from "./control-words.js";
import { h, replace } from "./dom.js";
import { ago, number, say } from "./language.js";
import { momentText, readable } from "./moment.js";
import { codeText } from "./runs.js";
import { status as statusMark } from "./status.js";

/** @typedef {import("./control-words.js").Status} Status */

/** @param {Status} status @param {string[]} entities In their order. */
function standingRows(status, entities) {
  const when = (/** @type {string | null} */ at) => (at ? h("span", { title: ago(at) }, momentText(at, true)) : h("span", { class: "ink-3" }, "—"));
  const row = (/** @type {[string, import("./control-words.js").OfEntity]} */ [name, one]) => {
    const fails = failsNow(one);
    const error = readable(one.lastError ?? "");
    const mark = fails
      ? statusMark("bad", say("Failed", "Fejlet"))
      : one.lastSuccessAt
        ? statusMark("ok", "OK")
        : statusMark("idle", say("Never pulled", "Aldrig hentet"));
    const why = fails && (codeText(one.lastErrorCode ?? "") ?? error);
    return h(
      "tr",
      {},
      h("td", { class: "font-medium" }, name),
      h("td", { title: fails ? error : null }, mark, why && h("span", { class: "why" }, why)),
      h("td", {}, when(one.lastSuccessAt)),
      h("td", {}, when(one.lastFailureAt)),
      h("td", { class: "number" }, number(one.records)),
    );
  };
  return Object.entries(status.perEntity).sort(([left], [right]) => entities.indexOf(left) - entities.indexOf(right)).map(row);
}

/** @returns {[string, string?][]} */
const standingNames = () => [
  [say("Entity", "Entitet")],
  [say("State", "Tilstand")],
  [say("Last success", "Seneste succes")],
  [say("Last error", "Seneste fejl")],
  [say("Records", "Poster"), "number"],
];

/**
 * @param {string[]} entities
 * @param {() => void} again Asks anew, as a wait is over.
 */
export function progressCard(entities, again) {
  const title = say("Progress", "Fremdrift");
  const card = controlCard(title, "progress");
  const table = h("div");
  const standing = tableOf(say("Entities", "Entiteter"), standingNames());
  const heading = card.head.querySelector("h2");
  card.element.append(table);
  card.body.hidden = true;
  /** What shows a run is loaded with the first one. @type {ReturnType<typeof import("./control-steps.js").runProgress> | null} */
  let open = null;
  /** @type {[Status, number] | null} */
  let latest = null;

  /** @param {Status} status @param {number} pageRows */
  function show(status, pageRows) {
    latest = [status, pageRows];
    const run = status.currentRun;
    if (heading) heading.textContent = run ? modeText(run.mode, run.dryRun) : say("Entities", "Entiteter");
    card.body.hidden = !run;
    if (run) return void running(status, pageRows);
    open?.end();
    replace(card.beside, h("span", { class: "note" }, say("Nothing runs", "Intet kører")));
    replace(standing.body, standingRows(status, entities));
    if (table.firstElementChild !== standing.element) replace(table, standing.element);
  }

  /** @param {Status} status @param {number} pageRows */
  async function running(status, pageRows) {
    if (open) return open.show(status, pageRows);
    const { runProgress } = await import("./control-steps.js");
    open ??= runProgress({ ...card, table, title, again });
    // It may be over by now.
    if (latest) show(...latest);
  }
  return { element: card.element, show };
}
