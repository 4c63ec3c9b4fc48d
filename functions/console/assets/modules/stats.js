// Figures beside each other.

import { h } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/** @param {{ label: string, value: Child }[]} figures */
export function stats(figures) {
  const one = (/** @type {{ label: string, value: Child }} */ figure) =>
    h("div", { class: "stat rounded-2xl" }, h("p", { class: "label" }, figure.label), h("p", { class: "value" }, figure.value));
  return h("div", { class: `grid cols-${figures.length} stats` }, figures.map(one));
}
