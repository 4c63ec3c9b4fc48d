// `/vendor-sync`: a window of a vendor's runs with its statistics.

import { change } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { dateField } from "../modules/date-field.js";
import { dayStrip } from "../modules/days.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen, openDrawer } from "../modules/drawer.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { clock, clockShort, dayMonth, isToday, number, say } from "../modules/language.js";
import { blank, callout, copied, failed, stale } from "../modules/messages.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { runDrawer } from "../modules/run-drawer.js";
import { money } from "../modules/run-price.js";
import { columns } from "../modules/run-rows.js";
import { may, whoever } from "../modules/session.js";
import { stats } from "../modules/stats.js";
import { status } from "../modules/status.js";
import { syncHead, syncTabs } from "../modules/sync-tabs.js";
import { DEFAULT_DAYS, LIMIT, PRESETS, wantedWindow, windowOf, windowPath } from "../modules/sync-window.js";
import { table } from "../modules/table.js";

/** @typedef {import("../modules/runs.js").Run} Run */

const POLL_MS = 30_000;

const main = startPage({ redraw: () => draw() });

/** It comes when it is asked for: what a first view does not show is not loaded with it. @type {(...asked: Parameters<typeof import("../modules/run-dialog.js").openRunDialog>) => Promise<void>} */
const openRunDialog = async (...asked) => (await import("../modules/run-dialog.js")).openRunDialog(...asked);

/** @type {{ slug: string, name: string }[]} */
let vendors = [{ slug: "moscot", name: "MOSCOT" }];
/** Whether these are all there are. */
let areKnown = false;
let mayWrite = false;
let mayDecide = false;
/** @type {import("../modules/sync-window.js").Window | null} */
let shown = null;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** A run that the address names and the page does not have. @type {Run | null} */
let lone = null;
/** @type {AbortController | null} */
let asking = null;

const actions = h("div", { class: "flex wrap gap-2" });
const filters = h("div", { class: "filters mb-3", role: "group", "aria-label": say("Filters", "Filtre") });
const alertSlot = h("div");
const figures = h("div", { class: "mb-3" });
const strip = h("div", { class: "mb-3" });
const cardHead = h("div", { class: "card-head" });
const content = h("div");
const pages = paging();

const runs = table(columns(), { key: (run) => run.id, open: (run) => openRun(run.id) });

replace(
  main,
  syncHead(
    say(
      "Follow vendor syncs, their status and window for the MOSCOT catalogue",
      "Følg leverandørsynkroniseringer, status og tidsvindue for MOSCOT kataloget",
    ),
    actions,
  ),
  syncTabs("runs"),
  filters,
  alertSlot,
  figures,
  strip,
  h("section", { class: "card", "aria-label": say("Runs", "Kørsler") }, cardHead, content, pages.element),
);

/** Changes the filter, and begins at its first page. @param {Record<string, string | string[] | null>} changes */
function filter(changes) {
  change({ cursor: null, run: null, ...changes });
  closeDrawer();
  load();
}

function drawActions() {
  const reset = () => filter({ period: null, from: null, to: null, status: null });
  const { vendor } = wantedWindow();
  const run = () => openRunDialog(vendors.find(({ slug }) => slug === vendor) ?? { slug: vendor, name: vendor }, started);
  replace(
    actions,
    button(say("Last 7 days", "Sidste 7 dage"), { kind: "not-narrow", onclick: reset }),
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
    mayWrite && button(say("Run now", "Kør nu"), { icon: "play", kind: "primary", onclick: run }),
  );
}

/** @param {string | null} runId */
async function started(runId) {
  await load();
  if (runId && shown?.runs.some((run) => run.id === runId)) openRun(runId);
}

/** @returns {Record<string, string>} */
const statusNames = () => ({ success: say("Success", "Succes"), error: say("Failed", "Fejlet"), running: say("Running", "Kører") });

