// What needs attention, each with what to do about it.

import { h, icon } from "./dom.js";
import { number, say } from "./language.js";
import { momentText } from "./moment.js";
import { told } from "./overview-words.js";

/** @typedef {import("./overview-words.js").Matter} Matter */

/** More of them are asked for. */
const MATTERS_MAX = 8;

/**
 * What needs attention: the first of it, until all is asked for.
 * @param {Matter[]} matters
 * @param {boolean} isAsked
 * @param {() => void} askAll
 */
export function mattersCard(matters, isAsked, askAll) {
  if (matters.length === 0) return null;
  const all = isAsked || matters.length <= MATTERS_MAX;
  const list = all ? matters : matters.slice(0, MATTERS_MAX);
  const line = (/** @type {Matter} */ matter) => {
    const { tone, mark, text, act, place } = told(matter);
    // Refused ones are told by where they came from: whose they are, they only say.
    const whose = matter.kind === "rejected" ? "" : matter.of.tenant && ` (${matter.of.tenant})`;
    const about = `${matter.of.displayName}${whose}: ${matter.detail}`;
    return h(
      "li",
      {},
      h(
        "a",
        { href: place },
        icon(mark, tone),
        h("span", { class: "about" }, h("b", {}, text), " ", h("span", { title: about }, about)),
        matter.at &&
          h("span", { class: "since" }, say(`last at ${momentText(matter.at, true)}`, `senest ${momentText(matter.at, true)}`)),
        h("span", { class: "act link" }, act, icon("right")),
      ),
    );
  };
  const more =
    !all &&
    h(
      "button",
      {
        type: "button",
        class: "link as-link",
        onclick: askAll,
      },
      say(`Show all ${number(matters.length)}`, `Vis alle ${number(matters.length)}`),
    );
  return h(
    "section",
    { class: "mb-6", "aria-labelledby": "attention" },
    h(
      "h2",
      { class: "mb-2", id: "attention" },
      say("Needs attention", "Kræver handling"),
      " ",
      h("span", { class: "note" }, number(matters.length)),
    ),
    h(
      "div",
      { class: "card" },
      h("ul", { class: "matters" }, list.map(line)),
      more && h("div", { class: "card-foot" }, more),
    ),
  );
}
