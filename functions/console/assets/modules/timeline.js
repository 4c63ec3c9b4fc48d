// What happened to one thing, in order; times are told as what passed since the first.

import { h } from "./dom.js";
import { clock, dateTime, duration } from "./language.js";

/** @typedef {{ mark: SVGElement, at: string | null, text: string, more: string | null }} Event */

/** @param {Event[]} events */
export function timeline(events) {
  const begun = Date.parse(events.find(({ at }) => at)?.at ?? "");
  const after = (/** @type {string} */ at) => {
    const passed = Date.parse(at) - begun;
    return passed > 0 ? `+${duration(passed)}` : clock(at);
  };
  const line = (/** @type {Event} */ event) =>
    h(
      "li",
      {},
      event.mark,
      h("b", {}, event.text),
      event.at && h("time", { datetime: event.at, title: dateTime(event.at) }, after(event.at)),
      event.more && h("span", { class: "more" }, event.more),
    );
  return h("ol", { class: "timeline" }, events.map(line));
}
