// A mirror that waits for approval: what exactly would go, and who may decides.

import { ask } from "./api.js";
import { openConfirm } from "./confirm.js";
import { button, h, s } from "./dom.js";
import { dateTime, number, say } from "./language.js";
import { toast } from "./messages.js";
import { strategyText } from "./mirror-words.js";
import { status } from "./status.js";

/** @typedef {import("./mirror-words.js").Held} Held */

/** @param {Held} one @param {boolean} mayDecide @param {() => void} decided */
export function heldCard(one, mayDecide, decided) {
  const id = `held-${one.id}`;
  const where = [one.tenantId, strategyText(one.strategy), one.connection].join(" · ");
  const approve = button(say(`Approve up to ${number(one.removals)}…`, `Godkend op til ${number(one.removals)}…`), {
    kind: "small primary",
    onclick: () => openApproval(one, decided),
  });
  const reject = button(say("Reject…", "Afvis…"), { kind: "small danger", onclick: () => openRejection(one, decided) });
  const head = h(
    "div",
    { class: "card-head" },
    h("h2", { id }, say("Waiting for approval", "Afventer godkendelse")),
    status("held", say(`Held since ${dateTime(one.since)}`, `Siden ${dateTime(one.since)}`), { pill: true }),
    h("span", { class: "note grow" }, where),
    mayDecide && h("span", { class: "flex gap-2" }, reject, approve),
  );
  const stay = Math.max(0, one.of - one.removals);
  const share = one.of > 0 ? (stay / one.of) * 100 : 0;
  const bar = s(
    "svg",
    { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "fill-idle", width: share, height: 6 }),
    s("rect", { class: "fill-held", x: share, width: 100 - share, height: 6 }),
  );
  const left = h(
    "div",
    { class: "grid gap-2" },
    h("p", { class: "ink-2" }, sentence(one)),
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
  return h("section", { class: "card mb-3", "aria-labelledby": id }, head, h("div", { class: "card-body held-body" }, left, going(one)));
}

/** @param {Held} one */
const sentence = (one) => [
  say("This run would remove ", "Denne kørsel ville fjerne "),
  h("b", { class: "font-medium" }, say(`${number(one.removals)} of ${number(one.of)}`, `${number(one.removals)} af ${number(one.of)}`)),
  say(" categories", " kategorier"),
  one.of > 0 && `: ${number(Math.round((one.removals * 100) / one.of))}${say("%", "\u00a0%")}`,
];

/** What the service says beyond how many. @param {Held} one */
const more = (one) => (one.why === `${one.removals} of ${one.of} categories would go` ? null : h("p", { class: "note" }, one.why));

/** @param {Held} one */
function going(one) {
  const rest = one.removals - one.going.length;
  const label = say("What would go", "Hvad der ville ryge");
  const lines = one.going.map((id) => h("li", {}, h("span", { class: "bad", "aria-hidden": "true" }, "−"), h("span", { class: "font-mono break-words" }, id)));
  // It scrolls, so the keyboard has to reach it.
  return h("ul", { class: "going", "aria-label": label, tabindex: one.going.length > 5 ? "0" : null },
    lines, rest > 0 && h("li", { class: "ink-3" }, h("span"), say(`${number(rest)} more`, `${number(rest)} til`)));
}

/** @param {Held} one @param {string} what @param {unknown} [body] */
const decide = (one, what, body) =>
  ask(`/api/admin/connections/${[one.tenantId, one.provider, one.connection].map(encodeURIComponent).join("/")}/runs/${encodeURIComponent(one.id)}/${what}`, {
    method: "POST",
    body,
    tenant: one.tenantId,
  });

/** @param {Held} one @param {() => void} decided */
function openApproval(one, decided) {
  const most = h("input", { class: "input", id: "removals-max", type: "number", min: 0, max: one.of, step: 1, value: one.removals, "aria-describedby": "removals-note" });
  const text = () => say(`Approve up to ${number(most.valueAsNumber)}`, `Godkend op til ${number(most.valueAsNumber)}`);
  const { go } = openConfirm(say(`Approve removals of ${one.tenantId}`, `Godkend fjernelser hos ${one.tenantId}`), {
    body: [
      h("p", { class: "ink-2" }, sentence(one)),
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
      await decide(one, "approve", { removalsMax: most.valueAsNumber });
      toast("ok", say("Approved; the run goes on", "Godkendt; kørslen fortsætter"));
      decided();
    },
  });
  most.addEventListener("input", () => {
    go.disabled = !most.checkValidity() || Number.isNaN(most.valueAsNumber);
    if (!go.disabled) go.textContent = text();
  });
}

/** @param {Held} one @param {() => void} decided */
function openRejection(one, decided) {
  openConfirm(say(`Reject removals of ${one.tenantId}`, `Afvis fjernelser hos ${one.tenantId}`), {
    body: h("p", { class: "ink-2" }, say("The run ends and nothing of it is removed. Mend the side that lacks them, or it is held again.", "Kørslen slutter, og intet af det fjernes. Ret den side, der mangler dem, ellers tilbageholdes den igen.")),
    go: say("Reject", "Afvis"),
    kind: "danger",
    failed: say("It was not rejected", "Det blev ikke afvist"),
    run: async () => {
      await decide(one, "reject");
      toast("ok", say("Rejected; nothing was removed", "Afvist; intet blev fjernet"));
      decided();
    },
  });
}
