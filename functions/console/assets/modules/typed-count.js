// A count to be typed: who means many, or means to remove, says how many.

import { h } from "./dom.js";
import { say } from "./language.js";

/** @param {number} count @param {(right: boolean) => void} typed */
export function typedCount(count, typed) {
  const field = h("input", { class: "input", id: "typed-count", inputmode: "numeric", autocomplete: "off" });
  field.addEventListener("input", () => typed(field.value.trim() === String(count)));
  return h(
    "div",
    { class: "field" },
    h("label", { for: "typed-count" }, say(`Type ${count} to go on`, `Skriv ${count} for at gå videre`)),
    field,
  );
}
