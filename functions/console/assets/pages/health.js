// `/health`: every integration, and the threshold that made its status what it is.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { button, h, replace, s } from "../modules/dom.js";
import { searchField, selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import {
  because,
  budget,
  ERRORS_MAX_PERCENT,
  healthStatus,
  measures,
  percent,
  toneOf,
} from "../modules/health-words.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { lagChart, lagText } from "../modules/lag-chart.js";
import { ago, clock, dateTime, duration, number, say } from "../modules/language.js";
import { blank, callout, copied, fact } from "../modules/messages.js";
import { drawList } from "../modules/list-view.js";
import { pageHead } from "../modules/page-head.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";

/** @typedef {import("../modules/health-words.js").Integration} Integration */
/** @typedef {import("../modules/lag-chart.js").Lag} Lag */

const POLL_MS = 30_000;
/** What 95 of 100 webhooks are to be faster than. */
const P95_MAX_MS = 500;
/** That of links to warehouses, which the route tells of where none is named. */
const TRACKSTAR = "trackstar";
const KINDS = ["unhealthy", "degraded", "healthy", "idle"];

const main = startPage({ redraw: () => draw(), ofAll: true });

const wanted = () => {
  const query = parameters();
  return {
    kinds: query.getAll("status").filter((one) => KINDS.includes(one)),
    text: (query.get("q") ?? "").trim(),
    provider: query.get("provider") || TRACKSTAR,
    cursor: query.get("cursor"),
    open: query.get("open"),
  };
};

/** A catalogue is synced by runs, and has no webhooks. */
const isCatalogue = () => wanted().provider === "catalogue";

/** @type {Integration[]} */
let integrations = [];
/** @type {[string, string][]} */
let providers = [[TRACKSTAR, "Trackstar"]];
/** @type {string | null} */
let next = null;
let isLoaded = false;
/** Whether the first view was of a provider that nobody named, and so may be of another one. */
let mayMove = true;
let shownPath = "";
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** @typedef {Pick<Lag, "count" | "avgMs" | "p50Ms" | "p95Ms" | "p99Ms" | "maxMs">} Measured */
/** Of the one that is looked at. @type {{ of: string, lag: Measured | null, problem: import("../modules/api.js").ApiError | null } | null} */
let measured = null;

/** @param {Integration} one */
const identity = (one) => `${one.tenantId}/${one.brandId}`;
/** @param {Integration} one */
const kindOf = (one) => (one.status === "healthy" && one.idle ? "idle" : one.status);

const updated = h("div", { class: "flex wrap gap-2" });
const filters = h("div", { class: "filters mb-3", role: "search", "aria-label": say("Filters", "Filtre") });
const content = h("div");
const pages = paging();
const detail = h("div", { class: "health-detail mt-3" });
const search = searchField(say("Integration, tenant or brand", "Integration, lejer eller mærke"), (text) => {
  change({ q: text || null });
  draw();
});

const rows = table(
  [
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
    { name: say("Failures", "Fejl"), sort: ["failures", (one) => one.recentFailures], cell: (one) => grey(one.recentFailures), kind: "number", narrow: "more" },
    { name: say("Backlog", "I kø"), cell: (one) => grey(backlog(one)), kind: "number", narrow: "hide" },
    {
      name: say("Error budget, 24 h", "Fejlbudget, 24 t"),
      cell: (one) => budgetBar(one),
      kind: "budget",
      narrow: "hide",
    },
  ],
  { key: identity, open: (one) => open(identity(one)) },
);

replace(
  main,
  pageHead(
    say("Health", "Helbred"),
    say("Every integration, and the threshold that made it so", "Hver integration, og grænsen der gjorde den sådan"),
    updated,
  ),
  filters,
  h("section", { class: "card two-lines", "aria-label": say("Integrations", "Integrationer") }, content, pages.element),
  detail,
);

/** @param {import("../modules/dom.js").Child} first @param {string} second */
const two = (first, second) =>
  h("span", { class: "two" }, h("span", { class: "font-medium" }, first), h("span", { class: "note" }, second));

/** @param {number | null | undefined} value */
const grey = (value) => (value ? number(value) : h("span", { class: "ink-3" }, value === 0 ? "0" : "—"));

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

/** @param {number} left */
const budgetTone = (left) => (left <= 0 ? "bad" : left < 50 ? "warn" : "ok");

/** @param {Integration} one */
function budgetBar(one) {
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

/** The worst first, then those with the most failures. */
function sorted() {
  const now = wanted();
  const text = now.text.toLowerCase();
  const matches = (/** @type {Integration} */ one) =>
    (now.kinds.length === 0 || now.kinds.includes(kindOf(one))) &&
    (!text ||
      [one.brandId, one.brandName, one.tenantName, one.connectionId].some((value) =>
        value?.toLowerCase().includes(text),
      ));
  return integrations
    .filter(matches)
    .sort(
      (left, right) =>
        KINDS.indexOf(kindOf(left)) - KINDS.indexOf(kindOf(right)) ||
        right.recentFailures - left.recentFailures ||
        identity(left).localeCompare(identity(right)),
    );
}

/** @param {string} id */
function open(id) {
  look(id);
  // Below a list of cards it is out of sight.
  if (matchMedia("(max-width: 48rem)").matches) detail.scrollIntoView({ block: "start" });
}

/** @param {string} id */
function look(id) {
  change({ open: id }, { replace: true });
  rows.select(id);
  drawDetail();
  loadLag();
}

/** @returns {Record<string, [import("../modules/status.js").Tone, string]>} */
const kindNames = () => ({
  unhealthy: ["bad", say("Unhealthy", "Fejler")],
  degraded: ["warn", say("Degraded", "Svækket")],
  healthy: ["ok", say("Healthy", "Sund")],
  idle: ["idle", say("Idle", "Stille")],
});

function drawFilters() {
  const now = wanted();
  const had =
    document.activeElement instanceof HTMLElement && filters.contains(document.activeElement)
      ? document.activeElement
      : null;
  const name = had?.closest("[data-filter]")?.getAttribute("data-filter");
  const names = kindNames();
  const toggles = KINDS.map((kind) => {
    const count = integrations.filter((one) => kindOf(one) === kind).length;
    const pressed = now.kinds.includes(kind);
    const next = pressed ? now.kinds.filter((one) => one !== kind) : [...now.kinds, kind];
    const attributes = {
      type: "button",
      class: pressed ? "chip set" : "chip",
      "data-filter": kind,
      "aria-pressed": String(pressed),
    };
    return h(
      "button",
      {
        ...attributes,
        onclick: () => {
          change({ status: next });
          draw();
        },
      },
      status(...names[kind]),
      isLoaded && h("span", { class: "key" }, number(count)),
    );
  });
  search.show(now.text);
  const offered = providers.some(([id]) => id === now.provider)
    ? providers
    : [...providers, /** @type {[string, string]} */ ([now.provider, now.provider])];
  const provider = selectChip(
    "provider",
    say("Provider", "Udbyder"),
    now.provider,
    offered,
    (id) => {
      change({ provider: id, cursor: null, open: null });
      load();
    },
    now.provider !== TRACKSTAR,
  );
  const reset =
    (now.kinds.length > 0 || now.text) && button(say("Reset", "Nulstil"), { kind: "quiet", onclick: resetAll });
  replace(filters, provider, toggles, search.element, reset);
  if (had === search.input) search.input.focus();
  else if (name === "provider") provider.querySelector("select")?.focus();
  else if (name) /** @type {HTMLElement | null} */ (filters.querySelector(`[data-filter="${name}"]`))?.focus();
  replace(
    updated,
    shownAt && h("span", { class: "note" }, say(`Updated ${clock(shownAt)}`, `Opdateret ${clock(shownAt)}`)),
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
  );
}

function resetAll() {
  change({ status: null, q: null });
  draw();
}

function drawRows() {
  const { cursor } = wanted();
  pages.element.hidden = !isLoaded || (next === null && cursor === null);
  pages.show(cursor, {
    next,
    text: next ? say("There are more.", "Der er flere.") : say("These are the last.", "Det er de sidste."),
    onward: (other) => {
      change({ cursor: other, open: null });
      load();
    },
  });
  const list = sorted();
  const first = parameters().has("sort") ? "" : say(", the worst first", ", de værste først");
  const shown = drawList(content, rows, {
    items: isLoaded ? list : null,
    problem,
    shownAt,
    again: load,
    failed: say("The health could not be fetched", "Helbredet kunne ikke hentes"),
    loading: say("Loading integrations…", "Indlæser integrationer…"),
    lines: 6,
    none,
    caption: () => say(`${number(list.length)} shown`, `${number(list.length)} vist`) + first,
  });
  if (shown) rows.select(chosen() ? identity(/** @type {Integration} */ (chosen())) : null);
}

function none() {
  if (integrations.length === 0) {
    const text = say(
      "An integration is here once a connection of this provider is active. Others have their own list: choose the provider above.",
      "En integration er her, når en forbindelse hos denne udbyder er aktiv. Andre har deres egen liste: vælg udbyderen ovenfor.",
    );
    return blank(say("No integrations yet", "Ingen integrationer endnu"), text, { icon: "plug" });
  }
  const now = wanted();
  const names = kindNames();
  const kinds = now.kinds.map((kind) => names[kind][1].toLowerCase());
  const what = [kinds.join(", "), now.text && `“${now.text}”`].filter(Boolean).join(", ");
  return blank(say("No integration matches these filters", "Ingen integration passer til filtrene"), what, {
    actions: [button(say("Reset the filters", "Nulstil filtrene"), { kind: "primary", onclick: resetAll })],
  });
}

/** The one that is looked at: as the address says, or the worst. */
const chosen = () => {
  const list = sorted();
  return list.find((one) => identity(one) === wanted().open) ?? list[0];
};

function drawDetail() {
  const one = isLoaded ? chosen() : undefined;
  if (!one) return replace(detail);
  replace(detail, times(one), h("div", { class: "grid gap-3" }, budgetCard(one), queueCard(one)));
}

/** @param {Integration} one */
function times(one) {
  const known = measured?.of === identity(one) ? measured : null;
  const of = known?.lag ?? null;
  if (isCatalogue()) return h("section", { class: "card", "aria-label": say("Thresholds", "Grænser") }, titled(one), thresholds(one));
  const figures =
    of &&
    of.count > 0 &&
    h(
      "span",
      { class: "flex wrap gap-3 not-narrow" },
      [
        ["P50", of.p50Ms],
        ["P95", of.p95Ms],
        ["P99", of.p99Ms],
      ].map(([name, at]) =>
        h(
          "span",
          {},
          h("span", { class: "ink-3" }, name),
          " ",
          h("b", { class: "font-medium" }, lagText(/** @type {number | null} */ (at))),
        ),
      ),
    );
  const head = h(
    "div",
    { class: "card-head" },
    h("h2", {}, one.brandName),
    h(
      "span",
      { class: "note grow" },
      say("Received to processed", "Modtaget til behandlet"),
      of && of.count > 0
        ? ` · ${say(`the newest ${number(of.count)} of 24 h`, `de nyeste ${number(of.count)} af 24 t`)}`
        : "",
    ),
    figures,
  );
  return h(
    "section",
    { class: "card", "aria-label": say("Processing time", "Behandlingstid") },
    head,
    h("div", { class: "card-body" }, lagBody(one, known)),
    thresholds(one),
  );
}

/** @param {Integration} one */
const titled = (one) => h("div", { class: "card-head" }, h("h2", {}, one.brandName));

/** @param {Integration} one @param {typeof measured} known */
function lagBody(one, known) {
  if (known?.problem)
    return callout(
      "idle",
      say("The times could not be fetched", "Tiderne kunne ikke hentes"),
      known.problem.details.join(" "),
      { icon: "clock", actions: [button(say("Try again", "Prøv igen"), { kind: "small", onclick: () => loadLag() })] },
    );
  if (!known)
    return h(
      "div",
      { class: "chart-wait" },
      h("span", { class: "skeleton long" }),
      h("span", { class: "skeleton middle" }),
    );
  const counted = one.processing.buckets.reduce((sum, { count }) => sum + count, 0);
  if (counted === 0 && !known.lag?.count)
    return h(
      "p",
      { class: "ink-3" },
      say("Nothing was processed in the last 24 hours.", "Intet blev behandlet i de sidste 24 timer."),
    );
  // Percentiles are exact and of the newest; columns are of the whole day.
  const none = { count: 0, avgMs: one.processing.avgMs, p50Ms: null, p95Ms: null, p99Ms: null, maxMs: null };
  const exact = known.lag && known.lag.count > 0 ? known.lag : none;
  return lagChart({ ...exact, count: counted || exact.count, histogram: counted > 0 ? one.processing.buckets : [] }, P95_MAX_MS);
}

/** @param {Integration} one */
function thresholds(one) {
  const heads = [
    say("Threshold", "Grænse"),
    say("Now", "Nu"),
    say("Degraded above", "Svækket over"),
    say("Unhealthy above", "Fejler over"),
    say("Verdict", "Vurdering"),
  ];
  const line = (/** @type {import("../modules/health-words.js").Measure} */ of) =>
    h(
      "tr",
      {},
      h("td", {}, of.name),
      h("td", { class: "number font-medium" }, of.now),
      h("td", { class: "number ink-3" }, of.threshold.degraded === null ? "—" : of.limit(of.threshold.degraded)),
      h("td", { class: "number ink-3" }, of.threshold.unhealthy === null ? "—" : of.limit(of.threshold.unhealthy)),
      h(
        "td",
        {},
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
    { class: "table-wrap topped", tabindex: "0", role: "group", "aria-label": say("Thresholds", "Grænser") },
    h("table", { class: "table" }, h("thead", {}, head), h("tbody", {}, measures(one, isCatalogue()).map(line))),
  );
}

/** @param {Integration} one */
function budgetCard(one) {
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
  const failed = new URLSearchParams({ status: "dead", source: `${wanted().provider}/${one.brandId}`, tenant: one.tenantId });
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

/** @param {Integration} one */
function queueCard(one) {
  const queue = isCatalogue() ? one.queueStats.syncQueue : one.queueStats.webhookQueue;
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
      h("span", { class: "note" }, say("shared by all", "fælles for alle")),
    ),
    h(
      "dl",
      { class: "card-body facts" },
      fact(say("Waiting", "Venter"), grey(queue.waiting)),
      fact(say("Under way", "I gang"), grey(queue.active)),
      fact(say("Delayed", "Udskudt"), grey(queue.delayed)),
      one.queueStats.oldestJobAge !== null && fact(say("Oldest", "Ældste"), duration(one.queueStats.oldestJobAge)),
      fact(say("Breaker", "Sikring"), states[/** @type {keyof typeof states} */ (breaker.state)] ?? breaker.state),
      breaker.nextRetryTime && fact(say("Tries again", "Prøver igen"), clock(breaker.nextRetryTime)),
      fact(
        say("Last webhook", "Sidste webhook"),
        one.lastWebhookAt
          ? h("span", { title: dateTime(one.lastWebhookAt) }, ago(one.lastWebhookAt))
          : h("span", { class: "ink-3" }, say("never", "aldrig")),
      ),
      one.connectionId && fact(say("Connection", "Forbindelse"), h("span", { class: "font-mono" }, one.connectionId)),
    ),
  );
}

function draw() {
  drawFilters();
  drawRows();
  drawDetail();
  if (isLoaded) loadLag();
}

/** @param {ReturnType<typeof wanted>} now */
function path({ provider, cursor }) {
  const query = new URLSearchParams();
  if (provider !== TRACKSTAR) query.set("provider", provider);
  if (cursor) query.set("cursor", cursor);
  return query.size > 0 ? `/api/sync/health?${query}` : "/api/sync/health";
}

async function load() {
  const address = path(wanted());
  if (address !== shownPath) {
    [shownPath, integrations, next, isLoaded, problem] = [address, [], null, false, null];
    draw();
  } else {
    rows.refreshing(isLoaded);
  }
  try {
    const answer = await ask(address);
    // Another one is asked for since.
    if (address !== shownPath) return;
    if (answer.integrations.length === 0 && (await moved())) return;
    // A catalogue has no webhooks, so that none came says nothing of it.
    const idle = isCatalogue() ? { idle: false } : {};
    integrations = answer.integrations.map((/** @type {Integration} */ one) => ({ ...one, ...idle }));
    next = answer.nextCursor;
    [isLoaded, shownAt, problem, measured] = [true, new Date(), null, null];
  } catch (thrown) {
    problem = asError(thrown);
  }
  rows.refreshing(false);
  draw();
}

/** Goes to the first provider that has something, where nobody named one; whether it did. */
async function moved() {
  const query = parameters();
  const isFirst = mayMove && !query.has("provider") && !query.has("cursor");
  mayMove = false;
  if (!isFirst) return false;
  const worst = await ask("/api/admin/overview?limit=1", { stay: true }).catch(() => null);
  const provider = worst?.items[0]?.provider;
  if (!provider || parameters().has("provider")) return false;
  change({ provider }, { replace: true });
  load();
  return true;
}

/** How long processing takes, of the one that is looked at. */
async function loadLag() {
  const one = chosen();
  if (!one || (measured?.of === identity(one) && !measured.problem)) return;
  const of = identity(one);
  // The route tells of brands at Trackstar alone.
  if (wanted().provider !== TRACKSTAR) {
    measured = { of, lag: null, problem: null };
    return drawDetail();
  }
  try {
    const tenant = new URLSearchParams({ tenantId: one.tenantId });
    const answer = await ask(`/api/sync/lag/${encodeURIComponent(one.brandId)}?${tenant}`);
    measured = { of, lag: answer.lag.processingLag, problem: null };
  } catch (thrown) {
    measured = { of, lag: null, problem: asError(thrown) };
  }
  const still = chosen();
  if (still && identity(still) === of) drawDetail();
}

/** Of which providers there are lists; who may not see that has the first. */
async function loadProviders() {
  try {
    const answer = await ask("/api/admin/connections/providers", { stay: true });
    const named = answer.items.filter((/** @type {{ id: string | null }} */ { id }) => id !== null);
    providers = named.map((/** @type {{ id: string, name: string }} */ { id, name }) => [id, name]);
  } catch {
    return;
  }
  drawFilters();
}

const walk = (/** @type {number} */ step) => {
  const one = rows.move(step);
  if (one) look(identity(one));
};
addKeys([
  { key: "/", text: say("Filter", "Filter"), run: () => search.input.focus() },
  ...rowKeys(walk),
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
]);
addEventListener("popstate", () => load());

load();
loadProviders();
poll(load, POLL_MS);
