// When things came, in columns coloured by what became of them.

import { h, s } from "./dom.js";
import { clockShort, dayMonth, number, say } from "./language.js";

/** @typedef {{ at: string, kind: "run" | "bad" | "held" | "idle" | "ok" }} Mark */

const COLUMNS = 60;
const HEIGHT = 44;
const DAY_MS = 86_400_000;

/**
 * @param {Mark[]} marks
 * @param {{ label: string, from?: string | null, to?: string | null, choose?: (from: string, to: string) => void }} options `from`
 *   and `to`: what was asked for, if that is all here; else it goes from the first mark to the last.
 */
export function timeChart(marks, options) {
  const bounds = [options.from, options.to].map((at) => Date.parse(at ?? ""));
  const times = [...marks.map(({ at }) => Date.parse(at)), ...bounds].filter((at) => !Number.isNaN(at));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const step = Math.max(1000, Math.ceil((last - first + 1) / COLUMNS));
  const columns = Array.from({ length: COLUMNS }, () => ({ ok: 0, run: 0, idle: 0, bad: 0, held: 0 }));
  for (const { at, kind } of marks) {
    const column = columns[Math.floor((Date.parse(at) - first) / step)];
    if (column) column[kind] += 1;
  }
  const total = (/** @type {typeof columns[number]} */ column) =>
    Object.values(column).reduce((sum, count) => sum + count, 0);
  // A single one is no full column.
  const fullest = Math.max(4, ...columns.map(total));
  const bars = columns.map((column, index) => {
    let y = HEIGHT;
    const pieces = Object.entries(column)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => {
        // What is rare is to be seen all the same.
        const height = Math.max(2, (count / fullest) * (HEIGHT - 4));
        y -= height;
        return s("rect", { class: `fill-${kind}`, x: index * 10, y, width: 8, height });
      });
    const from = first + index * step;
    const title = s("title", {}, `${clockShort(from)}: ${number(total(column))}`);
    const hit = s("rect", { class: "hit", x: index * 10, y: 0, width: 10, height: HEIGHT }, title);
    if (options.choose && total(column) > 0) {
      hit.classList.add("opens");
      hit.addEventListener("click", () =>
        options.choose?.(new Date(from).toISOString(), new Date(from + step - 1).toISOString()),
      );
    }
    return [pieces, hit];
  });
  const picture = s(
    "svg",
    {
      class: "times",
      viewBox: `0 0 ${COLUMNS * 10} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": options.label,
    },
    bars,
  );
  const { choose } = options;
  if (choose) {
    stretch(picture, (from, to) =>
      choose(new Date(first + from * step).toISOString(), new Date(first + (to + 1) * step - 1).toISOString()),
    );
  }
  const name = (/** @type {number} */ at) =>
    last - first > DAY_MS ? `${dayMonth(at)} ${clockShort(at)}` : clockShort(at);
  const ends = h(
    "div",
    { class: "time-ends", "aria-hidden": "true" },
    h("span", {}, name(first)),
    h("b", {}, last > Date.now() - 60_000 ? say("now", "nu") : name(last)),
  );
  return h("div", { class: "chart-times" }, picture, ends);
}

/**
 * Lets a stretch of columns be chosen by drawing over them. By keyboard, fields for two moments do the same.
 * @param {SVGElement} picture
 * @param {(from: number, to: number) => void} chosen
 */
function stretch(picture, chosen) {
  const band = s("rect", { class: "band", y: 0, height: HEIGHT });
  /** @type {number | null} */
  let begun = null;
  const columnAt = (/** @type {PointerEvent} */ event) => {
    const { left, width } = picture.getBoundingClientRect();
    const column = Math.floor(((event.clientX - left) / width) * COLUMNS);
    return Math.min(Math.max(column, 0), COLUMNS - 1);
  };
  const ends = (/** @type {PointerEvent} */ event) =>
    [begun ?? 0, columnAt(event)].sort((left, right) => left - right);
  picture.addEventListener("pointerdown", (event) => {
    if (event.button === 0) begun = columnAt(event);
  });
  picture.addEventListener("pointermove", (event) => {
    if (begun === null) return;
    const [from, to] = ends(event);
    if (from === to) return band.remove();
    picture.setPointerCapture(event.pointerId);
    band.setAttribute("x", String(from * 10));
    band.setAttribute("width", String((to - from + 1) * 10));
    picture.append(band);
  });
  picture.addEventListener("pointerup", (event) => {
    const [from, to] = ends(event);
    // Within one column it is a click, which columns take themselves.
    if (begun !== null && from !== to) chosen(from, to);
    begun = null;
    band.remove();
  });
  picture.addEventListener("pointercancel", () => {
    begun = null;
    band.remove();
  });
}

/**
 * A line of figures, with marks below where something failed.
 * @param {number[]} values The oldest first.
 * @param {number[]} [failures]
 */
export function sparkline(values, failures = []) {
  const [width, height] = [80, 20];
  const most = Math.max(1, ...values);
  const x = (/** @type {number} */ index) => (values.length < 2 ? 0 : (index / (values.length - 1)) * width);
  const y = (/** @type {number} */ value) => height - 5 - (value / most) * (height - 7);
  const isQuiet = values.every((value) => value === 0);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const line = isQuiet
    ? s("line", { class: "quiet", x1: 0, x2: width, y1: height - 5, y2: height - 5 })
    : [
        s("polygon", { class: "area", points: `0,${height - 5} ${points} ${width},${height - 5}` }),
        s("polyline", { class: "stroke-run", points }),
      ];
  const dots = failures.map(
    (count, index) => count > 0 && s("circle", { class: "fill-bad", cx: x(index), cy: height - 1.5, r: 1.5 }),
  );
  return s("svg", { class: "sparkline", viewBox: `-2 0 ${width + 4} ${height}`, "aria-hidden": "true" }, line, dots);
}
