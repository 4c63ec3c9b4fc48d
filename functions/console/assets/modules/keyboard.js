// Keys. They are off while a field has the focus, and a list of them is one key away.

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { say } from "./language.js";

/**
 * `key` is one key, or two after each other with a space between. Without `run` it is listed alone: what has the focus hears it.
 * @typedef {{ key: string, text: string, run?: () => void }} Key
 */

/** @type {Key[]} */
const known = [];
/** @type {string | null} */
let first = null;

/** @param {Key[]} keys */
export function addKeys(keys) {
  known.push(...keys);
}

/** Keys of a list: on to the next row, back, and into it. @param {(step: number) => void} walk @returns {Key[]} */
export const rowKeys = (walk) => [
  { key: "j", text: say("Next row", "Næste række"), run: () => walk(1) },
  { key: "k", text: say("Previous row", "Forrige række"), run: () => walk(-1) },
  { key: "Enter", text: say("Open the row", "Åbn rækken") },
];

/** @param {EventTarget | null} target */
const isField = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName));

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  // A dialog has keys of its own, and closes by itself.
  if (document.querySelector("dialog[open]") || (event.key !== "Escape" && isField(event.target))) return;
  const keys = first ? `${first} ${event.key}` : event.key;
  first = !first && known.some(({ key }) => key.startsWith(`${event.key} `)) ? event.key : null;
  const run = known.find(({ key }) => key === keys)?.run;
  if (!run) return;
  event.preventDefault();
  run();
}

export function startKeyboard() {
  document.addEventListener("keydown", pressed);
  addKeys([{ key: "?", text: say("This list", "Denne liste"), run: showKeys }]);
}

export function showKeys() {
  const parts = (/** @type {string} */ key) => key.split(" ").map((one) => h("kbd", {}, one === "Escape" ? "Esc" : one));
  const lines = known.map(({ key, text }) => [h("dt", {}, text), h("dd", {}, parts(key))]);
  openDialog(say("Keyboard", "Tastatur"), { body: h("dl", { class: "keys" }, lines) });
}
