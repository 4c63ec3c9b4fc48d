// A card of the control centre: a title, what stands beside it, and what it holds. Each is filled anew as more is known.

import { button, h, replace } from "./dom.js";
import { isUtc, say } from "./language.js";
import { callout } from "./messages.js";

/** @typedef {import("./dom.js").Child} Child */

/** @param {string} title @param {string} [kind] */
export function controlCard(title, kind = "") {
  const beside = h("div", { class: "flex gap-2" });
  const body = h("div", { class: "card-body grid gap-3" });
  const head = h("div", { class: "card-head" }, h("h2", { class: "grow truncate" }, title), beside);
  return { element: h("section", { class: `card ${kind}`.trim(), "aria-label": title }, head, body), head, beside, body };
}

/** A name and a value, on one line. @param {string} name @param {...Child} value */
export const pair = (name, ...value) => [h("dt", {}, name), h("dd", {}, ...value)];

/** @param {...Child} pairs */
export const pairs = (...pairs) => h("dl", { class: "pairs" }, ...pairs);

/** A table whose rows alone are drawn anew, so that it stays where it was scrolled to. @param {string} label @param {[string, string?][]} names */
export function tableOf(label, names) {
  const body = h("tbody");
  const head = h("thead", {}, h("tr", {}, names.map(([name, kind]) => h("th", { scope: "col", class: kind }, name))));
  return { element: h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": label }, h("table", { class: "table dense" }, head, body)), body };
}

/**
 * Fills a place with what comes behind the first view.
 * @param {HTMLElement} place
 * @param {() => Promise<Child[]>} load
 */
export async function fillLater(place, load) {
  try {
    replace(place, await load());
  } catch (thrown) {
    console.error(thrown);
    const again = button(say("Load the page again", "Indlæs siden igen"), { kind: "small", onclick: () => location.reload() });
    replace(place, callout("bad", say("This part could not be loaded", "Denne del kunne ikke indlæses"), null, { actions: [again], role: "alert" }));
  }
}

/**
 * Draws anew only where there is something else to draw: what a person opened, scrolled or types there stays as it is.
 * @template {any[]} What
 * @param {(...what: What) => void} draw
 */
export function whenOther(draw) {
  let known = "";
  return (/** @type {What} */ ...what) => {
    const now = JSON.stringify([isUtc(), what]);
    if (now === known) return;
    known = now;
    draw(...what);
  };
}
