// When deliveries came, and what became of how many.

import { moment } from "./delivery-feed.js";
import { h } from "./dom.js";
import { number, say } from "./language.js";
import { timeChart } from "./time-chart.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */

/** Of fewer there is nothing to see. */
const MARKS_MIN = 2;

/** @param {Delivery} one @returns {import("./time-chart.js").Mark["kind"]} */
function kindOf(one) {
  if (one.status === "rejected") return "bad";
  if (one.status === "dead") return "held";
  return one.outcome === "older" || one.outcome === "unhandled" ? "idle" : "run";
}

/**
 * The deliveries that are shown, by time; nothing of few.
 * @param {Delivery[]} shown
 * @param {{ from: string | null, to: string | null, choose: (from: string, to: string) => void }} options
 */
export function deliveryChart(shown, options) {
  const marks = shown.map((one) => ({ at: moment(one), kind: kindOf(one) })).filter(({ at }) => at);
  if (marks.length < MARKS_MIN) return [];
  const count = (/** @type {string} */ kind) => marks.filter((mark) => mark.kind === kind).length;
  const legend = [
    ["run", count("run"), say("processed", count("run") === 1 ? "behandlet" : "behandlede")],
    ["idle", count("idle"), say("kept without effect", "gemt uden virkning")],
    ["bad", count("bad"), say("rejected", count("bad") === 1 ? "afvist" : "afviste")],
    ["held", count("held"), say("dead", count("held") === 1 ? "død" : "døde")],
  ];
  const told = legend.filter(([, of]) => Number(of) > 0);
  const label =
    say(`The ${number(marks.length)} shown by time: `, `De ${number(marks.length)} viste efter tid: `) +
    told.map(([, of, name]) => `${of} ${name}`).join(", ");
  return [
    timeChart(marks, { label, ...options }),
    h(
      "div",
      { class: "legend mb-3", "aria-hidden": "true" },
      h("span", { class: "ink-3" }, say(`The ${number(marks.length)} shown:`, `De ${number(marks.length)} viste:`)),
      told.map(([kind, of, name]) => h("span", {}, h("i", { class: `dot ${kind}` }), number(Number(of)), " ", name)),
    ),
  ];
}