function drawFilters() {
  const now = wantedWindow();
  const held = filters.contains(document.activeElement) ? document.activeElement?.getAttribute("data-filter") : null;
  const toggle = (/** @type {string} */ name, /** @type {string} */ text, /** @type {boolean} */ pressed, /** @type {() => void} */ run) =>
    h("button", { type: "button", "data-filter": name, "aria-pressed": String(pressed), onclick: run }, text);
  const presets = PRESETS.map((days) =>
    toggle(`${days}`, say(`${days} days`, `${days} dage`), now.preset === days, () =>
      filter({ period: days === DEFAULT_DAYS ? null : String(days), from: null, to: null }),
    ),
  );
  const all = toggle("all", say("All", "Alle"), now.all, () => filter({ period: "all", from: null, to: null }));
  const bounds = (/** @type {"from" | "to"} */ bound) => (/** @type {string} */ day) =>
    filter({ period: null, from: now.from, to: now.to, [bound]: day });
  const statuses = Object.entries(statusNames()).map(([name, text]) =>
    toggle(name, text, now.statuses.includes(name), () => {
      const others = now.statuses.filter((one) => one !== name);
      filter({ status: others.length < now.statuses.length ? others : [...others, name] });
    }),
  );
  const known = vendors.some(({ slug }) => slug === now.vendor) ? vendors : [...vendors, { slug: now.vendor, name: now.vendor }];
  const options = known.map(({ slug, name }) => h("option", { value: slug, selected: slug === now.vendor }, name));
  const select = h("select", { "data-filter": "vendor" }, options);
  select.addEventListener("change", () => filter({ vendor: select.value === "moscot" ? null : select.value }));
  replace(
    filters,
    h("div", { class: "segmented", role: "group", "aria-label": say("Period", "Tidsrum") }, presets, all),
    dateField(say("From", "Fra"), now.from, bounds("from")),
    dateField(say("To", "Til"), now.to, bounds("to")),
    h("label", { class: "chip whole" }, h("span", { class: "key" }, say("Vendor", "Leverandør")), select, icon("down")),
    h("div", { class: "segmented", role: "group", "aria-label": "Status" }, statuses),
    now.all && h("span", { class: "note" }, say("All periods", "Alle perioder")),
  );
  const again = held && filters.querySelector(`[data-filter="${held}"]`);
  if (again instanceof HTMLElement) again.focus();
}

function drawFigures() {
  const none = "—";
  const figure = (/** @type {import("../modules/status.js").Tone} */ tone, /** @type {number} */ count) =>
    count > 0 ? status(tone, number(count)) : h("span", { class: "ink-3" }, "0");
  const latest = shown?.latest;
  // Of all runs of its days, whatever their status.
  const spent = shown?.days?.reduce((sum, one) => sum + (one.usd ?? 0), 0);
  const listed = say(
    "What all runs of these days (UTC) cost that are over, at list prices",
    "Hvad alle afsluttede kørsler på disse dage (UTC) kostede, til listepriser",
  );
  const day = latest && (isToday(latest) ? say("today", "i dag") : dayMonth(latest));
  replace(
    figures,
    stats([
      { label: say("Runs in the window", "Kørsler i vinduet"), value: shown ? number(shown.total) : none },
      { label: say("Success", "Succes"), value: shown ? figure("ok", shown.counts.success) : none },
      { label: say("Failures", "Fejl"), value: shown ? figure("bad", shown.counts.error) : none },
      { label: say("In progress", "I gang"), value: shown ? figure("run", shown.counts.running) : none },
      { label: say("Latest run", "Seneste kørsel"), value: latest ? [clockShort(latest), h("small", {}, day)] : none },
      { label: say("Price", "Pris"), value: spent ? h("span", { title: listed }, money(spent)) : none },
    ]),
  );
}

function drawStrip() {
  const now = wantedWindow();
  const chosen = now.from === now.to ? now.from : null;
  const choose = (/** @type {import("../modules/days.js").Day} */ day) =>
    filter(day.day === chosen ? { from: null, to: null } : { period: null, from: day.day, to: day.day });
  const of = (/** @type {string} */ status, /** @type {number} */ count) =>
    now.statuses.length === 0 || now.statuses.includes(status) ? count : 0;
  // The route counts all runs of a day.
  const days = (shown?.days ?? []).map(({ day, success, error, running }) => ({
    day,
    success: of("success", success),
    error: of("error", error),
    running: of("running", running),
  }));
  replace(strip, days.length > 1 ? dayStrip(days, { chosen, choose }) : null);
}

