// A moment to choose: typed or picked, in the time zone that the page shows.

import { h } from "./dom.js";
import { isUtc } from "./language.js";

/** What such a field holds: `2024-06-07T14:30`. @param {string | null} at */
function held(at) {
  const time = Date.parse(at ?? "");
  if (Number.isNaN(time)) return "";
  const shift = isUtc() ? 0 : new Date(time).getTimezoneOffset() * 60_000;
  return new Date(time - shift).toISOString().slice(0, 16);
}

/**
 * Enter applies what is typed, and so does leaving the field.
 * @param {string} filter
 * @param {string} name
 * @param {(at: string | null) => void} chosen
 */
export function timeField(filter, name, chosen) {
  const input = h("input", { type: "datetime-local", "aria-label": name, max: "9999-12-31T23:59" });
  let shown = "";
  const go = () => {
    if (input.value === shown || input.validity.badInput) return;
    shown = input.value;
    chosen(input.value ? new Date(isUtc() ? `${input.value}Z` : input.value).toISOString() : null);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go();
  });
  input.addEventListener("blur", go);
  return {
    element: h("label", { class: "chip", "data-filter": filter }, h("span", { class: "key" }, name), input),
    /** @param {string | null} at */
    show(at) {
      shown = held(at);
      if (input.value !== shown) input.value = shown;
    },
    /** Whether somebody is typing in it. */
    isTouched: () => document.activeElement === input && input.value !== shown,
  };
}
