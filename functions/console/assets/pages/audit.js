// `/audit`: who did what.

import { change, dayOf, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { ACTIONS, actionMark, actionText, placeOf } from "../modules/audit-words.js";
import { dateField } from "../modules/date-field.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen, openDrawer, section } from "../modules/drawer.js";
import { searchField, selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { ago, clock, dateTime, dayMonth, isToday, number, say } from "../modules/language.js";
import { blank, callout, copied, fact } from "../modules/messages.js";
import { drawList } from "../modules/list-view.js";
import { pageHead } from "../modules/page-head.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { whoever } from "../modules/session.js";
import { table } from "../modules/table.js";

/** @typedef {import("../modules/audit-words.js").Entry} Entry */

const LIMIT = 50;
const POLL_MS = 30_000;

const main = startPage({ redraw: () => draw() });

const wanted = () => {
  const query = parameters();
  return {
    actor: (query.get("actor") ?? "").trim(),
    action: query.get("action") ?? "",
    tenant: query.get("tenant") ?? "",
    from: dayOf("from"),
    to: dayOf("to"),
    cursor: query.get("cursor"),
    open: query.get("open"),
  };
};

/** @type {Entry[]} */
let entries = [];
/** @type {string | null} */
let next = null;
/** The tenant whose record is shown. */
let recordOf = "";
let isLoaded = false;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** @type {AbortController | null} */
let asking = null;
let shownPath = "";

/** @param {Entry} entry */
const identity = (entry) => entry.id;

const actions = h("div", { class: "flex wrap gap-2" });
const filters = h("div", { class: "filters mb-3", role: "search", "aria-label": say("Filters", "Filtre") });
const alertSlot = h("div");
const content = h("div");
const pages = paging();
const search = searchField(say("Who", "Hvem"), (actor) => filter({ actor: actor || null }));
const tenantField = searchField(say("Tenant", "Lejer"), (tenant) => filter({ tenant: tenant || null }), false);
/** Whether they may see the record of any tenant. */
let isOperator = false;

const rows = table(
  [
    {
      name: say("When", "Hvornår"),
      cell: (/** @type {Entry} */ entry) => time(entry.at),
      title: (entry) => entry.at && dateTime(entry.at),
      narrow: "end",
    },
    {
      name: say("Who", "Hvem"),
      cell: (entry) =>
        h(
          "span",
          { class: "flex gap-2" },
          h("span", { class: "tile", "aria-hidden": "true" }, entry.actor.slice(0, 2).toUpperCase()),
          h("span", { class: "font-medium" }, entry.actor),
        ),
      narrow: "below",
    },
    {
      name: say("Did what", "Gjorde hvad"),
      cell: (entry) =>
        h("span", { class: "flex gap-2" }, icon(actionMark(entry.action), "ink-3"), actionText(entry.action)),
    },
    {
      name: say("To what", "Ved hvad"),
      cell: (entry) => h("span", { class: "font-mono ink-2" }, entry.target),
      title: (entry) => entry.target,
      narrow: "wide",
      kind: "event",
    },
    {
      name: say("Changed", "Ændret"),
      cell: (entry) => (entry.changed.length > 0 ? entry.changed.join(", ") : h("span", { class: "ink-3" }, "—")),
      title: (entry) => entry.changed.join(", "),
      narrow: "more",
      kind: "short",
    },
    {
      name: say("Trace", "Spor"),
      cell: (entry) => h("span", { class: "font-mono ink-3" }, shortTrace(entry.correlationId)),
      title: (entry) => entry.correlationId,
      narrow: "hide",
    },
  ],
  { key: identity, open: (entry) => open(identity(entry)) },
);
rows.element.classList.add("audit");

replace(
  main,
  pageHead(say("Audit", "Hændelseslog"), say("Who did what, recorded before it is done", "Hvem gjorde hvad, noteret før det sker"), actions),
  filters,
  alertSlot,
  h("section", { class: "card", "aria-label": say("Audit", "Hændelseslog") }, content, pages.element),
);

/** @param {string | null} at */
function time(at) {
  if (!at) return h("span", { class: "ink-3" }, "—");
  const day = isToday(at) ? null : h("span", { class: "ink-3" }, `${dayMonth(at)} `);
  return h("span", { class: "whitespace-nowrap" }, day, clock(at));
}

/** A trace may be any text of its sender's: both ends tell them apart, and no end looks like something else. @param {string} trace */
const shortTrace = (trace) => (trace.length > 16 ? `${trace.slice(0, 8)}…${trace.slice(-6)}` : trace);

/** @param {Record<string, string | null>} changes */
function filter(changes) {
  change({ cursor: null, open: null, ...changes });
  closeDrawer();
  load();
}

const resetAll = () => filter({ actor: null, action: null, tenant: null, from: null, to: null });

function drawFilters() {
  const now = wanted();
  const had =
    document.activeElement instanceof HTMLElement && filters.contains(document.activeElement)
      ? document.activeElement
      : null;
  const name = had?.closest("[data-filter]")?.getAttribute("data-filter");
  search.show(now.actor);
  /** @type {[string, string][]} */
  const offered = [
    ["", say("Anything", "Alt")],
    ...Object.keys(ACTIONS).map((action) => /** @type {[string, string]} */ ([action, actionText(action)])),
  ];
  if (now.action && !(now.action in ACTIONS)) offered.push([now.action, now.action]);
  tenantField.show(now.tenant);
  const tenant = isOperator
    ? tenantField.element
    : now.tenant &&
    button(`${say("Tenant", "Lejer")}: ${now.tenant}`, {
      kind: "chip-set",
      icon: "close",
      onclick: () => filter({ tenant: null }),
    });
  const isFiltered = now.actor || now.action || now.tenant || now.from || now.to;
  replace(
    filters,
    search.element,
    selectChip("action", say("Action", "Handling"), now.action, offered, (action) =>
      filter({ action: action || null }),
    ),
    dateField(say("From", "Fra"), now.from, (from) => filter({ from })),
    dateField(say("To", "Til"), now.to, (to) => filter({ to })),
    tenant,
    isFiltered && button(say("Reset", "Nulstil"), { kind: "quiet", onclick: resetAll }),
  );
  if (had === search.input || had === tenantField.input) had.focus();
  else if (name) /** @type {HTMLElement | null} */ (filters.querySelector(`[data-filter="${name}"] select`))?.focus();
  const backwards = now.from !== null && now.to !== null && now.from > now.to;
  const alert =
    backwards &&
    callout(
      "warn",
      say("Invalid range of dates", "Ugyldigt datointerval"),
      say("The start must be before the end.", "Startdato skal være før slutdato."),
      { role: "alert" },
    );
  replace(alertSlot, alert && h("div", { class: "mb-3" }, alert));
  replace(
    actions,
    shownAt && h("span", { class: "note" }, say(`Updated ${clock(shownAt)}`, `Opdateret ${clock(shownAt)}`)),
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
  );
  return backwards;
}

function drawRows() {
  const now = wanted();
  const shown = drawList(content, rows, {
    items: isLoaded ? entries : null,
    problem,
    shownAt,
    again: load,
    failed: say("The audit could not be fetched", "Hændelsesloggen kunne ikke hentes"),
    loading: say("Loading…", "Indlæser…"),
    lines: 10,
    none: () => none(now),
    caption: () => say(`${number(entries.length)} shown, the newest first`, `${number(entries.length)} vist, de nyeste først`),
  });
  if (shown) rows.select(now.open);
}

/** @param {ReturnType<typeof wanted>} now */
function none(now) {
  const days = now.from || now.to ? `${now.from ?? "…"} – ${now.to ?? "…"}` : null;
  const what = [now.actor, now.action && actionText(now.action), now.tenant, days].filter(Boolean).join(", ");
  if (next)
    return blank(
      say("Nothing on this page", "Intet på denne side"),
      say(
        "Others may lie further back: go on to the next one.",
        "Der kan ligge andre længere tilbage: gå videre til den næste.",
      ),
    );
  if (!what)
    return blank(
      say("Nobody has done anything yet", "Ingen har gjort noget endnu"),
      say(
        "What people decide on runs, deliveries and connections is noted here.",
        "Hvad folk beslutter om kørsler, leverancer og forbindelser, noteres her.",
      ),
    );
  return blank(say("Nothing matches these filters", "Intet passer til filtrene"), what, {
    actions: [button(say("Reset the filters", "Nulstil filtrene"), { kind: "primary", onclick: resetAll })],
  });
}

function drawPaging() {
  pages.show(wanted().cursor, {
    next,
    text: isLoaded
      ? next
        ? say("There are older ones.", "Der er ældre.")
        : say("These are all.", "Det er alle.")
      : "",
    onward: (cursor) => {
      change({ cursor, open: null });
      closeDrawer();
      load();
    },
  });
}

function drawDrawer() {
  const { open: id } = wanted();
  if (!id) {
    if (isDrawerOpen()) closeDrawer();
    return;
  }
  const entry = entries.find((one) => identity(one) === id);
  if (!entry) return;
  const mono = (/** @type {string} */ text) => h("span", { class: "font-mono" }, text);
  const place = placeOf(entry);
  openDrawer(
    {
      title: actionText(entry.action),
      summary: h("span", { class: "ink-2" }, [entry.actor, entry.at && `${dateTime(entry.at)} · ${ago(entry.at)}`].filter(Boolean).join(" · ")),
      tools: [
        button(say("Copy link", "Kopiér link"), {
          icon: "link",
          iconOnly: true,
          kind: "quiet small",
          onclick: () => copied(location.href),
        }),
      ],
      body: [
        section(
          say("Facts", "Fakta"),
          h(
            "dl",
            { class: "facts" },
            fact(say("Who", "Hvem"), entry.actor),
            fact(say("On the record of", "På listen hos"), recordOf),
            fact(say("Action", "Handling"), mono(entry.action)),
            fact(say("To what", "Ved hvad"), mono(entry.target)),
            entry.changed.length > 0 && fact(say("Changed", "Ændret"), entry.changed.join(", ")),
            entry.result && fact(say("What came of it", "Hvad det blev til"), entry.result),
            entry.bodyHash && fact(say("Body, SHA-256", "Indhold, SHA-256"), mono(entry.bodyHash)),
            fact(say("Trace", "Spor"), mono(entry.correlationId)),
          ),
        ),
        h(
          "p",
          { class: "note" },
          say(
            "It is noted before it is done: an entry can stand for what was not done, if a fault came between.",
            "Det noteres, før det gøres: en post kan stå for noget, der ikke blev gjort, hvis en fejl kom imellem.",
          ),
        ),
      ],
      foot: place && h("a", { class: "button", href: place }, icon("right"), say("Open", "Åbn")),
    },
    {
      closed: () => {
        change({ open: null }, { replace: true });
        rows.select(null);
        rows.focus(id);
      },
    },
  );
}

/** @param {string} id */
function open(id) {
  change({ open: id }, { replace: isDrawerOpen() });
  rows.select(id);
  drawDrawer();
}

function draw() {
  drawFilters();
  drawRows();
  drawPaging();
  drawDrawer();
}

function path() {
  const now = wanted();
  const query = new URLSearchParams({ limit: String(LIMIT) });
  for (const [name, value] of Object.entries({
    actor: now.actor,
    action: now.action,
    tenant: now.tenant,
    cursor: now.cursor,
  }))
    if (value) query.set(name, value);
  if (now.from) query.set("from", `${now.from}T00:00:00.000Z`);
  if (now.to) query.set("to", `${now.to}T23:59:59.999Z`);
  return `/api/admin/audit?${query}`;
}

async function load() {
  asking?.abort();
  if (drawFilters()) return;
  const controller = new AbortController();
  asking = controller;
  const address = path();
  if (address !== shownPath) {
    [shownPath, entries, next, isLoaded, problem] = [address, [], null, false, null];
    draw();
  } else {
    rows.refreshing(true);
  }
  try {
    const answer = await ask(address, { signal: controller.signal });
    [entries, next, recordOf] = [answer.items, answer.nextCursor, answer.tenant];
    [isLoaded, shownAt, problem] = [true, new Date(), null];
  } catch (thrown) {
    if (controller.signal.aborted) return;
    problem = asError(thrown);
  }
  rows.refreshing(false);
  draw();
}

const walk = (/** @type {number} */ step) => {
  const entry = rows.move(step);
  if (entry && isDrawerOpen()) open(identity(entry));
};
addKeys([
  { key: "/", text: say("Filter", "Filter"), run: () => search.input.focus() },
  ...rowKeys(walk),
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close", "Luk"), run: closeDrawer },
]);
addEventListener("popstate", () => load());

draw();
// On one's own machine the record takes the session that is had for nothing just now.
whoever().then((who) => {
  isOperator = who?.tenant === "default";
  load();
});
poll(load, POLL_MS);