function drawHead() {
  const pills = shown && [
    status(shown.counts.success > 0 ? "ok" : "idle", say(`${number(shown.counts.success)} succeeded`, `${number(shown.counts.success)} succes`), { pill: true }),
    status(shown.counts.error > 0 ? "bad" : "idle", say(`${number(shown.counts.error)} failed`, `${number(shown.counts.error)} fejl`), { pill: true }),
  ];
  replace(
    cardHead,
    h("h2", { class: "grow" }, say("The latest sync runs", "Overvågning af seneste synkroniseringskørsler")),
    shownAt && h("span", { class: "note" }, say(`Updated ${clock(shownAt)}`, `Opdateret ${clock(shownAt)}`)),
    pills && h("span", { class: "flex gap-2 not-narrow" }, pills),
  );
}

function drawRows() {
  const now = wantedWindow();
  if (problem && !shown) {
    replace(content, failed(say("The runs could not be fetched", "Kunne ikke hente kørsler"), problem, load));
    return;
  }
  if (!shown) {
    runs.caption(say("Loading runs…", "Indlæser kørsler…"));
    runs.skeleton(8);
    replace(content, runs.element);
    return;
  }
  const old = problem && shownAt ? h("div", { class: "card-body" }, stale(shownAt, problem, load)) : null;
  if (shown.runs.length === 0 && areKnown && !vendors.some(({ slug }) => slug === now.vendor)) {
    const first = vendors[0];
    const go = button(say(`Show ${first.name}`, `Vis ${first.name}`), { kind: "primary", onclick: () => filter({ vendor: first.slug }) });
    const none = say(`No vendor is called “${now.vendor}”`, `Ingen leverandør hedder “${now.vendor}”`);
    const text = say("The address may be mistyped, or the vendor gone. Choose another one above.", "Adressen kan være skrevet forkert, eller leverandøren være væk. Vælg en anden ovenfor.");
    replace(content, old, blank(none, text, { actions: [go] }));
    return;
  }
  if (shown.runs.length === 0) {
    const reset = button(say("Reset the filters", "Nulstil filtre"), {
      onclick: () => filter({ period: "all", from: null, to: null, status: null }),
    });
    const none = say("No runs match the chosen filters.", "Ingen kørsler matcher de valgte filtre.");
    replace(content, old, blank(none, describe(now), { actions: [reset] }));
    return;
  }
  runs.caption(say(`${shown.runs.length} runs shown`, `Viser ${shown.runs.length} kørsler`));
  runs.rows(shown.runs);
  runs.select(now.run);
  replace(content, old, runs.element);
}

/** The filter in words. @param {import("../modules/sync-window.js").Wanted} now */
function describe(now) {
  const period = now.all ? say("all periods", "alle perioder") : `${now.from ?? "…"} – ${now.to ?? "…"}`;
  const names = statusNames();
  const statuses = now.statuses.length > 0 ? now.statuses.map((one) => names[one]).join(", ") : say("any status", "enhver status");
  return `${now.vendor}, ${period}, ${statuses}`;
}

function drawPaging() {
  const more = shown?.next
    ? say("There are more results.", "Der er flere resultater tilgængelige.")
    : say("All runs of the window are shown.", "Alle kørsler i vinduet er vist.");
  const limit = say(`The window shows up to ${LIMIT} runs at a time.`, `Vinduet viser op til ${LIMIT} kørsler ad gangen.`);
  const next = shown?.next ? say(` Next page: ${shown.next}`, ` Næste side-id: ${shown.next}`) : "";
  pages.show(wantedWindow().cursor, {
    next: shown?.next ?? null,
    text: `${limit} ${shown ? more : ""}${next}`,
    onward: (cursor) => {
      change({ cursor, run: null });
      closeDrawer();
      load();
    },
  });
}

