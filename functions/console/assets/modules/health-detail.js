// One integration of `/health`: how long processing took, the thresholds that it is judged by, its budget, queue and breaker.

import { greyCount } from "./counts.js";
import { button, h } from "./dom.js";
import { budgetCard } from "./health-budget.js";
import { healthStatus, measures } from "./health-words.js";
import { boundOf, lagChart, lagText } from "./lag-chart.js";
import { ago, clock, dateTime, duration, number, say } from "./language.js";
import { callout, fact } from "./messages.js";
import { hasWebhooks } from "./provider.js";
import { status } from "./status.js";

/** @typedef {import("./health-words.js").Integration} Integration */
/** @typedef {import("./lag-chart.js").Lag} Lag */
/** @typedef {Pick<Lag, "count" | "avgMs" | "p50Ms" | "p95Ms" | "p99Ms" | "maxMs">} Lags */
/** How long its processing took, once that is known. @typedef {{ lag: Lags | null, problem: import("./api.js").ApiError | null }} Measured */
/**
 * @typedef {{ provider: string, measured: Measured | null, again: () => void, pull?: import("./dom.js").Child }} Around `pull`: what starts
 *   a pull, where there is something to pull and whoever looks may.
 */

/** What 95 of 100 webhooks are to be faster than. */
const P95_MAX_MS = 500;

/** Whether runs alone say how it does. @param {Around} around */
const isSilent = ({ provider }) => !hasWebhooks(provider);

/** @param {Integration} one @param {Around} around */
export const healthDetail = (one, around) => [
  times(one, around),
  h("div", { class: "grid gap-3" }, budgetCard(one, around.provider), queueCard(one, around)),
];

/** @param {Integration} one @param {Around} around */
function times(one, around) {
  const known = around.measured;
  const of = known?.lag ?? null;
  if (isSilent(around)) return h("section", { class: "card", "aria-label": say("Thresholds", "Grænser") }, titled(one), thresholds(one, around));
  const isExact = of !== null && of.count > 0;
  const isCounted = known !== null && !known.problem && counted(one) > 0;
  /** @type {[string, string][]} */
  const percentiles = isExact
    ? [
        ["P50", lagText(of.p50Ms)],
        ["P95", lagText(of.p95Ms)],
        ["P99", lagText(of.p99Ms)],
      ]
    : PERCENTS.map((percent) => [`P${percent}`, boundText(one, percent)]);
  const figures =
    (isExact || isCounted) &&
    h(
      "span",
      { class: "flex wrap gap-3 not-narrow" },
      percentiles.map(([name, text]) =>
        h("span", {}, h("span", { class: "ink-3" }, name), " ", h("b", { class: "font-medium" }, text)),
      ),
    );
  const counts = isExact
    ? say(`the newest ${number(of.count)} of 24 h`, `de nyeste ${number(of.count)} af 24 t`)
    : isCounted
      ? say(`${number(counted(one))} of 24 h, as the columns have it`, `${number(counted(one))} af 24 t, som søjlerne har det`)
      : null;
  const head = h(
    "div",
    { class: "card-head" },
    h("h2", {}, one.brandName),
    h(
      "span",
      { class: "note grow" },
      say("Received to processed", "Modtaget til behandlet"),
      counts ? ` · ${counts}` : "",
    ),
    figures,
  );
  return h(
    "section",
    { class: "card", "aria-label": say("Processing time", "Behandlingstid") },
    head,
    h("div", { class: "card-body" }, lagBody(one, around)),
    thresholds(one, around),
  );
}

const PERCENTS = [50, 95, 99];

/** How many the histogram is of. @param {Integration} one */
const counted = (one) => one.processing.buckets.reduce((sum, { count }) => sum + count, 0);

/** `≤ 500 ms`: a percentile as finely as the histogram has it. @param {Integration} one @param {number} percent */
function boundText({ processing: { buckets } }, percent) {
  const bound = boundOf(buckets, percent);
  if (bound !== null) return `≤ ${lagText(bound)}`;
  return `> ${lagText(Math.max(0, ...buckets.map(({ upToMs }) => upToMs ?? 0)))}`;
}

/** @param {Integration} one */
const titled = (one) => h("div", { class: "card-head" }, h("h2", {}, one.brandName));

