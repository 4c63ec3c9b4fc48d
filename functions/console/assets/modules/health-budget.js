// What is left of what may fail in a day.

import { h, s } from "./dom.js";
import { budget, ERRORS_MAX_PERCENT } from "./health-words.js";
import { number, say } from "./language.js";
import { callout } from "./messages.js";

/** @typedef {import("./health-words.js").Integration} Integration */

/** @param {number} left */
const budgetTone = (left) => (left <= 0 ? "bad" : left < 50 ? "warn" : "ok");

/** @param {Integration} one */
export function budgetBar(one) {
  const of = budget(one);
  if (!of) return h("span", { class: "ink-3" }, "—");
  return h("span", { class: "budget-bar" }, bar(of.left), h("span", {}, `${of.left} %`));
}

/** @param {number} left */
function bar(left) {
  const track = s("rect", { class: "fill-track", width: 100, height: 6 });
  const rest = s("rect", { class: `fill-${budgetTone(left)}`, width: left, height: 6 });
  return s(
    "svg",
    { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    track,
    rest,
  );
}

/** @param {Integration} one @param {string} provider */
export function budgetCard(one, provider) {
  const of = budget(one);
  const goal = say(`${100 - ERRORS_MAX_PERCENT} % in 24 h`, `${100 - ERRORS_MAX_PERCENT} % i 24 t`);
  const head = h(
    "div",
    { class: "card-head" },
    h("h2", { class: "grow" }, say("Error budget", "Fejlbudget")),
    h("span", { class: "note" }, goal),
  );
  if (!of)
    return h(
      "section",
      { class: "card", "aria-label": say("Error budget", "Fejlbudget") },
      head,
      h(
        "p",
        { class: "card-body ink-3" },
        say("Nothing came in 24 hours, so nothing is spent.", "Intet kom i 24 timer, så intet er brugt."),
      ),
    );
  const allowed = number(Math.floor(of.allowed * 10) / 10);
  const spent = say(
    `left: ${number(one.recentFailures)} of ${number(of.total)} failed, ${allowed} may`,
    `tilbage: ${number(one.recentFailures)} af ${number(of.total)} fejlede, ${allowed} må`,
  );
  const failed = new URLSearchParams({ status: "dead", source: `${provider}/${one.brandId}`, tenant: one.tenantId });
  const over =
    one.recentFailures > of.allowed &&
    callout(
      of.left <= 0 && one.status === "unhealthy" ? "bad" : "warn",
      say(
        `Spent ${number(Math.round((one.recentFailures / of.allowed) * 10) / 10)} times over`,
        `Brugt ${number(Math.round((one.recentFailures / of.allowed) * 10) / 10)} gange`,
      ),
      h("a", { class: "link", href: `/deliveries?${failed}` }, say("See what failed", "Se hvad der fejlede")),
    );
  return h(
    "section",
    { class: "card", "aria-label": say("Error budget", "Fejlbudget") },
    head,
    h(
      "div",
      { class: "card-body grid gap-3" },
      h("p", { class: "figure" }, h("b", {}, `${of.left} %`), " ", spent),
      bar(of.left),
      over,
    ),
  );
}
