// Fields that filters are made of: one to type into, and one to choose from.

import { h, icon } from "./dom.js";

/**
 * A field for a text. Enter applies it, Escape goes back to what is applied.
 * @param {string} name
 * @param {(text: string) => void} apply
 * @param {boolean} [isFirst] Whether a key leads to it.
 */
export function searchField(name, apply, isFirst = true) {
  let applied = "";
  const input = h("input", {
    type: "search",
    placeholder: name,
    "aria-label": name,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 200,
  });
  const go = () => {
    if (input.value.trim() !== applied) apply(input.value.trim());
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go();
    if (event.key !== "Escape") return;
    event.stopPropagation();
    // Chromium empties such a field by itself, and so would take the filter away.
    event.preventDefault();
    input.value = applied;
    input.blur();
  });
  input.addEventListener("search", go);
  input.addEventListener("change", go);
  return {
    element: h(
      "label",
      { class: "search" },
      icon("search"),
      input,
      isFirst && h("kbd", { class: "kbd not-narrow", "aria-hidden": "true" }, "/"),
    ),
    input,
    /** @param {string} text */
    show(text) {
      if (document.activeElement !== input || text !== applied) input.value = text;
      applied = text;
    },
  };
}

/**
 * One of several, in a chip.
 * @param {string} filter
 * @param {string} name
 * @param {string} value
 * @param {[string, string][]} choices
 * @param {(value: string) => void} chosen
 * @param {boolean} [isSet] Whether it is another one than without a filter.
 */
export function selectChip(filter, name, value, choices, chosen, isSet = value !== "") {
  const select = h(
    "select",
    { "aria-label": name },
    choices.map(([one, text]) => h("option", { value: one, selected: one === value }, text)),
  );
  select.addEventListener("change", () => chosen(select.value));
  return h(
    "label",
    { class: isSet ? "chip set" : "chip", "data-filter": filter },
    h("span", { class: "key" }, name),
    select,
    icon("down"),
  );
}