/** @param {Integration} one @param {Around} around */
function lagBody(one, { measured: known, again }) {
  if (known?.problem)
    return callout(
      "idle",
      say("The times could not be fetched", "Tiderne kunne ikke hentes"),
      known.problem.details.join(" "),
      { icon: "clock", actions: [button(say("Try again", "Prøv igen"), { kind: "small", onclick: again })] },
    );
  if (!known)
    return h(
      "div",
      { class: "chart-wait" },
      h("span", { class: "skeleton long" }),
      h("span", { class: "skeleton middle" }),
    );
  const [all, { buckets }] = [counted(one), one.processing];
  if (all === 0 && !known.lag?.count)
    return h(
      "p",
      { class: "ink-3" },
      say("Nothing was processed in the last 24 hours.", "Intet blev behandlet i de sidste 24 timer."),
    );
  // Those of the newest are exact, where the route tells of them; columns are of the whole day.
  const exact = known.lag && known.lag.count > 0 ? known.lag : null;
  const [p50Ms, p95Ms, p99Ms] = PERCENTS.map((percent) => boundOf(buckets, percent));
  const bounds = { count: all, avgMs: one.processing.avgMs, p50Ms, p95Ms, p99Ms, maxMs: null, isBound: true };
  return lagChart({ ...(exact ?? bounds), count: all || (exact?.count ?? 0), histogram: all > 0 ? buckets : [] }, P95_MAX_MS);
}

/** @param {Integration} one @param {Around} around */
function thresholds(one, around) {
  const heads = [
    say("Threshold", "Grænse"),
    say("Now", "Nu"),
    say("Degraded above", "Svækket over"),
    say("Unhealthy above", "Fejler over"),
    say("Verdict", "Vurdering"),
  ];
  /** @typedef {import("./health-words.js").Measure} Measure */
  const limit = (/** @type {number} */ column, /** @type {Measure} */ of, /** @type {number | null} */ at) =>
    h("td", { class: "number ink-3", "data-narrow": "more", "data-name": heads[column] }, at === null ? "—" : of.limit(at));
  const line = (/** @type {Measure} */ of) =>
    h(
      "tr",
      {},
      h("td", {}, of.name),
      h("td", { class: "number font-medium", "data-narrow": "more", "data-name": heads[1] }, of.now),
      limit(2, of, of.threshold.degraded),
      limit(3, of, of.threshold.unhealthy),
      h(
        "td",
        { "data-narrow": "end" },
        of.isKnown
          ? of.verdict === "healthy"
            ? status("ok", say("Within", "Inden for"))
            : healthStatus({ status: of.verdict })
          : h("span", { class: "ink-3" }, say("Not measured", "Ikke målt")),
      ),
    );
  const head = h(
    "tr",
    {},
    heads.map((name, index) => h("th", { scope: "col", class: index > 0 && index < 4 ? "number" : null }, name)),
  );
  return h(
    "div",
    { class: isSilent(around) ? "table-wrap" : "table-wrap topped", tabindex: "0", role: "group", "aria-label": say("Thresholds", "Grænser") },
    h("table", { class: "table stack" }, h("thead", {}, head), h("tbody", {}, measures(one, around.provider).map(line))),
  );
}

/** @param {Integration} one @param {Around} around */
function queueCard(one, around) {
  const queue = isSilent(around) ? one.queueStats.syncQueue : one.queueStats.webhookQueue;
  const breaker = one.circuitBreaker;
  const states = {
    closed: status("ok", say("Closed", "Lukket")),
    half_open: status("warn", say("Half open", "Halvt åben")),
    open: status("bad", say("Open", "Åben")),
  };
  return h(
    "section",
    { class: "card", "aria-label": say("Queue and breaker", "Kø og sikring") },
    h(
      "div",
      { class: "card-head" },
      h("h2", { class: "grow" }, say("Queue and breaker", "Kø og sikring")),
      h("span", { class: "note" }, say("the queue is shared by all", "køen er fælles for alle")),
    ),
    h(
      "dl",
      { class: "card-body facts" },
      fact(say("Waiting", "Venter"), greyCount(queue.waiting)),
      fact(say("Under way", "I gang"), greyCount(queue.active)),
      fact(say("Delayed", "Udskudt"), greyCount(queue.delayed)),
      one.queueStats.oldestJobAge !== null && fact(say("Oldest", "Ældste"), duration(one.queueStats.oldestJobAge)),
      fact(say("Breaker", "Sikring"), states[/** @type {keyof typeof states} */ (breaker.state)] ?? breaker.state),
      breaker.failureCount > 0 && fact(say("Failed calls, 5 min", "Fejlede kald, 5 min"), number(breaker.failureCount)),
      breaker.nextRetryTime && fact(say("Tries again", "Prøver igen"), clock(breaker.nextRetryTime)),
      one.lastSyncedAt && when(say("Last sync", "Sidste synk"), one.lastSyncedAt),
      !isSilent(around) && when(say("Last webhook", "Sidste webhook"), one.lastWebhookAt),
      one.connectionId && fact(say("Connection", "Forbindelse"), h("span", { class: "font-mono" }, one.connectionId)),
    ),
    around.pull,
  );
}

/** @param {string} name @param {string | null} at */
const when = (name, at) =>
  fact(name, at ? h("span", { title: dateTime(at) }, ago(at)) : h("span", { class: "ink-3" }, say("never", "aldrig")));
