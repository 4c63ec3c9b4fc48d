// `/deliveries`: every webhook that came in, and what became of it.

import { change, parameters } from "../modules/address.js";
import { asError } from "../modules/api.js";
import { feed, identity, moment } from "../modules/delivery-feed.js";
import { deliveryStatus, reasonName, reasonText, shortKey, subject, took, tookText } from "../modules/delivery-words.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen, openDrawer } from "../modules/drawer.js";
import { selectChip, searchField } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys } from "../modules/keyboard.js";
import { clock, dayMonth, isToday, isUtc, number, say } from "../modules/language.js";
import { blank, copied, stale } from "../modules/messages.js";
import { poll } from "../modules/poll.js";
import { selection } from "../modules/selection.js";
import { may, whoever } from "../modules/session.js";
import { table } from "../modules/table.js";
import { timeChart } from "../modules/time-chart.js";
import { timeField } from "../modules/time-field.js";
import { unavailable } from "../modules/unavailable.js";

/** @typedef {import("../modules/delivery-feed.js").Delivery} Delivery */

const PAGE = 50;
/** As many rows as a page holds; who looks for older ones says when they came. */
const SHOWN_MAX = 500;
const POLL_MS = 5_000;
/** New rows come by themselves while the list is read from its top. */
const TOP_PX = 40;
const SPOKEN_MS = 10_000;

/** @type {Record<string, [string, string]>} */
const STATUSES = {
  all: ["All", "Alle"],
  processed: ["Processed", "Behandlet"],
  rejected: ["Rejected", "Afvist"],
  dead: ["Dead", "Døde"],
};
/** @type {Record<string, { milliseconds: number | null, name: [string, string] }>} */
const PERIODS = {
  "15m": { milliseconds: 900_000, name: ["Last 15 minutes", "Sidste 15 minutter"] },
  "1h": { milliseconds: 3_600_000, name: ["Last hour", "Sidste time"] },
  "24h": { milliseconds: 86_400_000, name: ["Last 24 hours", "Sidste 24 timer"] },
  "7d": { milliseconds: 604_800_000, name: ["Last 7 days", "Sidste 7 dage"] },
  "14d": { milliseconds: 1_209_600_000, name: ["Last 14 days", "Sidste 14 dage"] },
  "90d": { milliseconds: 7_776_000_000, name: ["Last 90 days", "Sidste 90 dage"] },
};
const DEFAULT_PERIOD = "24h";
/** In place of a period: from one moment to another. */
const BETWEEN = "between";

const main = startPage({ redraw: () => draw() });

/** What the address asks for. */
function wanted() {
  const query = parameters();
  const status = query.get("status") ?? "all";
  const last = query.get("last") ?? DEFAULT_PERIOD;
  const bound = query.has("from") || query.has("to");
  return {
    status: status in STATUSES ? status : "all",
    reason: status === "rejected" ? (query.get("reason") ?? "") : "",
    source: query.get("source") ?? "",
    tenant: query.get("tenant") ?? "",
    text: (query.get("q") ?? "").trim(),
    last: bound ? null : last in PERIODS ? last : DEFAULT_PERIOD,
    from: query.get("from"),
    to: query.get("to"),
    open: query.get("open"),
  };
}

/** It comes when it is asked for: what a first view does not show is not loaded with it. @type {typeof import("../modules/decide-dialog.js").openDecision} */
const openDecision = async (...asked) => (await import("../modules/decide-dialog.js")).openDecision(...asked);

/** @type {import("../modules/session.js").Who | null} */
let who = null;
/** @type {Delivery[]} */
let shown = [];
/** Those that came since, and wait to be asked for. @type {Delivery[]} */
let waiting = [];
let more = false;
let isLoaded = false;
let paused = false;
let overflow = false;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** What the list is of. @type {import("../modules/delivery-feed.js").Wanted} */
let asked = { status: "all", reason: "", source: "", tenant: "", text: "", from: null, to: null };
let current = feed(asked);
let bulkTurn = 0;
/** Each load has a number of its own: what an earlier one brings comes too late. */
let turn = 0;
let spokenAt = 0;
/** What the drawer shows. */
let drawn = "";

