// A strip of days, each with what happened on it, to choose one from.

import { h, s } from "./dom.js";
import { dayText, number, say } from "./language.js";
import { status } from "./status.js";

/** @typedef {{ day: string, success: number, error: number, running: number, usd?: number }} Day */

/** More than these are columns, without words. */
const WITH_WORDS_MAX = 14;

/**
 * @param {Day[]} days
 * @param {{ chosen?: string | null, choose: (day: Day) => void }} options
 */
export function dayStrip(days, options) {
  if (days.length > WITH_WORDS_MAX) return columns(days);
  const fullest = Math.max(1, ...days.map(total));
  return h(
    "div",
    { class: "days", role: "group", "aria-label": say("Runs by day (UTC)", "Kørsler pr. dag (UTC)") },
    days.map((day) => {
      const attributes = {
        type: "button",
        class: "day",
        "aria-pressed": String(day.day === options.chosen),
        "aria-label": told(day),
        title: told(day),
        onclick: () => options.choose(day),
      };
      return h("button", attributes, name(day), bar(day, fullest), marks(day));
    }),
  );
}

/** @param {Day} day */
const total = (day) => day.success + day.error + day.running;

/** @param {Day} day */
function told(day) {
  const count = total(day);
  const parts = [count === 1 ? say("1 run", "1 kørsel") : say(`${count} runs`, `${count} kørsler`)];
  if (day.error > 0) parts.push(say(`${day.error} failed`, `${day.error} fejl`));
  if (day.running > 0) parts.push(say(`${day.running} running`, `${day.running} i gang`));
  return `${dayText(day.day, { weekday: "long", day: "numeric", month: "long" })}: ${parts.join(", ")}`;
}

/** @param {Day} day */
function name(day) {
  const weekday = dayText(day.day, { weekday: "short" }).replace(".", "");
  const short = weekday.charAt(0).toUpperCase() + weekday.slice(1);
  return h("span", { class: "name" }, short, h("i", {}, dayText(day.day, { day: "numeric", month: "numeric" })));
}

/** @param {Day} day @returns {[string, number][]} */
const parts = (day) => [["fill-ok", day.success], ["fill-bad", day.error], ["fill-run", day.running]];

/** @param {Day} day @param {number} fullest */
function bar(day, fullest) {
  let x = 0;
  const pieces = parts(day).map(([kind, count]) => {
    const width = (count / fullest) * 100;
    const piece = s("rect", { class: kind, x, width, height: 6 });
    x += width;
    return piece;
  });
  const track = s("rect", { class: "fill-track", width: 100, height: 6 });
  return s("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, track, pieces);
}

/**
 * Too narrow to be pressed: days of a longer time are looked at here, and chosen by their dates.
 * @param {Day[]} days
 */
function columns(days) {
  // A single run is no full column.
  const fullest = Math.max(4, ...days.map(total));
  const failing = days.filter((day) => day.error > 0).length;
  const label = say(
    `Runs on ${days.length} days (UTC), with failures on ${failing} of them`,
    `Kørsler på ${days.length} dage (UTC), med fejl på ${failing} af dem`,
  );
  const one = (/** @type {Day} */ day, /** @type {number} */ index) => {
    let y = 44;
    const pieces = parts(day).map(([kind, count]) => {
      const height = (count / fullest) * 42;
      y -= height;
      return s("rect", { class: kind, x: index * 10 + 1, y, width: 8, height });
    });
    const track = s("rect", { class: "fill-track", x: index * 10 + 1, y: 42, width: 8, height: 2 });
    return s("g", {}, s("title", {}, told(day)), track, pieces);
  };
  const size = { viewBox: `0 0 ${days.length * 10} 44`, preserveAspectRatio: "none" };
  const ends = [days[0], days[days.length - 1]].map(({ day }) => h("span", {}, dayText(day, { day: "numeric", month: "short" })));
  return h(
    "div",
    {},
    s("svg", { class: "columns", role: "img", "aria-label": label, ...size }, days.map(one)),
    h("p", { class: "note ends" }, ends),
  );
}

/** @param {Day} day */
function marks(day) {
  return h(
    "span",
    { class: "marks" },
    h("span", {}, number(total(day))),
    day.error > 0 && status("bad", day.error),
    day.running > 0 && status("run", day.running),
  );
}
