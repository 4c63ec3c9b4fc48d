// Tables: real ones, whose rows open what they are about.

import { h, replace } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * A column. `narrow` says where its cell goes where the table is a list of cards: at the end of a line, on the line below,
 * on a line of its own, nowhere.
 * @template Row
 * @typedef {{ name: string, cell: (row: Row) => Child, narrow?: "end" | "below" | "wide" | "hide", kind?: string, title?: (row: Row) => string | null }} Column
 */

/**
 * @template Row
 * @param {Column<Row>[]} columns
 * @param {{ open?: (row: Row) => void, key?: (row: Row) => string }} [options]
 */
export function table(columns, options = {}) {
  const { open, key } = options;
  const caption = h("caption", { "aria-live": "polite" });
  const body = h("tbody");
  const head = columns.map((column) => h("th", { scope: "col", class: column.kind }, column.name));
  const element = h("table", { class: "table stack" }, caption, h("thead", {}, h("tr", {}, head)), body);
  const wrap = h("div", { class: "table-wrap" }, element);
  /** @type {Row[]} */
  let shown = [];

  /** @param {Row} row @param {number} index */
  const line = (row, index) => {
    const cells = columns.map((column) =>
      h("td", { class: column.kind, "data-narrow": column.narrow, title: column.title?.(row) }, column.cell(row)),
    );
    const opens = open && {
      class: "opens",
      // One row is reached by Tab, the others from there.
      tabindex: index === 0 ? "0" : "-1",
      onclick: () => open(row),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        open(row);
      },
    };
    return h("tr", { ...opens, "data-key": key?.(row) }, cells);
  };

  return {
    element: wrap,
    /** @param {string} text */
    caption(text) {
      if (caption.textContent !== text) replace(caption, text);
    },
    /** @param {Row[]} rows */
    rows(rows) {
      const active = document.activeElement;
      const focused = active instanceof HTMLElement && body.contains(active) ? active.dataset.key : undefined;
      shown = rows;
      replace(body, rows.map(line));
      if (focused) this.focus(focused);
    },
    /** Lines of the rows' height, where they are about to be. @param {number} count */
    skeleton(count) {
      const widths = ["long", "short", "middle"];
      const cell = (/** @type {Column<Row>} */ column, /** @type {number} */ index) =>
        h("td", { "data-narrow": column.narrow }, h("span", { class: `skeleton ${widths[index % 3]}` }));
      const lines = Array.from({ length: count }, () => h("tr", { "aria-hidden": "true" }, columns.map(cell)));
      shown = [];
      replace(body, lines);
    },
    /** Marks the row that is open. @param {string | null} wanted */
    select(wanted) {
      for (const row of body.rows) {
        if (wanted !== null && row.dataset.key === wanted) row.setAttribute("aria-selected", "true");
        else row.removeAttribute("aria-selected");
      }
    },
    /** @param {boolean} refreshing */
    refreshing(refreshing) {
      wrap.classList.toggle("refreshing", refreshing);
    },
    /** @param {string} wanted */
    focus(wanted) {
      const rows = Array.from(body.rows);
      const row = rows.find((row) => row.dataset.key === wanted);
      if (!row) return;
      for (const other of rows) other.tabIndex = other === row ? 0 : -1;
      row.focus();
    },
    /** Goes on to the next row, or back: which one that is. @param {number} step @returns {Row | undefined} */
    move(step) {
      const rows = Array.from(body.rows);
      const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
      const chosen = at >= 0 ? at : rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
      const next = chosen < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(chosen + step, 0), rows.length - 1);
      const row = rows[next];
      if (row?.dataset.key) this.focus(row.dataset.key);
      return shown[next];
    },
  };
}
