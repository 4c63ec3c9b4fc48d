// Pages of a list that goes on from a cursor: on to the next, and back the way one came.

import { button, h, replace } from "./dom.js";
import { say } from "./language.js";

/** @typedef {{ next: string | null, text: string, onward: (cursor: string | null) => void }} Page */

export function paging() {
  /** Where the pages before this one began; null is the first. @type {(string | null)[]} */
  let before = [];
  const note = h("p", { class: "grow" });
  const back = button(say("Previous", "Forrige"), { icon: "left", kind: "small" });
  const onward = button(say("Next", "Næste"), { icon: "right", kind: "small" });
  const element = h("div", { class: "card-foot" }, note, back, onward);
  /** @type {string | null} */
  let current = null;
  /** @type {Page} */
  let page = { next: null, text: "", onward: () => {} };
  back.addEventListener("click", () => page.onward(before.pop() ?? null));
  onward.addEventListener("click", () => {
    before.push(current);
    page.onward(page.next);
  });
  return {
    element,
    /** @param {string | null} cursor @param {Page} shown */
    show(cursor, shown) {
      current = cursor;
      page = shown;
      if (cursor === null) before = [];
      replace(note, shown.text);
      back.disabled = cursor === null;
      onward.disabled = shown.next === null;
    },
  };
}
