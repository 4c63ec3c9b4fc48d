// What became of the last runs, entity by entity, and which failures are one and the same.

import { controlCard } from "./control-card.js";
import { resultStatus, shortId, whyText } from "./control-run-words.js";
import { modeText } from "./control-words.js";
import { greyCount } from "./counts.js";
import { h, replace } from "./dom.js";
import { ago, dateTime, number, say } from "./language.js";
import { momentText, readable } from "./moment.js";
import { span } from "./span.js";
import { table } from "./table.js";

/** @typedef {import("./control-words.js").EntityRun} EntityRun */

const SHOWN_MAX = 20;
const GROUPS_MAX = 6;

/** @returns {import("./table.js").Column<EntityRun>[]} */
const columns = () => [
  { name: say("Started", "Startet"), cell: (/** @type {EntityRun} */ run) => momentText(run.timestamp), title: (run) => dateTime(run.timestamp), narrow: "below" },
  { name: say("Entity", "Entitet"), cell: (run) => h("b", { class: "font-medium" }, run.entity) },
  { name: say("Mode", "Tilstand"), cell: (run) => h("span", { class: "ink-2" }, modeText(run.mode, run.dryRun, run.fullDetails?.requeue)), narrow: "more" },
  { name: say("Rows", "Rækker"), cell: (run) => greyCount(run.rows), kind: "number", narrow: "more" },
  { name: say("Duration", "Varighed"), cell: (run) => h("span", { class: "ink-2" }, span(run.duration)), kind: "number", narrow: "more" },
  { name: say("Result", "Resultat"), cell: (run) => [resultStatus(run), run.result !== "success" && h("span", { class: "why" }, whyText(run))], title: (run) => readable(run.error ?? "") || null, narrow: "end" },
  { name: say("RunId", "Kørsels-id"), cell: (run) => h("span", { class: "font-mono ink-3" }, shortId(run.runId)), title: (run) => run.runId, narrow: "hide" },
];

/** @param {(run: EntityRun, from: HTMLElement | null) => void} open */
export function runsCard(open) {
  const title = say("Last runs", "Seneste kørsler");
  const card = controlCard(title, "runs");
  const rows = table(columns(), { key: (run) => run.id, open: (run) => open(run, document.activeElement instanceof HTMLElement ? document.activeElement : null) });
  rows.caption(say("Loading…", "Indlæser…"));
  rows.skeleton(4);
  card.body.replaceWith(rows.element);
  return {
    element: card.element,
    rows,
    /** @param {EntityRun[]} runs */
    show(runs) {
      const shown = runs.slice(0, SHOWN_MAX);
      rows.caption(shown.length > 0 ? shown.length === 1 ? say("1 so far, a row for each entity", "1 indtil nu, en række pr. entitet") : say(`The newest ${number(shown.length)}, a row for each entity`, `De nyeste ${number(shown.length)}, en række pr. entitet`) : say("No run is over yet. Start one above.", "Ingen kørsel er slut endnu. Sæt en i gang ovenfor."));
      rows.rows(shown);
    },
  };
}

/**
 * Failures by their fingerprint, those that came last first.
 * @param {EntityRun[]} runs The newest first.
 * @returns {{ newest: EntityRun, count: number, since: string, isOver: boolean }[]}
 */
export function grouped(runs) {
  /** @type {Map<string, { newest: EntityRun, count: number, since: string, isOver: boolean }>} */
  const groups = new Map();
  for (const run of runs) {
    const fingerprint = run.result === "error" ? run.fullDetails?.fingerprint : null;
    if (!fingerprint) continue;
    const known = groups.get(fingerprint);
    const later = (/** @type {EntityRun} */ other) => other.entity === run.entity && other.result === "success" && !other.dryRun && other.timestamp > run.timestamp;
    groups.set(fingerprint, {
      newest: known?.newest ?? run,
      count: (known?.count ?? 0) + 1,
      since: run.timestamp,
      isOver: known?.isOver ?? runs.some(later),
    });
  }
  return [...groups.values()];
}

/** @param {(run: EntityRun, from: HTMLElement | null) => void} open */
export function errorsCard(open) {
  const title = say("Errors", "Fejl");
  const card = controlCard(title);
  return {
    element: card.element,
    /** @param {EntityRun[]} runs */
    show(runs) {
      const groups = grouped(runs);
      replace(card.beside, h("span", { class: "note" }, say("by fingerprint, of the last 50 rows", "efter fingeraftryk, af de seneste 50 rækker")));
      if (groups.length === 0) return replace(card.body, h("p", { class: "ink-3" }, say("None.", "Ingen.")));
      const line = (/** @type {ReturnType<typeof grouped>[number]} */ group) => {
        const { newest, count, since, isOver } = group;
        const times = count === 1 ? momentText(newest.timestamp) : say(`${number(count)} times since ${momentText(since, true)}, last ${ago(newest.timestamp)}`, `${number(count)} gange siden ${momentText(since, true)}, senest ${ago(newest.timestamp)}`);
        const press = h("button", { type: "button", class: "as-link link", onclick: (/** @type {Event} */ event) => open(newest, event.currentTarget instanceof HTMLElement ? event.currentTarget : null) }, `${newest.entity}: ${whyText(newest)}`);
        return h(
          "li",
          {},
          h("span", { class: `tally ${isOver ? "over" : ""}`.trim() }, `${number(count)}×`),
          h("span", { class: "grow two" }, press, h("span", { class: "note" }, times, isOver && say(", well since", ", i orden siden"))),
          h("span", { class: "font-mono ink-3 not-narrow", title: say("Fingerprint: code, list, reason and how the answer began", "Fingeraftryk: kode, liste, grund og svarets begyndelse") }, newest.fullDetails.fingerprint),
        );
      };
      replace(card.body, h("ul", { class: "lines wrap" }, groups.slice(0, GROUPS_MAX).map(line)));
    },
  };
}
