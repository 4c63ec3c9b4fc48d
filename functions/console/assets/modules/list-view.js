// A list in each of its states: loading, failed, empty, as it is, and as it was when it could be had last.

import { h, replace } from "./dom.js";
import { stale } from "./messages.js";
import { unavailable } from "./unavailable.js";

/**
 * @template Row
 * @param {HTMLElement} content Where it is.
 * @param {{ element: HTMLElement, caption: (text: string) => void, skeleton: (count: number) => void, rows: (rows: Row[]) => void }} list
 * @param {{
 *   items: Row[] | null, problem: import("./api.js").ApiError | null, shownAt: Date | null, again: () => void, failed: string,
 *   loading: string, lines: number, none: () => HTMLElement, caption: () => string,
 * }} state `items` is null until there are some to show, or none.
 * @returns {boolean} Whether rows are shown.
 */
export function drawList(content, list, state) {
  const { items, problem, shownAt, again } = state;
  if (!items && problem) {
    replace(content, unavailable(state.failed, problem, again));
    return false;
  }
  if (!items) {
    list.caption(state.loading);
    list.skeleton(state.lines);
    replace(content, list.element);
    return false;
  }
  const old = problem && shownAt ? h("div", { class: "card-body" }, stale(shownAt, problem, again)) : null;
  if (items.length === 0) {
    replace(content, old, state.none());
    return false;
  }
  list.caption(state.caption());
  list.rows(items);
  if (content.firstElementChild !== list.element || old) replace(content, old, list.element);
  return true;
}