const pauseSlot = h("div", { class: "flex wrap gap-2" });
const tabs = h("div", { class: "tabs mb-3", role: "group", "aria-label": "Status" });
const chart = h("div");
const filters = h("div", { class: "filters mb-2", role: "search", "aria-label": say("Filters", "Filtre") });
const newer = h("div", { class: "flex gap-2 tail" });
const spoken = h("p", { class: "sr-only", "aria-live": "polite" });
const content = h("div");
const foot = h("div", { class: "card-foot" });
const bulk = h("div", { class: "bulk", role: "region", "aria-label": say("Selected", "Valgte"), hidden: true });

const chosen = selection({
  key: identity,
  name: (/** @type {Delivery} */ one) => one.key ?? one.id,
  changed: () => drawBulk(),
});
const rows = table(
  [
    { name: "", cell: (/** @type {Delivery} */ one) => chosen.box(one), narrow: "hide", kind: "choose" },
    { name: say("Time", "Tid"), cell: (one) => time(one) },
    { name: "Status", cell: (one) => deliveryStatus(one), narrow: "end" },
    {
      name: say("Source", "Kilde"),
      cell: (one) => one.source ?? "—",
      title: (one) => one.source ?? null,
      narrow: "below",
      kind: "short",
    },
    {
      name: say("Event", "Hændelse"),
      cell: (one) => event(one),
      title: (one) => one.detail ?? one.eventType ?? null,
      narrow: "end",
      kind: "event",
    },
    {
      name: say("Key", "Nøgle"),
      cell: (one) => h("span", { class: "font-mono ink-2" }, shortKey(one.key)),
      title: (one) => one.key ?? null,
      narrow: "hide",
    },
    { name: say("Failed", "Fejl"), cell: (one) => zero(one.attempts), kind: "number", narrow: "hide" },
    {
      name: say("Took", "Tog"),
      cell: (one) => (took(one) === null ? zero(null) : tookText(one)),
      kind: "number",
      narrow: "hide",
    },
  ],
  { key: identity, open: (one) => open(identity(one)) },
);
chosen.attach(rows.element);

replace(
  main,
  h(
    "div",
    { class: "page-head" },
    h(
      "div",
      { class: "grow" },
      h("h1", {}, say("Deliveries", "Leverancer")),
      h(
        "p",
        { class: "intro" },
        say("Every webhook that came in, and what became of it", "Hver webhook, der kom, og hvad der blev af den"),
      ),
    ),
    pauseSlot,
  ),
  tabs,
  chart,
  filters,
  newer,
  spoken,
  h("section", { class: "card", "aria-label": say("Deliveries", "Leverancer") }, content, foot),
  bulk,
);

/** Clock first, then what is finer. @param {Delivery} one */
function time(one) {
  const at = moment(one);
  if (!at) return "—";
  const fine = at.match(/\.(\d{3})/)?.[1];
  const day = isToday(at) ? null : h("span", { class: "ink-3" }, `${dayMonth(at)} `);
  return h("span", { class: "whitespace-nowrap" }, day, clock(at), fine && h("span", { class: "ink-3" }, `.${fine}`));
}

/** @param {Delivery} one */
function event(one) {
  const isReason = !one.eventType || one.status === "rejected";
  const text = isReason ? (reasonName(one) ?? subject(one)) : one.eventType;
  return h("span", { class: isReason && one.status === "rejected" ? "bad" : "ink-2" }, text);
}

/** Nothing is grey. @param {number | null | undefined} count */
const zero = (count) => (count ? number(count) : h("span", { class: "ink-3" }, count === 0 ? "0" : "—"));

/** @param {Record<string, string | null>} changes */
function filter(changes) {
  change({ open: null, ...changes });
  closeDrawer();
  load();
}

function drawPause() {
  const text = paused ? say("Go on", "Fortsæt") : say("Pause", "Pause");
  const toggle = button(text, { icon: paused ? "play" : "pause", "aria-pressed": String(paused), onclick: pause });
  const now = wanted();
  const again =
    now.status === "dead" && mayDecide(who) && button(say("Replay…", "Afspil…"), { icon: "refresh", onclick: replay });
  replace(pauseSlot, now.to ? null : toggle, again);
}

async function replay() {
  const { source, text: reason, to, from, last } = wanted();
  const since = last ? new Date(Date.now() - Number(PERIODS[last].milliseconds)).toISOString() : from;
  const { openReplay } = await import("../modules/replay-dialog.js");
  openReplay({ source, reason, from: since ?? "", to: to ?? "" }, { who, done: load });
}

