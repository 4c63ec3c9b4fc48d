// Beside the overview: what is due next, and what people decided last.

import { actionText } from "./audit-words.js";
import { h } from "./dom.js";
import { ago, say } from "./language.js";
import { momentText } from "./moment.js";

/** @typedef {import("./overview-words.js").Connection} Connection */

const NEXT_MAX = 6;

/**
 * What is due next, and what people decided last.
 * @param {Connection[]} connections
 * @param {import("./audit-words.js").Entry[]} decisions
 */
export function railCards(connections, decisions) {
  const due = connections
    .filter((one) => one.nextDueAt)
    .sort((left, right) => String(left.nextDueAt).localeCompare(String(right.nextDueAt)))
    .slice(0, NEXT_MAX);
  const card = (
    /** @type {string} */ title,
    /** @type {import("./dom.js").Child} */ more,
    /** @type {import("./dom.js").Child} */ lines,
  ) =>
    h(
      "section",
      { "aria-label": title },
      h("div", { class: "flex gap-2 mb-2" }, h("h2", { class: "grow" }, title), more),
      h("div", { class: "card" }, h("ul", { class: "rail-list" }, lines)),
    );
  return [
    due.length > 0 &&
      card(
        say("Next", "Næste"),
        null,
        due.map((one) =>
          h(
            "li",
            {},
            h("span", { class: "ink-3" }, momentText(String(one.nextDueAt), true)),
            h("span", { class: "grow truncate" }, one.displayName),
            h("span", { class: "note" }, ago(String(one.nextDueAt))),
          ),
        ),
      ),
    decisions.length > 0 &&
      card(
        say("Decisions", "Beslutninger"),
        h("a", { class: "link", href: "/audit" }, say("Audit", "Hændelseslog")),
        decisions.map((entry) =>
          h(
            "li",
            {},
            h("span", { class: "tile", title: entry.actor }, entry.actor.slice(0, 2).toUpperCase()),
            h("span", { class: "grow", title: entry.target }, actionText(entry.action)),
            entry.at && h("span", { class: "note" }, momentText(entry.at, true)),
          ),
        ),
      ),
  ];
}
