// A run that waits for approval: what exactly would go, and the two ways to decide on it.

import { ask } from "./api.js";
import { openConfirm } from "./confirm.js";
import { button, h, s } from "./dom.js";
import { dateTime, number, say } from "./language.js";
import { toast } from "./messages.js";

/**
 * What is held. `decideAt` is the path below which it is decided on.
 * @typedef {{ why: string, removals: number, of: number, going: string[], since: string, until: string | null, decideAt: string }} Held
 */
/** @typedef {{ tenant: string | null, what: [string, string], whose: string, decided: () => void }} Decider What would go, in English and Danish, and of whom. */

/** @param {Held} one @param {[string, string]} what */
const sentence = (one, what) => [
  say("This run would remove ", "Denne kørsel ville fjerne "),
  h("b", { class: "font-medium" }, say(`${number(one.removals)} of ${number(one.of)}`, `${number(one.removals)} af ${number(one.of)}`)),
  ` ${say(...what)}`,
  one.of > 0 && `: ${number(Math.round((one.removals * 100) / one.of))}${say("%", "\u00a0%")}`,
];

/** What the service says beyond how many. @param {Held} one */
const more = (one) => (one.why.includes(",") ? h("p", { class: "note" }, one.why) : null);

/** What stays and what would go, as a sentence, a bar and figures. @param {Held} one @param {[string, string]} what */
export function heldFigures(one, what) {
  const stay = Math.max(0, one.of - one.removals);
  const share = one.of > 0 ? (stay / one.of) * 100 : 0;
  const bar = s(
    "svg",
    { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "fill-idle", width: share, height: 6 }),
    s("rect", { class: "fill-held", x: share, width: 100 - share, height: 6 }),
  );
  return h(
    "div",
    { class: "grid gap-2" },
    h("p", { class: "ink-2" }, sentence(one, what)),
    more(one),
    bar,
    h(
      "p",
      { class: "flex wrap gap-3 text-12 ink-2" },
      h("span", {}, h("i", { class: "dot" }), say(`${number(stay)} stay`, `${number(stay)} bliver`)),
      h("span", {}, h("i", { class: "dot held" }), say(`${number(one.removals)} would go`, `${number(one.removals)} ville ryge`)),
    ),
    h("p", { class: "note" }, say(
      "The plan is made again on approval; one that would then remove more is held again.",
      "Planen laves igen ved godkendelse; en, der så ville fjerne mere, tilbageholdes igen.",
    ), one.until && ` ${say(`Without an answer it is rejected ${dateTime(one.until)}.`, `Uden svar afvises den ${dateTime(one.until)}.`)}`),
  );
}

/** What would go, by name. @param {Held} one */
export function heldNames(one) {
  const rest = one.removals - one.going.length;
  const label = say("What would go", "Hvad der ville ryge");
  const lines = one.going.map((id) => h("li", {}, h("span", { class: "bad", "aria-hidden": "true" }, "−"), h("span", { class: "font-mono break-words" }, id)));
  // It scrolls, so the keyboard has to reach it.
  return h("ul", { class: "going", "aria-label": label, tabindex: one.going.length > 5 ? "0" : null },
    lines, rest > 0 && h("li", { class: "ink-3" }, h("span"), say(`${number(rest)} more`, `${number(rest)} til`)));
}

/** The two ways to decide. @param {Held} one @param {Decider} decider */
export const heldButtons = (one, decider) => [
  button(say("Reject…", "Afvis…"), { kind: "small danger", onclick: () => openRejection(one, decider) }),
  button(say(`Approve up to ${number(one.removals)}…`, `Godkend op til ${number(one.removals)}…`), { kind: "small primary", onclick: () => openApproval(one, decider) }),
];

/** @param {Held} one @param {Decider} decider @param {string} what @param {unknown} [body] */
const decide = (one, { tenant }, what, body) => ask(`${one.decideAt}/${what}`, { method: "POST", body, ...(tenant && { tenant }) });

/** @param {Held} one @param {Decider} decider */
function openApproval(one, decider) {
  const most = h("input", { class: "input", id: "removals-max", type: "number", min: 0, max: one.of, step: 1, value: one.removals, "aria-describedby": "removals-note" });
  const text = () => say(`Approve up to ${number(most.valueAsNumber)}`, `Godkend op til ${number(most.valueAsNumber)}`);
  const { go } = openConfirm(say(`Approve removals of ${decider.whose}`, `Godkend fjernelser hos ${decider.whose}`), {
    body: [
      h("p", { class: "ink-2" }, sentence(one, decider.what)),
      h(
        "div",
        { class: "field" },
        h("label", { for: "removals-max" }, say("How many may go at most", "Hvor mange der højst må ryge")),
        most,
        h("p", { class: "note", id: "removals-note" }, say("Your name, the time and this number are on record.", "Dit navn, tidspunktet og dette tal står i hændelsesloggen.")),
      ),
    ],
    go: text(),
    kind: "danger",
    failed: say("It was not approved", "Det blev ikke godkendt"),
    run: async () => {
      await decide(one, decider, "approve", { removalsMax: most.valueAsNumber });
      toast("ok", say("Approved; the run goes on", "Godkendt; kørslen fortsætter"));
      decider.decided();
    },
  });
  most.addEventListener("input", () => {
    go.disabled = !most.checkValidity() || Number.isNaN(most.valueAsNumber);
    if (!go.disabled) go.textContent = text();
  });
}

/** @param {Held} one @param {Decider} decider */
function openRejection(one, decider) {
  openConfirm(say(`Reject removals of ${decider.whose}`, `Afvis fjernelser hos ${decider.whose}`), {
    body: h("p", { class: "ink-2" }, say("The run ends and nothing of it is removed. Mend the side that lacks them, or it is held again.", "Kørslen slutter, og intet af det fjernes. Ret den side, der mangler dem, ellers tilbageholdes den igen.")),
    go: say("Reject", "Afvis"),
    kind: "danger",
    failed: say("It was not rejected", "Det blev ikke afvist"),
    run: async () => {
      await decide(one, decider, "reject");
      toast("ok", say("Rejected; nothing was removed", "Afvist; intet blev fjernet"));
      decider.decided();
    },
  });
}