function pause() {
  const had = pauseSlot.contains(document.activeElement);
  paused = !paused;
  if (!paused) tail();
  drawPause();
  drawNewer();
  if (had) pauseSlot.querySelector("button")?.focus();
}

function drawTabs() {
  const now = wanted();
  const held = tabs.contains(document.activeElement) ? document.activeElement?.getAttribute("data-status") : null;
  /** @type {Record<string, SVGElement>} */
  const marks = { processed: icon("ok", "ok"), rejected: icon("bad", "bad"), dead: icon("dead", "held") };
  replace(
    tabs,
    Object.entries(STATUSES).map(([status, name]) =>
      h(
        "button",
        {
          type: "button",
          "data-status": status,
          "aria-pressed": String(status === now.status),
          onclick: () => filter({ status: status === "all" ? null : status, reason: null }),
        },
        marks[status],
        say(...name),
      ),
    ),
  );
  const again = held ? tabs.querySelector(`[data-status="${held}"]`) : null;
  if (again instanceof HTMLElement) again.focus();
}

/** What a choice offers: what is known, and what is chosen. @param {(string | null | undefined)[]} values @param {string} value */
const offered = (values, value) => [...new Set([...values.filter(Boolean), value].filter(Boolean))].map(String).sort();

/** What was met so far, so that a filter does not take away the others. @type {{ sources: Set<string>, tenants: Set<string> }} */
const met = { sources: new Set(["pos", "trackstar", "unknown"]), tenants: new Set() };

const timeFrom = timeField("from", say("From", "Fra"), (from) => filter({ from, last: null }));
const timeTo = timeField("to", say("To", "Til"), (to) => filter({ to, last: null }));
const search = searchField(say("Key, trace or text", "Nøgle, spor eller tekst"), (text) => filter({ q: text || null }));

/** @param {string} value @param {string} name @returns {[string, string]} */
const choice = (value, name) => [value, name];

function drawFilters() {
  if (timeFrom.isTouched() || timeTo.isTouched()) return;
  const now = wanted();
  const held = filters.contains(document.activeElement) ? document.activeElement : null;
  const heldName = held?.closest("[data-filter]")?.getAttribute("data-filter");
  for (const one of shown) {
    if (one.source) met.sources.add(one.source);
    if (one.tenant) met.tenants.add(one.tenant);
  }
  search.show(now.text);
  const any = say("Any", "Alle");
  const period = selectChip(
    "last",
    say("Time", "Tid"),
    now.last ?? BETWEEN,
    [...Object.entries(PERIODS).map(([value, { name }]) => choice(value, say(...name))), choice(BETWEEN, say("Between…", "Mellem…"))],
    (last) => {
      const begin = last === BETWEEN ? new Date(Date.now() - 86_400_000).toISOString() : null;
      filter({ last: begin || last === DEFAULT_PERIOD ? null : last, from: begin, to: null });
    },
    now.last !== DEFAULT_PERIOD,
  );
  timeFrom.show(now.from);
  timeTo.show(now.to);
  const source = selectChip(
    "source",
    say("Source", "Kilde"),
    now.source,
    [choice("", any), ...offered([...met.sources], now.source).map((one) => choice(one, one))],
    (value) => filter({ source: value || null }),
  );
  const tenants = offered([...met.tenants], now.tenant);
  const tenant =
    (tenants.length > 1 || now.tenant) &&
    selectChip(
      "tenant",
      say("Tenant", "Lejer"),
      now.tenant,
      [choice("", any), ...tenants.map((one) => choice(one, one))],
      (value) => filter({ tenant: value || null }),
    );
  const counted = current.reasons().map(({ reason, count }) => choice(reason, `${reasonText(reason)} (${number(count)})`));
  if (now.reason && !counted.some(([reason]) => reason === now.reason)) counted.push(choice(now.reason, reasonText(now.reason)));
  const why =
    now.status === "rejected" &&
    selectChip("reason", say("Reason", "Grund"), now.reason, [choice("", any), ...counted], (reason) => filter({ reason: reason || null }));
  const between = now.last === null && [timeFrom.element, timeTo.element];
  const reset = isFiltered(now) && button(say("Reset", "Nulstil"), { kind: "quiet", onclick: resetAll });
  replace(filters, search.element, period, between, why, source, tenant, reset);
  if (held === search.input) search.input.focus();
  else if (heldName)
    /** @type {HTMLElement | null} */ (
      filters.querySelector(`[data-filter="${heldName}"] :is(select, input)`)
    )?.focus();
}

