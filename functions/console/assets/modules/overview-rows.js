// The rows of the overview: a connection, how it does, and what came over it.

import { h } from "./dom.js";
import { ago, dateTime, number, say } from "./language.js";
import { momentText } from "./moment.js";
import { cameTo, connectionReason, connectionStatus } from "./overview-words.js";
import { status } from "./status.js";
import { sparkline } from "./time-chart.js";

/** @typedef {import("./overview-words.js").Connection} Connection */

/** @param {string} text */
const grey = (text) => h("span", { class: "ink-3" }, text);

/** @param {import("./dom.js").Child} first @param {string} second */
const two = (first, second) =>
  h("span", { class: "two" }, h("span", {}, first), second && h("span", { class: "note" }, second));

/** @param {Connection} one */
function named(one) {
  const name = one.displayName;
  const initials = name
    .split(/[\s-_]+/)
    .map((word) => word.charAt(0))
    .join("")
    .slice(0, 2)
    .toUpperCase();
  return h(
    "span",
    { class: "flex gap-3" },
    h("span", { class: "tile large", "aria-hidden": "true" }, initials),
    two(h("span", { class: "font-medium" }, name), [one.provider, one.tenant].filter(Boolean).join(" · ")),
  );
}

/** @param {Connection} one */
function webhooks(one) {
  const came = cameTo(one);
  if (!came) return grey("—");
  const day = one.hours.reduce((sum, hour) => sum + hour.webhooks, 0);
  const line = sparkline(
    one.hours.map((hour) => hour.webhooks),
    one.hours.map((hour) => hour.failures),
  );
  return h(
    "span",
    { class: "spark", title: say(`${number(day)} in 24 hours`, `${number(day)} i 24 timer`) },
    line,
    h("span", {}, came.webhooks ? number(came.webhooks) : grey("0")),
  );
}

/** @returns {import("./table.js").Column<Connection>[]} */
export const columns = () => [
  { name: say("Connection", "Forbindelse"), sort: ["name", (one) => one.displayName], cell: (/** @type {Connection} */ one) => named(one) },
  { name: say("Health", "Helbred"), cell: (one) => two(connectionStatus(one), connectionReason(one)), narrow: "end" },
  {
    name: say("Last success", "Sidste succes"),
    sort: ["success", (one) => one.lastSuccessAt],
    cell: (one) => (one.lastSuccessAt ? two(momentText(one.lastSuccessAt), ago(one.lastSuccessAt)) : grey("—")),
    title: (one) => (one.lastSuccessAt ? dateTime(one.lastSuccessAt) : null),
    narrow: "more",
  },
  {
    name: say("Next run", "Næste kørsel"),
    sort: ["next", (one) => one.nextDueAt],
    cell: (one) => (one.nextDueAt ? momentText(one.nextDueAt, true) : grey("—")),
    title: (one) => (one.nextDueAt ? dateTime(one.nextDueAt) : null),
    narrow: "more",
  },
  { name: say("Webhooks, 1 h", "Webhooks, 1 t"), sort: ["webhooks", (one) => cameTo(one)?.webhooks ?? null], cell: (one) => webhooks(one), narrow: "more" },
  {
    name: say("Failed, 1 h", "Fejl, 1 t"),
    sort: ["failed", (one) => cameTo(one)?.failures ?? null],
    cell: (one) =>
      cameTo(one)?.failures ? status("bad", number(one.lastHour.failures)) : grey(cameTo(one) ? "0" : "—"),
    kind: "number",
    narrow: "more",
  },
];
