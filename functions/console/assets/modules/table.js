// Tables: real ones, whose rows open what they are about.

import { change, parameters } from "./address.js";
import { h, icon, replace } from "./dom.js";
import { say } from "./language.js";

/** @typedef {import("./dom.js").Child} Child */

/** What a cell says that has nothing to say. */
const BLANK = "—";

/**
 * A column. `narrow` says where its cell goes where the table is a list of cards: before all lines, at the end of a line, on the
 * line below, on a line of its own, under those with the column's name unless it is blank; or nowhere, as what the row opens has
 * it. `sort` is a name for the address, and what rows are put into order by; null comes last.
 * @template Row
 * @typedef {{ name: string, cell: (row: Row) => Child, narrow?: "first" | "end" | "below" | "wide" | "more" | "hide", kind?: string, title?: (row: Row) => string | null, sort?: [string, (row: Row) => string | number | null] }} Column
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
  /** @type {Row[]} */
  let given = [];
  const head = columns.map((column) => h("th", { scope: "col", class: column.kind }, column.sort ? null : column.name));
  /** Each column that has an order is a button, which is kept as it has the focus. */
  const buttons = columns.map(({ name, sort }, index) => {
    if (!sort) return null;
    const press = () => {
      // Up, then down, then as the route has them.
      const now = parameters().get("sort");
      change({ sort: now === sort[0] ? `-${sort[0]}` : now === `-${sort[0]}` ? null : sort[0] });
      show(given);
    };
    const title = say("Sort by this", "Sortér efter denne");
    const made = h("button", { type: "button", class: "sort", title, onclick: press }, name);
    head[index].append(made);
    return made;
  });

  function drawOrder() {
    const wanted = parameters().get("sort");
    for (const [index, { name, sort }] of columns.entries()) {
      const made = buttons[index];
      if (!sort || !made) continue;
      const order = wanted === sort[0] ? "ascending" : wanted === `-${sort[0]}` ? "descending" : null;
      if (order) head[index].setAttribute("aria-sort", order);
      else head[index].removeAttribute("aria-sort");
      replace(made, name, order && icon(order === "ascending" ? "up" : "down"));
    }
  }

  /** @param {Row[]} rows */
  function ordered(rows) {
    const wanted = parameters().get("sort") ?? "";
    const sort = columns.find((column) => column.sort?.[0] === wanted.replace(/^-/, ""))?.sort;
    if (!sort) return rows;
    const direction = wanted.startsWith("-") ? -1 : 1;
    return [...rows].sort((left, right) => {
      const [one, other] = [sort[1](left), sort[1](right)];
      if (one === null || other === null) return Number(one === null) - Number(other === null);
      const by = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
      return by * direction;
    });
  }
  const element = h("table", { class: "table stack" }, caption, h("thead", {}, h("tr", {}, head)), body);
  const wrap = h("div", { class: "table-wrap" }, element);
  /** @type {Row[]} */
  let shown = [];

  /** @param {Row} row @param {number} index */
  const line = (row, index) => {
    const cells = columns.map((column) => {
      const cell = h("td", { class: column.kind, "data-narrow": column.narrow, title: column.title?.(row) }, column.cell(row));
      if (column.narrow === "more") cell.dataset.name = column.name;
      if (cell.textContent === BLANK) cell.dataset.blank = "";
      return cell;
    });
    const opens = open && {
      class: "opens",
      // One row is reached by Tab, the others from there.
      tabindex: index === 0 ? "0" : "-1",
      onclick: (/** @type {Event} */ event) => {
        // A button within it does its own.
        if (!(event.target instanceof Element && event.target.closest("button, a, label"))) open(row);
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        open(row);
      },
    };
    return h("tr", { ...opens, "data-key": key?.(row) }, cells);
  };

  /** @param {Row[]} rows */
  function show(rows) {
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && body.contains(active) ? active.dataset.key : undefined;
    const selected = body.querySelector('[aria-selected="true"]');
    const open = selected instanceof HTMLElement ? selected.dataset.key : undefined;
    given = rows;
    shown = ordered(rows);
    drawOrder();
    replace(body, shown.map(line));
    if (open) select(open);
    if (focused) focus(focused);
  }

  /** Marks the row that is open. @param {string | null} wanted */
  function select(wanted) {
    for (const row of body.rows) {
      if (wanted !== null && row.dataset.key === wanted) row.setAttribute("aria-selected", "true");
      else row.removeAttribute("aria-selected");
    }
  }

  /** @param {string} wanted */
  function focus(wanted) {
    const rows = Array.from(body.rows);
    const row = rows.find((row) => row.dataset.key === wanted);
    if (!row) return;
    for (const other of rows) other.tabIndex = other === row ? 0 : -1;
    row.focus();
  }

  return {
    element: wrap,
    /** @param {string} text */
    caption(text) {
      if (caption.textContent !== text) replace(caption, text);
    },
    rows: show,
    /** Lines of the rows' height, where they are about to be. @param {number} count */
    skeleton(count) {
      const widths = ["long", "short", "middle"];
      const cell = (/** @type {Column<Row>} */ column, /** @type {number} */ index) =>
        h("td", { "data-narrow": column.narrow }, h("span", { class: `skeleton ${widths[index % 3]}` }));
      const lines = Array.from({ length: count }, () => h("tr", { "aria-hidden": "true" }, columns.map(cell)));
      shown = [];
      replace(body, lines);
    },
    select,
    /** @param {boolean} refreshing */
    refreshing(refreshing) {
      wrap.classList.toggle("refreshing", refreshing);
    },
    focus,
    /** Goes on to the next row, or back: which one that is. @param {number} step @returns {Row | undefined} */
    move(step) {
      const rows = Array.from(body.rows);
      const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
      const chosen = at >= 0 ? at : rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
      const next = chosen < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(chosen + step, 0), rows.length - 1);
      const row = rows[next];
      if (row?.dataset.key) focus(row.dataset.key);
      return shown[next];
    },
  };
}
