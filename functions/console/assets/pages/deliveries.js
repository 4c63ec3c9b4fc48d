// `/deliveries`: every webhook that came in, and what became of it.

import { change } from "../modules/address.js";
import { asError } from "../modules/api.js";
import { deliveryChart } from "../modules/delivery-chart.js";
import { feed, identity, moment } from "../modules/delivery-feed.js";
import { PERIODS, deliveryFilters, wantedDeliveries } from "../modules/delivery-filters.js";
import { openedDelivery } from "../modules/delivery-opened.js";
import { columns } from "../modules/delivery-rows.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen } from "../modules/drawer.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { clock, number, say } from "../modules/language.js";
import { copied } from "../modules/messages.js";
import { drawList } from "../modules/list-view.js";
import { pageHead } from "../modules/page-head.js";
import { poll } from "../modules/poll.js";
import { selection } from "../modules/selection.js";
import { may, whoever } from "../modules/session.js";
import { table } from "../modules/table.js";

/** @typedef {import("../modules/delivery-feed.js").Delivery} Delivery */

const PAGE = 50;
/** As many rows as a page holds; who looks for older ones says when they came. */
const SHOWN_MAX = 500;
const POLL_MS = 5_000;
/** New rows come by themselves while the list is read from its top. */
const TOP_PX = 40;
const SPOKEN_MS = 10_000;

const main = startPage({ redraw: () => draw() });

/** It comes when it is asked for: what a first view does not show is not loaded with it. @type {typeof import("../modules/decide-dialog.js").openDecision} */
const openDecision = async (...asked) => (await import("../modules/decide-dialog.js")).openDecision(...asked);

/** @type {import("../modules/session.js").Who | null} */
let who = null;
const mayDecide = () => may(who, "deliveries:write");
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

const pauseSlot = h("div", { class: "flex wrap gap-2" });
const chart = h("div");
const filters = deliveryFilters(filter);
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
const rows = table(columns(chosen), { key: identity, open: (one) => opened.open(identity(one)) });
const opened = openedDelivery({
  rows,
  shown: () => shown,
  isLoaded: () => isLoaded,
  tenant: () => asked.tenant,
  who: () => who,
  decide: openDecision,
  load: () => load(),
});
chosen.attach(rows.element);

replace(
  main,
  pageHead(
    say("Deliveries", "Leverancer"),
    say("Every webhook that came in, and what became of it", "Hver webhook, der kom, og hvad der blev af den"),
    h("div", { class: "flex wrap gap-2" }, h("a", { class: "button", href: "/deliveries/out" }, say("Webhooks out", "Webhooks ud")), pauseSlot),
  ),
  filters.tabs,
  chart,
  filters.element,
  newer,
  spoken,
  h("section", { class: "card", "aria-label": say("Deliveries", "Leverancer") }, content, foot),
  bulk,
);

/** @param {Record<string, string | null>} changes */
function filter(changes) {
  change({ open: null, ...changes });
  closeDrawer();
  load();
}

function drawPause() {
  const text = paused ? say("Go on", "Fortsæt") : say("Pause", "Pause");
  const toggle = button(text, { icon: paused ? "play" : "pause", "aria-pressed": String(paused), onclick: pause });
  const now = wantedDeliveries();
  const again =
    now.status === "dead" && mayDecide() && button(say("Replay…", "Afspil…"), { icon: "refresh", onclick: replay });
  replace(pauseSlot, now.to ? null : toggle, again);
}

async function replay() {
  const { source, text, tenant, to, from, last } = wantedDeliveries();
  const since = last ? new Date(Date.now() - Number(PERIODS[last].milliseconds)).toISOString() : from;
  const { openReplay } = await import("../modules/replay-dialog.js");
  openReplay({ source, text, from: since ?? "", to: to ?? "" }, { who, tenant, done: load });
}

function pause() {
  const had = pauseSlot.contains(document.activeElement);
  paused = !paused;
  if (!paused) tail();
  drawPause();
  drawNewer();
  drawRows();
  if (had) pauseSlot.querySelector("button")?.focus();
}

function drawChart() {
  const choose = (/** @type {string} */ from, /** @type {string} */ to) => filter({ from, to, last: null });
  replace(chart, deliveryChart(shown, { from: more ? null : asked.from, to: asked.to ?? new Date().toISOString(), choose }));
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
  const now = wantedDeliveries();
  const label = now.to ? "" : paused ? say(", paused", ", på pause") : say(", live", ", live");
  chosen.rows(shown);
  const drawn = drawList(content, rows, {
    items: isLoaded ? shown : null,
    problem,
    shownAt,
    again: () => void tail(),
    failed: say("The deliveries could not be fetched", "Leverancerne kunne ikke hentes"),
    loading: say("Loading deliveries…", "Indlæser leverancer…"),
    lines: 12,
    none: () => filters.nothing(now),
    caption: () => say(`${number(shown.length)} shown${label}`, `${number(shown.length)} vist${label}`),
  });
  if (drawn) {
    rows.select(now.open);
    chosen.rows(shown);
  }
  if (isLoaded) drawFoot();
  else replace(foot);
}

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

function draw() {
  drawPause();
  filters.draw(shown, current.reasons());
  drawChart();
  drawNewer();
  drawRows();
  drawBulk();
  opened.draw();
}

async function load() {
  const now = wantedDeliveries();
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
  const now = wantedDeliveries();
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

const walk = (/** @type {number} */ step) => {
  const one = rows.move(step);
  if (one && isDrawerOpen()) opened.open(identity(one));
};

/** The row that has the focus, or is open. */
function atHand() {
  const line = document.activeElement?.closest("tr[data-key]");
  const id = (line instanceof HTMLElement ? line.dataset.key : null) ?? wantedDeliveries().open;
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
  { key: "/", text: say("Filter", "Filter"), run: filters.focus },
  ...rowKeys(walk),
  { key: "x", text: say("Select the row", "Vælg rækken"), run: toggleRow(false) },
  { key: "X", text: say("Select up to the row", "Vælg til og med rækken"), run: toggleRow(true) },
  {
    key: "r",
    text: say("Send what is selected again", "Send det valgte igen"),
    run: () => {
      const items = chosen.chosen();
      if (mayDecide() && items.length > 0) openDecision("again", items, { who, done: decidedMany });
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
  opened.draw();
});
poll(tail, POLL_MS);