function drawDrawer() {
  const { run: id } = wantedWindow();
  if (!id) {
    if (isDrawerOpen()) closeDrawer();
    return;
  }
  const list = shown?.runs ?? [];
  const at = list.findIndex((run) => run.id === id);
  const run = at >= 0 ? list[at] : lone?.id === id ? lone : null;
  if (!run) return;
  const step = (/** @type {number} */ by) => () => list[at + by] && openRun(list[at + by].id);
  openDrawer(
    runDrawer(run, {
      newer: at > 0 ? step(-1) : null,
      older: at >= 0 && at < list.length - 1 ? step(1) : null,
      name: vendors.find(({ slug }) => slug === run.vendor)?.name ?? run.vendor,
      decided: mayDecide ? () => load() : null,
      again: mayWrite ? (vendor, like) => openRunDialog(vendor, started, like) : null,
    }),
    {
      closed: () => {
        change({ run: null }, { replace: true });
        runs.select(null);
        runs.focus(id);
      },
    },
  );
}

function draw() {
  drawActions();
  drawFilters();
  drawFigures();
  drawStrip();
  drawHead();
  drawRows();
  drawPaging();
  drawDrawer();
}

/** @param {string} id */
function openRun(id) {
  change({ run: id }, { replace: isDrawerOpen() });
  runs.select(id);
  drawDrawer();
}

/** Which window is shown; another one must not be shown in its place while it loads. */
let shownPath = "";

async function load() {
  asking?.abort();
  const now = wantedWindow();
  const backwards = now.from !== null && now.to !== null && now.from > now.to;
  const alert = backwards && callout(
    "warn",
    say("Invalid range of dates", "Ugyldigt datointerval"),
    say("The start must be before the end.", "Startdato skal være før slutdato."),
    { role: "alert" },
  );
  replace(alertSlot, alert && h("div", { class: "mb-3" }, alert));
  if (backwards) {
    drawFilters();
    return;
  }
  const controller = new AbortController();
  asking = controller;
  const address = windowPath(now);
  if (address !== shownPath) {
    shownPath = address;
    shown = null;
    problem = null;
    draw();
  } else {
    runs.caption(say("Refreshing", "Opdaterer"));
    runs.refreshing(true);
  }
  try {
    const answer = await ask(address, { signal: controller.signal });
    shown = windowOf(answer);
    shownAt = new Date();
    problem = null;
  } catch (thrown) {
    if (controller.signal.aborted) return;
    problem = asError(thrown);
  }
  runs.refreshing(false);
  draw();
  await loadLone(now);
}

/** A page begins at its cursor, so a run is a page of one. @param {import("../modules/sync-window.js").Wanted} now */
async function loadLone(now) {
  if (!now.run || lone?.id === now.run || shown?.runs.some((run) => run.id === now.run)) return;
  const query = new URLSearchParams({ vendorId: now.vendor, limit: "1", cursor: now.run });
  try {
    const answer = await ask(`/api/catalog/vendor-sync/observability?${query}`);
    lone = windowOf(answer).runs[0] ?? null;
    drawDrawer();
  } catch {
    const body = blank(say("No run is chosen.", "Ingen kørsel valgt."), say("There is no such run.", "Kørslen findes ikke."));
    openDrawer(
      { title: say("Details of the sync", "Detaljer for synkronisering"), body },
      { closed: () => change({ run: null }, { replace: true }) },
    );
  }
}

async function loadVendors() {
  try {
    const answer = await ask("/api/catalog/vendor-sync/registry");
    if (Array.isArray(answer.data) && answer.data.length > 0) [vendors, areKnown] = [answer.data, true];
    drawFilters();
    drawRows();
    drawDrawer();
  } catch {
    // The window says what is wrong; without the list its one vendor can still be looked at.
  }
}

const walk = (/** @type {number} */ step) => {
  const run = runs.move(step);
  if (run && isDrawerOpen()) openRun(run.id);
};
addKeys([
  { key: "/", text: say("Filter", "Filter"), run: () => filters.querySelector("button")?.focus() },
  ...rowKeys(walk),
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close", "Luk"), run: closeDrawer },
]);
addEventListener("popstate", () => load());

load();
loadVendors();
whoever().then((who) => {
  mayWrite = may(who, "catalog:sync:write");
  mayDecide = may(who, "connections:write");
  drawActions();
  drawDrawer();
});
poll(load, POLL_MS);
