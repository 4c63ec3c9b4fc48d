// Whether the vendor is asked, and what is in force where it fails: retries, backoff, jitter.

import { asError } from "./api.js";
import { controlCard, pair, pairs } from "./control-card.js";
import { refill } from "./control-fill.js";
import { toldBy } from "./control-api.js";
import { breakerPill } from "./control-run-words.js";
import { countdown } from "./countdown.js";
import { button, h, replace, s } from "./dom.js";
import { clock, number, say } from "./language.js";
import { callout, toast } from "./messages.js";
import { momentText } from "./moment.js";
import { span } from "./span.js";

/** @typedef {import("./control-words.js").Breaker} Breaker */
/** @typedef {import("./control-words.js").Config} Config */

/** More of them are a number alone. */
const MARKS_MAX = 10;

/** @param {number} failures @param {number} most */
function marks(failures, most) {
  if (most > MARKS_MAX) return null;
  const one = (/** @type {number} */ index) => s("rect", { class: index < failures ? "fill-bad" : "fill-track", x: index * 14, width: 11, height: 7, rx: 2 });
  const width = most * 14 - 3;
  return s("svg", { viewBox: `0 0 ${width} 7`, width, height: 7, "aria-hidden": "true" }, Array.from({ length: most }, (_, index) => one(index)));
}

/** @param {Config | null} config */
function rules(config) {
  if (!config) return null;
  const { retry, breaker } = config;
  const waits = Array.from({ length: retry.tries - 1 }, (_, index) => Math.min(retry.baseMs * retry.factor ** index, retry.longestMs) / 1_000);
  const texts = waits.map((wait) => number(Math.round(wait * 10) / 10)).join(", ");
  return h(
    "div",
    { class: "grid gap-2" },
    h("h3", {}, say("In force", "Gælder")),
    pairs(
      pair(say("Retry", "Nye forsøg"), say(`${number(retry.tries)} tries in all`, `${number(retry.tries)} i alt`)),
      pair("Backoff", say(`up to ${texts} s`, `op til ${texts} s`)),
      pair(say("Longest", "Længste"), span(retry.longestMs)),
      pair("Jitter", retry.jitter === "full" ? say("full: from 0 to that", "fuld: fra 0 til det") : retry.jitter),
      breaker && pair(say("Opens after", "Åbner efter"), say(`${number(breaker.failures)} in ${span(breaker.withinMs)}`, `${number(breaker.failures)} på ${span(breaker.withinMs)}`)),
      breaker && pair(say("Rests for", "Hviler i"), span(breaker.cooldownMs)),
    ),
    h("p", { class: "note" }, say("What the vendor asks for (Retry-After) comes before it.", "Det, leverandøren beder om (Retry-After), går forud.")),
  );
}

/** @param {import("./control-api.js").Control} control @param {() => void} again */
export function breakerCard(control, again) {
  const card = controlCard(say("Circuit Breaker", "Afbryder"));
  const facts = h("div", { class: "grid gap-3" });
  const more = h("div");
  const reset = button(say("Force Reset", "Tving nulstilling"), { kind: "small wide", "data-testid": "button-reset-breaker", onclick: () => force() });
  replace(card.body, facts, reset, more);
  let counted = "";
  let drawn = "";

  async function force() {
    reset.disabled = true;
    try {
      await control.send(`${control.of}/circuit-breaker/reset`);
      toast("ok", say("The circuit breaker is closed", "Afbryderen er lukket"), say("What failed is forgotten, and it decides by itself again.", "Det, der fejlede, er glemt, og den bestemmer selv igen."));
      again();
    } catch (thrown) {
      toast("bad", say("It could not be reset", "Den kunne ikke nulstilles"), toldBy(asError(thrown)));
    } finally {
      reset.disabled = false;
    }
  }

  /** @param {Breaker} breaker */
  function rests(breaker) {
    const until = breaker.asksAgainAt;
    if (!until) return null;
    const text = breaker.isOpen ? say("One request asks then whether it is well.", "Én forespørgsel prøver da, om den er rask.") : say("The vendor asked to be left alone.", "Leverandøren bad om ro.");
    return h("div", { class: "callout held wait" }, h("div", {}, h("b", {}, say(`Asked again at ${clock(until)}`, `Spørges igen ${clock(until)}`)), h("p", {}, text)), countdown(until, again));
  }

  return {
    element: card.element,
    /** @param {Breaker} breaker @param {Config | null} config */
    show(breaker, config) {
      replace(card.beside, breakerPill(breaker));
      const now = JSON.stringify([breaker, config?.breaker]);
      // A countdown goes on for as long as nothing changed.
      if (now !== counted) {
        counted = now;
        const most = config?.breaker?.failures ?? 5;
        replace(
          facts,
          pairs(
            pair([say("Failures", "Fejl"), config?.breaker && span(config.breaker.withinMs)].filter(Boolean).join(", "), h("span", { class: "flex gap-2 end" }, marks(breaker.failures, most), say(`${breaker.failures} of ${most}`, `${breaker.failures} af ${most}`))),
            pair(say("Last failure", "Seneste fejl"), breaker.lastFailure ? momentText(breaker.lastFailure) : h("span", { class: "ink-3" }, "—")),
          ),
          breaker.forced && callout("warn", say(`Forced ${breaker.forced.state} by ${breaker.forced.by}`, `Tvunget ${breaker.forced.state} af ${breaker.forced.by}`)),
          rests(breaker),
        );
      }
      const rule = JSON.stringify([config?.retry, config?.breaker]);
      if (rule === drawn) return;
      drawn = rule;
      refill(more, rules(config));
    },
  };
}
