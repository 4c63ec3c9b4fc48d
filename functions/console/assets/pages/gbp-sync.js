// `/settings/admin/gbp-sync`: how mirrors of categories do, those that wait for approval, and one by hand.

import { change, parameters } from "../modules/address.js";
import { asError } from "../modules/api.js";
import { greyCount } from "../modules/counts.js";
import { button, h, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen, openDrawer } from "../modules/drawer.js";
import { selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { clock, dateTime, dayMonth, isToday, number, say } from "../modules/language.js";
import { drawList } from "../modules/list-view.js";
import { blank, callout, copied, toast } from "../modules/messages.js";
import { isRunning, mirrorStatus, strategyCell, strategyText, whose } from "../modules/mirror-words.js";
import { pageHead } from "../modules/page-head.js";
import { paging } from "../modules/paging.js";
import { askPlatform } from "../modules/platform.js";
import { poll } from "../modules/poll.js";
import { may, whoever } from "../modules/session.js";
import { stats } from "../modules/stats.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";
import { chosenTenant } from "../modules/tenant.js";

/** @typedef {import("../modules/mirror-words.js").Mirror} Mirror */
/** @typedef {import("../modules/mirror-words.js").Held} Held */
/** @typedef {import("../modules/status.js").Tone} Tone */
/** @typedef {{ id: string, tenantId: string | null, error: string, startedAt: string }} Failure */
/**
 * @typedef {{
 *   totalRuns: number, successfulRuns: number, failedRuns: number, skippedRuns?: number, successRate: number, outOfSyncCount: number,
 *   recentErrors: Failure[],
 * }} Stats
 */

const LIMIT = 20;
const ERRORS_MAX = 5;
const POLL_MS = 30_000;
/** While something runs. */
const LIVE_MS = 3_000;
/** What was queued is stored before the answer, and has begun by then. */
const RELOAD_MS = 2_000;

const main = startPage({ redraw: () => draw(), ofAll: true });
/** @type {Stats | null} */
let figures = null;
/** @type {Mirror[] | null} */
let rows = null;
/** @type {Held[]} */
let held = [];
let total = 0;
let hasMore = false;
let mayDecide = false;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** @type {AbortController | null} */
let asking = null;
/** @type {(() => void) | null} Ends looking often. */
let calm = null;

const actions = h("div", { class: "flex gap-2" });
const figureSlot = h("div", { class: "mb-3" });
const heldSlot = h("div");
const queued = h("div", { role: "status", "aria-live": "polite" });
const trigger = button(say("Trigger Manual Sync", "Start en synkronisering"), { icon: "refresh", kind: "primary wide", "aria-haspopup": "dialog", onclick: openTrigger });
const errors = h("div");
const head = h("div", { class: "card-head" });
const content = h("div");
const pages = paging();

const log = table(
  [
    {
      name: say("Started", "Startet"),
      sort: ["started", (/** @type {Mirror} */ row) => row.startedAt],
      cell: (row) => time(row.startedAt),
      title: (row) => dateTime(row.startedAt),
      narrow: "below",
    },
    { name: say("Tenant", "Lejer"), cell: (row) => h("span", { class: "font-medium" }, whose(row.tenantId)), title: (row) => row.jobId, kind: "short" },
    { name: say("Strategy", "Strategi"), cell: strategyCell, narrow: "more" },
    { name: say("Created", "Oprettet"), cell: (row) => greyCount(row.created), kind: "number", narrow: "more" },
    { name: say("Updated", "Opdateret"), cell: (row) => greyCount(row.updated), kind: "number", narrow: "more" },
    { name: say("Deleted", "Slettet"), cell: (row) => greyCount(row.deleted), kind: "number", narrow: "more" },
    { name: "Status", cell: (row) => mirrorStatus(row, heldOf(row)), title: (row) => row.error ?? row.reason, narrow: "end" },
  ],
  { key: (row) => row.id, open: (row) => open(row.id) },
);
log.element.classList.add("mirrors");

replace(
  main,
  pageHead("GBP Category Sync", say("Monitor sync status and trigger manual syncs", "Følg synkroniseringen, og start en med hånden"), actions),
  figureSlot,
  heldSlot,
  h(
    "div",
    { class: "sync-grid" },
    h(
      "div",
      { class: "grid gap-3 sync-rail" },
      h("section", { class: "card", "aria-labelledby": "actions-title" },
        h("div", { class: "card-head" }, h("h2", { id: "actions-title" }, say("Actions", "Handlinger"))),
        h("div", { class: "card-body grid gap-2" }, trigger, queued, h("p", { class: "note" }, say("60 s lie between two syncs of a tenant the same way.", "Der går 60 s mellem to synkroniseringer af en lejer samme vej.")))),
      h("section", { class: "card", "aria-labelledby": "errors-title" },
        h("div", { class: "card-head" }, h("h2", { class: "grow", id: "errors-title" }, say("Recent Errors", "Seneste fejl")), h("span", { class: "note" }, say("last 5", "seneste 5"))),
        errors),
    ),
    h("section", { class: "card", "aria-label": say("Recent Sync Logs", "Seneste synkroniseringer") }, head, content, pages.element),
  ),
);

const heldOf = (/** @type {Mirror} */ row) => held.find(({ id }) => id === row.id);
/** Whether it goes on by itself. A fan-out waits for what is held, perhaps for days. @param {Mirror} row */
const isLive = (row) => isRunning(row) && !heldOf(row) && (row.tenantId !== null || held.length === 0);

/** @param {string} at */
function time(at) {
  const day = isToday(at) ? null : h("span", { class: "ink-3" }, `${dayMonth(at)} `);
  return h("span", { class: "whitespace-nowrap" }, day, clock(at));
}

const offset = () => Math.max(0, Math.floor(Number(parameters().get("offset")) || 0));
const strategy = () => parameters().get("strategy") ?? "";

async function openTrigger() {
  const { openMirrorDialog } = await import("../modules/mirror-dialog.js");
  openMirrorDialog(chosenTenant(), (what) => {
    const title = say("Sync job queued successfully!", "Synkroniseringen er sat i kø!");
    replace(queued, callout("ok", title, what));
    toast("ok", title);
    change({ offset: null });
    setTimeout(load, RELOAD_MS);
  });
}

function drawFigures() {
  const none = "—";
  const began = figures ? figures.totalRuns - (figures.skippedRuns ?? 0) : 0;
  const tone = (/** @type {number} */ value, /** @type {[number, number]} */ [good, fair]) => (value <= good ? "ok" : value < fair ? "warn" : "bad");
  const rate = () => {
    if (!figures) return none;
    const text = say(`${number(figures.successRate)}%`, `${number(figures.successRate)} %`);
    if (began <= 0) return status("idle", text);
    return status(figures.successRate >= 95 ? "ok" : figures.successRate >= 80 ? "warn" : "bad", text);
  };
  const skipped = figures?.skippedRuns ? h("small", {}, say(`${number(figures.skippedRuns)} skipped`, `${number(figures.skippedRuns)} sprunget over`)) : null;
  replace(
    figureSlot,
    stats([
      { label: say("Total Runs (24h)", "Kørsler i alt (24 t)"), value: figures ? [number(figures.totalRuns), skipped] : none },
      { label: say("Success Rate", "Andel gennemført"), value: rate() },
      { label: say("Out of Sync", "Ude af trit"), value: figures ? status(tone(figures.outOfSyncCount, [0, 5]), number(figures.outOfSyncCount)) : none },
      { label: say("Failed Runs", "Fejlede kørsler"), value: figures ? status(figures.failedRuns === 0 ? "ok" : "bad", number(figures.failedRuns)) : none },
    ]),
  );
}

function drawErrors() {
  if (!figures && problem) return replace(errors, h("p", { class: "card-body ink-3" }, "—"));
  if (!figures) return replace(errors, h("div", { class: "card-body" }, h("span", { class: "skeleton long" })));
  if (figures.recentErrors.length === 0) {
    return replace(errors, h("p", { class: "card-body ink-3" }, say("None in the last 24 hours.", "Ingen i de seneste 24 timer.")));
  }
  const one = (/** @type {Failure} */ failure) =>
    h(
      "li",
      {},
      status("bad", whose(failure.tenantId)),
      h("time", { class: "note", datetime: failure.startedAt, title: dateTime(failure.startedAt) }, time(failure.startedAt)),
      h("p", { class: "note break-words" }, failure.error),
    );
  return replace(errors, h("ul", { class: "failures" }, figures.recentErrors.slice(0, ERRORS_MAX).map(one)));
}

let heldShown = "";

async function drawHeld() {
  const now = JSON.stringify([held, mayDecide, dateTime(new Date(0).toISOString())]);
  // What somebody is about to press must not be made anew under them.
  if (now === heldShown) return;
  heldShown = now;
  if (held.length === 0) return replace(heldSlot);
  const { heldCard } = await import("../modules/mirror-held.js");
  replace(heldSlot, held.map((one) => heldCard(one, mayDecide, () => load())));
}

function drawHead() {
  const live = rows?.some(isLive);
  const had = head.contains(document.activeElement);
  const choices = /** @type {[string, string][]} */ ([["", say("Both", "Begge")], ...["platform_to_gbp", "gbp_to_platform"].map((one) => [one, strategyText(one)])]);
  const filter = selectChip("strategy", say("Strategy", "Strategi"), strategy(), choices, (one) => {
    change({ strategy: one || null, offset: null });
    load();
  });
  replace(head, h("h2", { class: "grow" }, say("Recent Sync Logs", "Seneste synkroniseringer")), live && status("ok", "Live", { icon: "pulse" }), filter);
  if (had) head.querySelector("select")?.focus();
  replace(
    actions,
    shownAt && h("span", { class: "note not-narrow" }, say(`Updated ${clock(shownAt)}`, `Opdateret ${clock(shownAt)}`)),
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
  );
}

function drawRows() {
  const shown = drawList(content, log, {
    items: rows,
    problem,
    shownAt,
    again: load,
    failed: say("The log could not be fetched", "Loggen kunne ikke hentes"),
    loading: say("Loading…", "Indlæser…"),
    lines: 8,
    none: () =>
      blank(
        say("No syncs yet", "Ingen synkroniseringer endnu"),
        say("One that is started, by hand or by a schedule, is shown here at once.", "En, der startes med hånden eller efter en plan, vises her med det samme."),
      ),
    caption: () => say(`${number(rows?.length)} of ${number(total)} shown, the newest first`, `${number(rows?.length)} af ${number(total)} vist, de nyeste først`),
  });
  if (shown) log.select(parameters().get("open"));
  const at = offset();
  const last = at + (rows?.length ?? 0);
  pages.show(at > 0 ? String(at) : null, {
    next: hasMore ? String(at + LIMIT) : null,
    text: rows && rows.length > 0 ? say(`${number(at + 1)}–${number(last)} of ${number(total)}`, `${number(at + 1)}–${number(last)} af ${number(total)}`) : "",
    onward: (to) => {
      change({ offset: to, open: null });
      closeDrawer();
      load();
    },
  });
}

async function drawDrawer() {
  const id = parameters().get("open");
  if (!id) return isDrawerOpen() && closeDrawer();
  const row = rows?.find((one) => one.id === id);
  if (!row) return;
  const { mirrorDrawer } = await import("../modules/mirror-drawer.js");
  openDrawer(mirrorDrawer(row, heldOf(row)), {
    closed: () => {
      change({ open: null }, { replace: true });
      log.select(null);
      log.focus(id);
    },
  });
}

/** @param {string} id */
function open(id) {
  change({ open: id }, { replace: isDrawerOpen() });
  log.select(id);
  drawDrawer();
}

function draw() {
  drawFigures();
  drawHeld();
  drawErrors();
  drawHead();
  drawRows();
  drawDrawer();
}

async function load() {
  asking?.abort();
  const controller = new AbortController();
  asking = controller;
  const { signal } = controller;
  const query = new URLSearchParams({ limit: String(LIMIT), offset: String(offset()) });
  const tenant = chosenTenant();
  if (tenant) query.set("tenantId", tenant);
  if (strategy()) query.set("strategy", strategy());
  const waiting = askPlatform("/api/admin/mirror/held", { signal });
  try {
    const [day, page, held_] = await Promise.all([
      askPlatform("/api/admin/sync-stats", { signal }),
      askPlatform(`/api/admin/sync-logs?${query}`, { signal }),
      waiting,
    ]);
    figures = day.stats;
    rows = page.data;
    ({ total, hasMore } = page.pagination);
    held = held_.data;
    shownAt = new Date();
    problem = null;
  } catch (thrown) {
    if (signal.aborted) return;
    problem = asError(thrown);
  }
  draw();
  const live = rows?.some(isLive) ?? false;
  if (live && !calm) calm = poll(load, LIVE_MS);
  if (!live && calm) {
    calm();
    calm = null;
  }
}

const walk = (/** @type {number} */ step) => {
  const row = log.move(step);
  if (row && isDrawerOpen()) open(row.id);
};
addKeys([
  ...rowKeys(walk),
  { key: "t", text: say("Trigger Manual Sync", "Start en synkronisering"), run: openTrigger },
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close", "Luk"), run: closeDrawer },
]);
addEventListener("popstate", () => load());

draw();
// On one's own machine a session is made for who has none, and these routes are for nobody without.
const who = await whoever();
mayDecide = may(who, "connections:write");
trigger.disabled = !mayDecide;
load();
poll(load, POLL_MS);
