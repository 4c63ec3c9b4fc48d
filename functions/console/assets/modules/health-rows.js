// The rows of `/health`: an integration with what it is measured by.

import { greyCount } from "./counts.js";
import { h } from "./dom.js";
import { budgetBar } from "./health-budget.js";
import { because, healthStatus, measures, percent, toneOf } from "./health-words.js";
import { dateTime, duration, say } from "./language.js";
import { status } from "./status.js";

/** @typedef {import("./health-words.js").Integration} Integration */

/** @param {import("./dom.js").Child} first @param {string} second */
const two = (first, second) =>
  h("span", { class: "two" }, h("span", { class: "font-medium" }, first), h("span", { class: "note" }, second));

/** @param {number | null} milliseconds @param {string | null} at */
const lag = (milliseconds, at) =>
  milliseconds === null
    ? h("span", { class: "ink-3" }, "—")
    : h("span", { title: at ? dateTime(at) : null }, duration(milliseconds));

/** @param {Integration} one */
function rate(one) {
  const tone = toneOf(measures(one)[0].verdict);
  return tone === "ok"
    ? h("span", { class: one.errorRate > 0 ? "" : "ink-3" }, percent(one.errorRate))
    : status(tone, percent(one.errorRate));
}

/** @param {Integration} one */
const backlog = (one) => one.queueStats.webhookQueue.waiting;

/** @returns {import("./table.js").Column<Integration>[]} */
export const columns = () => [
  {
    name: "Integration",
    sort: ["name", (one) => one.brandName],
    cell: (/** @type {Integration} */ one) =>
      two(one.brandName, `${one.integrationName} · ${one.tenantName}`),
  },
  { name: "Status", cell: (one) => two(healthStatus(one), because(one)), narrow: "end" },
  {
    name: say("Webhook lag", "Webhook-forsinkelse"),
    sort: ["webhook", (one) => one.webhookLagMs],
    cell: (one) => lag(one.webhookLagMs, one.lastWebhookAt),
    kind: "number",
    narrow: "more",
  },
  {
    name: say("Sync lag", "Synk-forsinkelse"),
    sort: ["sync", (one) => one.syncLagMs],
    cell: (one) => lag(one.syncLagMs, one.lastSyncedAt),
    kind: "number",
    narrow: "more",
  },
  { name: say("Error rate", "Fejlrate"), sort: ["errors", (one) => one.errorRate], cell: (one) => rate(one), kind: "number", narrow: "more" },
  { name: say("Failures", "Fejl"), sort: ["failures", (one) => one.recentFailures], cell: (one) => greyCount(one.recentFailures), kind: "number", narrow: "more" },
  { name: say("Backlog", "I kø"), cell: (one) => greyCount(backlog(one)), kind: "number", narrow: "hide" },
  {
    name: say("Error budget, 24 h", "Fejlbudget, 24 t"),
    cell: (one) => budgetBar(one),
    kind: "budget",
    narrow: "hide",
  },
];