/** @param {ReturnType<typeof wanted>} now */
const isFiltered = (now) =>
  now.status !== "all" || now.source !== "" || now.tenant !== "" || now.text !== "" || now.last !== DEFAULT_PERIOD;

const resetAll = () => filter({ status: null, reason: null, source: null, tenant: null, q: null, last: null, from: null, to: null });

/** @param {Delivery} one @returns {import("../modules/time-chart.js").Mark["kind"]} */
function kindOf(one) {
  if (one.status === "rejected") return "bad";
  if (one.status === "dead") return "held";
  return one.outcome === "older" || one.outcome === "unhandled" ? "idle" : "run";
}

function drawChart() {
  const marks = shown.map((one) => ({ at: moment(one), kind: kindOf(one) })).filter(({ at }) => at);
  if (marks.length < 8) return replace(chart);
  const count = (/** @type {string} */ kind) => marks.filter((mark) => mark.kind === kind).length;
  const legend = [
    ["run", count("run"), say("processed", "behandlet")],
    ["idle", count("idle"), say("kept without effect", "gemt uden virkning")],
    ["bad", count("bad"), say("rejected", "afvist")],
    ["held", count("held"), say("dead", "døde")],
  ];
  const told = legend.filter(([, of]) => Number(of) > 0);
  const label =
    say(`The ${number(marks.length)} shown by time: `, `De ${number(marks.length)} viste efter tid: `) +
    told.map(([, of, name]) => `${of} ${name}`).join(", ");
  replace(
    chart,
    timeChart(marks, { label, choose: (from, to) => filter({ from, to, last: null }) }),
    h(
      "div",
      { class: "legend mb-3", "aria-hidden": "true" },
      told.map(([kind, of, name]) => h("span", {}, h("i", { class: `dot ${kind}` }), number(Number(of)), " ", name)),
    ),
  );
}

function drawNewer() {
  if (waiting.length === 0 && !overflow) {
    const text = paused ? say("Paused", "Sat på pause") : null;
    return replace(newer, text && h("span", { class: "status idle" }, icon("pause"), text));
  }
  const since = shownAt ? clock(shownAt) : "";
  const count = overflow ? say("Many", "Mange") : number(waiting.length);
  const text = say(`${count} new since ${since}`, `${count} nye siden ${since}`);
  replace(newer, h("button", { type: "button", class: "link as-link flex gap-1", onclick: takeIn }, icon("up"), text));
  if (Date.now() - spokenAt > SPOKEN_MS) {
    spokenAt = Date.now();
    replace(spoken, text);
  }
}

function takeIn() {
  main.scrollTo({ top: 0 });
  if (overflow) return void load();
  merge();
  draw();
  if (shown[0]) rows.focus(identity(shown[0]));
}

/** Puts those that wait on top. */
function merge() {
  shown = [...waiting, ...shown].slice(0, SHOWN_MAX);
  waiting = [];
  shownAt = new Date();
}

function drawRows() {
  const now = wanted();
  if (problem && !isLoaded) {
    replace(foot);
    return replace(
      content,
      unavailable(say("The deliveries could not be fetched", "Leverancerne kunne ikke hentes"), problem, load),
    );
  }
  if (!isLoaded) {
    rows.caption(say("Loading deliveries…", "Indlæser leverancer…"));
    rows.skeleton(12);
    replace(foot);
    return replace(content, rows.element);
  }
  const old =
    problem && shownAt
      ? h(
          "div",
          { class: "card-body" },
          stale(shownAt, problem, () => tail()),
        )
      : null;
  chosen.rows(shown);
  if (shown.length === 0) {
    replace(content, old, nothing(now));
  } else {
    const label = now.to ? "" : paused ? say(", paused", ", på pause") : say(", live", ", live");
    rows.caption(say(`${number(shown.length)} shown${label}`, `${number(shown.length)} vist${label}`));
    rows.rows(shown);
    rows.select(now.open);
    chosen.rows(shown);
    if (!rows.element.isConnected || old || content.firstElementChild !== rows.element)
      replace(content, old, rows.element);
  }
  drawFoot();
}

