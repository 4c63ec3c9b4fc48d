// A mirror that waits for approval: what exactly would go, and who may decides.

import { h } from "./dom.js";
import { heldButtons, heldFigures, heldNames } from "./held-run.js";
import { dateTime, say } from "./language.js";
import { strategyText } from "./mirror-words.js";
import { status } from "./status.js";

/** @typedef {import("./mirror-words.js").Held} Held */

/** @type {[string, string]} */
const WHAT = ["categories", "kategorier"];

/** @param {Held} mirror @param {boolean} mayDecide @param {() => void} decided */
export function heldCard(mirror, mayDecide, decided) {
  const id = `held-${mirror.id}`;
  const place = [mirror.tenantId, mirror.provider, mirror.connection].map(encodeURIComponent).join("/");
  const one = { ...mirror, decideAt: `/api/admin/connections/${place}/runs/${encodeURIComponent(mirror.id)}` };
  const where = [one.tenantId, strategyText(one.strategy), one.connection].join(" · ");
  const decider = { tenant: one.tenantId, what: WHAT, whose: one.tenantId, decided };
  const head = h(
    "div",
    { class: "card-head" },
    h("h2", { id }, say("Waiting for approval", "Afventer godkendelse")),
    status("held", say(`Held since ${dateTime(one.since)}`, `Siden ${dateTime(one.since)}`), { pill: true }),
    h("span", { class: "note grow" }, where),
    mayDecide && one.until && h("span", { class: "flex gap-2" }, heldButtons(one, decider)),
  );
  return h("section", { class: "card mb-3", "aria-labelledby": id }, head, h("div", { class: "card-body held-body" }, heldFigures(one, WHAT), heldNames(one)));
}
