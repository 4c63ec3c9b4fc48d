// Rows that are chosen, to do something to all of them.

import { h } from "./dom.js";
import { say } from "./language.js";

/**
 * @template Row
 * @param {{ key: (row: Row) => string, name: (row: Row) => string, changed: () => void }} options
 */
export function selection(options) {
  const { key, name, changed } = options;
  /** @type {Set<string>} */
  const chosen = new Set();
  /** @type {Row[]} */
  let rows = [];
  /** Where a range begins. @type {string | null} */
  let anchor = null;
  /** @type {HTMLElement | null} */
  let within = null;
  const all = h("input", {
    class: "check",
    type: "checkbox",
    "aria-label": say("Select all that are shown", "Vælg alle viste"),
  });
  all.addEventListener("change", () => {
    for (const row of rows)
      if (all.checked) chosen.add(key(row));
      else chosen.delete(key(row));
    show();
    changed();
  });

  function show() {
    for (const line of within?.querySelectorAll("tbody tr") ?? []) {
      const one = line instanceof HTMLElement ? line.dataset.key : undefined;
      const isChosen = one !== undefined && chosen.has(one);
      line.classList.toggle("chosen", isChosen);
      const box = line.querySelector("input.check");
      if (box instanceof HTMLInputElement) box.checked = isChosen;
    }
    all.checked = rows.length > 0 && chosen.size === rows.length;
    all.indeterminate = chosen.size > 0 && chosen.size < rows.length;
  }

  /** @param {Row} row @param {boolean} range */
  function toggle(row, range) {
    const at = key(row);
    const wanted = !chosen.has(at);
    const from = rows.findIndex((other) => key(other) === anchor);
    const to = rows.findIndex((other) => key(other) === at);
    const reach = range && from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [row];
    for (const one of reach)
      if (wanted) chosen.add(key(one));
      else chosen.delete(key(one));
    anchor = at;
    show();
    changed();
  }

  return {
    all,
    /** The table's element, once it is there. @param {HTMLElement} element */
    attach(element) {
      within = element;
      element.querySelector("th")?.replaceChildren(all);
    },
    /** What a row's first cell holds. @param {Row} row */
    box(row) {
      const label = say(`Select ${name(row)}`, `Vælg ${name(row)}`);
      const box = h("input", { class: "check", type: "checkbox", tabindex: "-1", "aria-label": label });
      box.addEventListener("click", (event) => {
        event.stopPropagation();
        toggle(row, event.shiftKey);
      });
      return box;
    },
    toggle,
    /** What can be chosen now; what is gone is not chosen any more. @param {Row[]} now */
    rows(now) {
      rows = now;
      const there = new Set(now.map(key));
      for (const one of chosen) if (!there.has(one)) chosen.delete(one);
      show();
    },
    clear() {
      chosen.clear();
      show();
      changed();
    },
    chosen: () => rows.filter((row) => chosen.has(key(row))),
  };
}
