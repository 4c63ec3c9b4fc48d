// What would become of each of many, or became of it: marks, figures of how many, and a table of each.

import { h } from "./dom.js";
import { number, say } from "./language.js";
import { status } from "./status.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./session.js").Who} Who */
/** One thing that may become of something: `more` says what that means. @typedef {{
 *   tone: import("./status.js").Tone, mark?: import("./dom.js").IconName, name: [string, string], more: [string, string],
 * }} Outcome */

/** @param {Outcome} outcome */
export const outcomeMark = ({ tone, mark, name }) => status(tone, say(...name), mark ? { icon: mark } : {});

/** @param {[Outcome, number][]} counts */
export const outcomeFigures = (counts) =>
  h(
    "div",
    { class: "plan" },
    counts
      .filter(([, count]) => count > 0)
      .map(([outcome, count]) =>
        h("div", {}, outcomeMark(outcome), h("b", {}, number(count)), h("span", {}, say(...outcome.more))),
      ),
  );

/**
 * A table that scrolls by itself.
 * @param {string} label
 * @param {[string, "key" | "source" | "result" | "why"][]} columns Each with what it is, by which it is as wide as it needs.
 * @param {HTMLElement[]} rows
 */
export const outcomeTable = (label, columns, rows) =>
  h(
    "div",
    { class: "card preview", tabindex: "0", role: "group", "aria-label": label },
    h(
      "table",
      { class: "table" },
      h("colgroup", {}, columns.map(([, kind]) => h("col", { class: kind }))),
      h("thead", {}, h("tr", {}, columns.map(([name]) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows),
    ),
  );

/** By whom it is done, as the record has it. @param {Who | null} who */
export const onRecord = (who) => (who ? say(` On record as ${who.actor}.`, ` Noteres som ${who.actor}.`) : "");
