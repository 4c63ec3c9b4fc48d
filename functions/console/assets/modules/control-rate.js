// What is left of a connection's quota, over the time that the page is looked at.

import { controlCard, pair, pairs } from "./control-card.js";
import { h, replace, s } from "./dom.js";
import { clock, clockShort, number, say } from "./language.js";

/** @typedef {import("./control-words.js").Quota} Quota */

/** Samples that are kept: a quarter of an hour, looked at every few seconds. */
const SAMPLES_MAX = 450;
const SPAN_MS = 900_000;
const [WIDTH, HEIGHT] = [240, 56];

/** @typedef {{ at: number, left: number }} Sample */
/** What the vendor itself said of its limit, with a page. @typedef {{ limit?: number, remaining?: number, reset?: string, at: string }} Said */

/** @param {Sample[]} samples @param {number} most */
function chart(samples, most) {
  const from = samples[0].at;
  const span = Math.max(samples[samples.length - 1].at - from, 1);
  const x = (/** @type {number} */ at) => (((at - from) / span) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ left) => (HEIGHT - (left / most) * (HEIGHT - 4)).toFixed(1);
  const points = samples.map((one) => `${x(one.at)},${y(one.left)}`).join(" ");
  const last = samples[samples.length - 1];
  const label = say(
    `Requests that may be sent at once, ${clockShort(from)} to ${clock(last.at)}: from ${samples[0].left} to ${last.left}, at least ${Math.min(...samples.map((one) => one.left))}`,
    `Forespørgsler, der må sendes på én gang, ${clockShort(from)} til ${clock(last.at)}: fra ${samples[0].left} til ${last.left}, mindst ${Math.min(...samples.map((one) => one.left))}`,
  );
  return s(
    "svg",
    { class: "rate", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("polygon", { class: "area", points: `0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}` }),
    s("polyline", { class: "stroke-run", points }),
  );
}

/** @param {Said} said */
function vendors({ limit, remaining, reset, at }) {
  const text = remaining === undefined ? say(`${number(limit)} in all`, `${number(limit)} i alt`) : limit === undefined ? say(`${number(remaining)} left`, `${number(remaining)} tilbage`) : say(`${number(remaining)} of ${number(limit)} left`, `${number(remaining)} af ${number(limit)} tilbage`);
  const more = reset && Date.parse(reset) > Date.now() ? say(`, more at ${clock(reset)}`, `, flere ${clock(reset)}`) : "";
  return pair(say(`Vendor, ${clockShort(at)}`, `Leverandør, ${clockShort(at)}`), text + more);
}

export function rateCard() {
  const card = controlCard(say("Rate limit", "Hastighedsgrænse"));
  /** @type {Sample[]} */
  let samples = [];
  return {
    element: card.element,
    /** @param {Quota | null} quota @param {string} words What the vendor documents. @param {Said | null} said */
    show(quota, words, said) {
      if (!quota) return replace(card.body, h("p", { class: "ink-3" }, say("The settings say of none.", "Indstillingerne nævner ingen.")));
      const now = Date.now();
      samples = [...samples.filter((one) => one.at > now - SPAN_MS), { at: now, left: quota.remaining }].slice(-SAMPLES_MAX);
      const most = Math.max(1, ...samples.map((one) => one.left));
      replace(card.beside, h("span", { class: "note" }, say(`${number(quota.remaining)} at once now`, `${number(quota.remaining)} på én gang nu`)));
      const ends = h("div", { class: "time-ends" }, h("span", {}, clock(samples[0].at)), h("b", {}, say("now", "nu")));
      replace(
        card.body,
        h("div", {}, chart(samples, most), ends),
        pairs(
          pair(say("A minute", "I minuttet"), number(quota.limit)),
          pair(say("An hour", "I timen"), number(quota.limitPerHour)),
          said && vendors(said),
          quota.reset && pair(say("Next request", "Næste"), clock(quota.reset)),
        ),
        words && h("p", { class: "note" }, words),
      );
    },
  };
}