/** @param {ReturnType<typeof wanted>} now */
function nothing(now) {
  const period = now.last ? say(...PERIODS[now.last].name).toLowerCase() : say("that time", "den tid");
  const from = now.source ? say(` from ${now.source}`, ` fra ${now.source}`) : "";
  const kind = now.status === "all" ? "" : ` ${say(...STATUSES[now.status]).toLowerCase()}`;
  const text = now.text
    ? say(` has “${now.text}” in its key, trace or text`, ` har “${now.text}” i nøgle, spor eller tekst`)
    : "";
  const sentence = text
    ? say(`Nothing${kind}${from} in ${at(period)}${text}.`, `Intet${kind}${from} i ${at(period)}${text}.`)
    : say(`Nothing${kind} came${from} in ${at(period)}.`, `Intet${kind} kom${from} i ${at(period)}.`);
  const wider =
    now.last &&
    now.last !== "90d" &&
    button(say("Search 90 days", "Søg i 90 dage"), { onclick: () => filter({ last: "90d", from: null, to: null }) });
  const reset =
    isFiltered(now) && button(say("Reset the filters", "Nulstil filtrene"), { kind: "primary", onclick: resetAll });
  const title = isFiltered(now)
    ? say("No delivery matches these filters", "Ingen leverance passer til filtrene")
    : say("No deliveries yet", "Ingen leverancer endnu");
  return blank(title, sentence, { actions: /** @type {HTMLElement[]} */ ([reset, wider].filter(Boolean)) });
}

/** @param {string} period */
const at = (period) => say(`the ${period}`, `de ${period}`);

function drawFoot() {
  if (shown.length === 0 && !more) return replace(foot);
  const full = shown.length >= SHOWN_MAX;
  const older = button(say("Older", "Ældre"), { kind: "small", icon: "down", onclick: loadOlder });
  const text = full
    ? say(
        `A page shows ${number(SHOWN_MAX)}: choose a time to see older ones.`,
        `En side viser ${number(SHOWN_MAX)}: vælg en tid for at se ældre.`,
      )
    : more
      ? say("There are older ones.", "Der er ældre.")
      : say("These are all.", "Det er alle.");
  replace(foot, h("p", { class: "grow" }, text), more && !full && older);
}

function drawBulk() {
  const items = chosen.chosen();
  if (items.length === 0) {
    bulkTurn += 1;
    bulk.hidden = true;
    return replace(bulk);
  }
  const wanted = more && items.length === shown.length ? asked : null;
  const mine = (bulkTurn += 1);
  import("../modules/delivery-bulk.js").then(({ drawBulk }) => {
    if (mine !== bulkTurn) return;
    bulk.hidden = false;
    drawBulk(bulk, { items, wanted, who, clear: chosen.clear, done: decidedMany });
  });
}

function decidedMany() {
  chosen.clear();
  load();
}

async function drawDrawer() {
  const { open: id } = wanted();
  if (!id) {
    if (isDrawerOpen()) closeDrawer();
    return;
  }
  const place = shown.findIndex((one) => identity(one) === id);
  if (place < 0) {
    if (isLoaded && !more && !isDrawerOpen()) missing();
    return;
  }
  const one = shown[place];
  const [newest, oldest] = [place === 0, place === shown.length - 1];
  // What comes in on top is not to move what is read here.
  const now = JSON.stringify([one, newest, oldest, who?.actor, isUtc()]);
  if (isDrawerOpen() && now === drawn) return;
  const { deliveryDrawer } = await import("../modules/delivery-drawer.js");
  if (wanted().open !== id) return;
  drawn = now;
  const step = (/** @type {number} */ by) => () => {
    const next = shown[shown.findIndex((other) => identity(other) === id) + by];
    if (next) open(identity(next));
  };
  openDrawer(
    deliveryDrawer(one, {
      newer: newest ? null : step(-1),
      older: oldest ? null : step(1),
      who,
      drop: (one) => openDecision("drop", [one], { who, done: () => leave() }),
      decided: () => leave(),
    }),
    {
      closed: () => {
        change({ open: null }, { replace: true });
        rows.select(null);
        rows.focus(id);
      },
    },
  );
}

function missing() {
  const body = blank(
    say("It is not in this list", "Den er ikke på denne liste"),
    say("It was decided on, or came at another time.", "Den er afgjort eller kom på et andet tidspunkt."),
    {
      actions: [
        button(say("Search 90 days", "Søg i 90 dage"), {
          onclick: () => {
            change({ last: "90d", from: null, to: null });
            load();
          },
        }),
      ],
    },
  );
  openDrawer(
    { title: say("Delivery", "Leverance"), body },
    { closed: () => change({ open: null }, { replace: true }) },
  );
}

