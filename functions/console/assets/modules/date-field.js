// A day to choose: typed, or from a calendar.

import { button, h, replace } from "./dom.js";
import { parseDay } from "./address.js";
import { dayText, say } from "./language.js";

/** @param {string} day */
const typed = (day) => day.split("-").reverse().join("-");

/**
 * @param {string} name `Fra`
 * @param {string | null} day
 * @param {(day: string) => void} chosen
 */
export function dateField(name, day, chosen) {
  const text = day ? dayText(day) : say("choose a date", "vælg dato");
  const open = h("button", { type: "button", class: "chip", "aria-haspopup": "dialog", "aria-expanded": "false" });
  replace(open, h("span", { class: "key" }, name), " ", text);
  const element = h("div", { class: "anchor" }, open);
  /** @type {HTMLElement | null} */
  let popover = null;

  const close = (/** @type {boolean} */ back) => {
    popover?.remove();
    popover = null;
    open.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
    if (back) open.focus();
  };
  const outside = (/** @type {Event} */ event) => {
    if (event.target instanceof Node && !element.contains(event.target)) close(false);
  };
  const choose = (/** @type {string} */ next) => {
    close(true);
    chosen(next);
  };
  const show = () => {
    popover = pop(name, day, choose);
    popover.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close(true);
    });
    element.append(popover);
    open.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside);
    popover.querySelector("input")?.focus();
  };
  open.addEventListener("click", () => (popover ? close(true) : show()));
  return element;
}

/** @param {string} name @param {string | null} day @param {(day: string) => void} choose */
function pop(name, day, choose) {
  const input = h("input", {
    class: "input",
    type: "text",
    inputmode: "numeric",
    placeholder: "dd-mm-yyyy",
    value: day ? typed(day) : null,
    "aria-label": name,
    autocomplete: "off",
  });
  const wrong = h("p", { class: "field-error", role: "status" });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const parsed = parseDay(input.value);
    if (parsed) return choose(parsed);
    input.setAttribute("aria-invalid", "true");
    replace(wrong, say("That is no day: day-month-year", "Det er ingen dato: dag-måned-år"));
  });
  const calendar = h("div");
  month(calendar, (day ?? new Date().toISOString()).slice(0, 7), day, choose);
  return h("div", { class: "popover", role: "dialog", "aria-label": name }, input, wrong, calendar);
}

/** @param {HTMLElement} at @param {string} shown `2025-10` @param {string | null} day @param {(day: string) => void} choose */
function month(at, shown, day, choose) {
  const first = new Date(`${shown}-01T00:00:00Z`);
  const step = (/** @type {number} */ by) => {
    const next = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + by, 1));
    month(at, next.toISOString().slice(0, 7), day, choose);
  };
  const before = button(say("Month before", "Måneden før"), { icon: "left", iconOnly: true, kind: "quiet small", onclick: () => step(-1) });
  const after = button(say("Month after", "Måneden efter"), { icon: "right", iconOnly: true, kind: "quiet small", onclick: () => step(1) });
  const title = h("b", { class: "grow font-medium" }, dayText(`${shown}-01`, { month: "long", year: "numeric" }));
  const monday = (first.getUTCDay() + 6) % 7;
  const length = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  // 5 January 2026 is a Monday.
  const weekdays = ["05", "06", "07", "08", "09", "10", "11"].map((date) => dayText(`2026-01-${date}`, { weekday: "narrow" }));
  const cells = Array.from({ length }, (_, index) => {
    const one = `${shown}-${String(index + 1).padStart(2, "0")}`;
    const attributes = { type: "button", "aria-pressed": String(one === day), "aria-label": dayText(one, { dateStyle: "long" }) };
    return h("button", { ...attributes, onclick: () => choose(one) }, index + 1);
  });
  const gaps = Array.from({ length: monday }, () => h("span"));
  const head = weekdays.map((name) => h("span", { "aria-hidden": "true" }, name));
  replace(at, h("div", { class: "flex gap-1 mb-2" }, title, before, after), h("div", { class: "calendar" }, head, gaps, cells));
}
