// A status is a shape, a word and a colour, so that it is told apart without colours too.

import { h, icon } from "./dom.js";

/** @typedef {"ok" | "warn" | "bad" | "run" | "held" | "idle"} Tone */
/** @typedef {import("./dom.js").IconName} IconName */

/**
 * @param {Tone} tone
 * @param {string | number} word
 * @param {{ icon?: IconName, pill?: boolean }} [options]
 */
export function status(tone, word, options = {}) {
  return h("span", { class: `status ${tone} ${options.pill ? "pill" : ""}`.trim() }, icon(options.icon ?? tone), word);
}