function leave() {
  closeDrawer();
  load();
}

function draw() {
  drawPause();
  drawTabs();
  drawFilters();
  drawChart();
  drawNewer();
  drawRows();
  drawBulk();
  drawDrawer();
}

/** @param {string} id */
function open(id) {
  change({ open: id }, { replace: isDrawerOpen() });
  rows.select(id);
  drawDrawer();
}

async function load() {
  const now = wanted();
  turn += 1;
  const mine = turn;
  current.end();
  const period = now.last ? PERIODS[now.last].milliseconds : null;
  const from = period ? new Date(Date.now() - period).toISOString() : now.from;
  asked = { ...now, from, to: now.to };
  current = feed(asked);
  [shown, waiting, more, isLoaded, overflow, problem] = [[], [], false, false, false, null];
  draw();
  try {
    const page = await current.older(PAGE);
    if (mine !== turn) return;
    [shown, more, isLoaded, shownAt] = [page.items, page.more, true, new Date()];
  } catch (thrown) {
    if (mine !== turn) return;
    problem = asError(thrown);
  }
  draw();
}

async function loadOlder() {
  const mine = turn;
  const pressed = foot.querySelector("button");
  if (pressed) pressed.disabled = true;
  try {
    const page = await current.older(Math.min(PAGE, SHOWN_MAX - shown.length));
    if (mine !== turn) return;
    const first = page.items[0];
    [shown, more] = [[...shown, ...page.items], page.more];
    draw();
    if (first) rows.focus(identity(first));
  } catch (thrown) {
    if (mine !== turn) return;
    problem = asError(thrown);
    draw();
  }
}

/** Asks for what came since. */
async function tail() {
  const now = wanted();
  if (!isLoaded) return problem ? load() : undefined;
  if (paused || now.to) return;
  const mine = turn;
  try {
    const page = await current.newer(moment(waiting[0] ?? shown[0] ?? {}));
    if (mine !== turn) return;
    const hadProblem = problem !== null;
    problem = null;
    overflow ||= page.gap;
    waiting = [...page.items, ...waiting].slice(0, SHOWN_MAX);
    if (waiting.length > 0 && !overflow && isAtTop()) {
      merge();
      draw();
    } else if (hadProblem) {
      draw();
    } else {
      if (waiting.length === 0) shownAt = new Date();
      drawNewer();
    }
  } catch (thrown) {
    if (mine !== turn) return;
    problem = asError(thrown);
    drawRows();
  }
}

/** Whether new rows would push nothing that is read. */
const isAtTop = () => main.scrollTop <= TOP_PX && scrollY <= TOP_PX && chosen.chosen().length === 0;

const walk = (/** @type {number} */ step) => () => {
  const one = rows.move(step);
  if (one && isDrawerOpen()) open(identity(one));
};

/** The row that has the focus, or is open. */
function atHand() {
  const line = document.activeElement?.closest("tr[data-key]");
  const id = (line instanceof HTMLElement ? line.dataset.key : null) ?? wanted().open;
  return shown.find((one) => identity(one) === id) ?? null;
}

const toggleRow = (/** @type {boolean} */ range) => () => {
  const one = atHand();
  if (one) chosen.toggle(one, range);
};

function escape() {
  if (isDrawerOpen()) closeDrawer();
  else chosen.clear();
}

addKeys([
  { key: "/", text: say("Filter", "Filter"), run: () => search.input.focus() },
  { key: "j", text: say("Next row", "Næste række"), run: walk(1) },
  { key: "k", text: say("Previous row", "Forrige række"), run: walk(-1) },
  { key: "x", text: say("Select the row", "Vælg rækken"), run: toggleRow(false) },
  { key: "X", text: say("Select up to the row", "Vælg til og med rækken"), run: toggleRow(true) },
  {
    key: "r",
    text: say("Send what is selected again", "Send det valgte igen"),
    run: () => {
      const items = chosen.chosen();
      if (may(who, "deliveries:write") && items.length > 0) openDecision("again", items, { who, done: decidedMany });
    },
  },
  { key: "p", text: say("Pause, go on", "Pause, fortsæt"), run: pause },
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close, then clear the selection", "Luk, ryd så valget"), run: escape },
]);
addEventListener("popstate", () => load());

load();
whoever().then((found) => {
  who = found;
  drawPause();
  drawBulk();
  drawDrawer();
});
poll(tail, POLL_MS);
