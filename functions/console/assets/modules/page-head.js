// The head of a page: what it is, what it is for, and what can be done.

import { h } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/** @param {string} title @param {Child} intro A text, or an element that says more as more is known. @param {Child} [tools] */
export function pageHead(title, intro, tools) {
  const line = intro instanceof HTMLElement ? intro : h("p", { class: "intro" }, intro);
  return h("div", { class: "page-head" }, h("div", { class: "grow" }, h("h1", {}, title), line), tools);
}
