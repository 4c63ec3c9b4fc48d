// `/`: all connections, what needs attention first.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { actionText } from "../modules/audit-words.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { searchField } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { ago, clock, clockShort, dateTime, dayMonth, isToday, number, say } from "../modules/language.js";
import { blank } from "../modules/messages.js";
import { drawList } from "../modules/list-view.js";
import { pageHead } from "../modules/page-head.js";
import { cameTo, connectionReason, connectionStatus, mattersOf, placeOf, told } from "../modules/overview-words.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { may, whoever } from "../modules/session.js";
import { stats } from "../modules/stats.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";
import { sparkline } from "../modules/time-chart.js";

/** @typedef {import("../modules/overview-words.js").Connection} Connection */
/** @typedef {import("../modules/overview-words.js").Matter} Matter */

const LIMIT = 50;
const POLL_MS = 30_000;
const MATTERS_MAX = 8;
const NEXT_MAX = 6;
const DECISIONS = 5;

const main = startPage({ redraw: () => draw(), ofAll: true });
const wanted = () => ({
  text: (parameters().get("q") ?? "").trim(),
  cursor: parameters().get("cursor"),
  all: parameters().get("attention") === "all",
});

/** @type {{ matters: Matter[], connections: Connection[], next: string | null } | null} */
let shown = null;
/** @type {import("../modules/audit-words.js").Entry[]} */
let decisions = [];
let mayRun = false;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;

const intro = h("p", { class: "intro", role: "status" });
const updated = h("div", { class: "flex wrap gap-2" });
const attention = h("div");
const figures = h("div", { class: "mb-6" });
const head = h("div", { class: "flex gap-3 mb-2 list-head" });
const content = h("div");
const pages = paging();
const rail = h("div", { class: "grid gap-6" });
const search = searchField(say("Filter those shown", "Filtrér de viste"), (text) => {
  change({ q: text || null });
  draw();
});

const rows = table(
  [
    { name: say("Connection", "Forbindelse"), sort: ["name", (one) => one.displayName], cell: (/** @type {Connection} */ one) => named(one) },
    { name: say("Health", "Helbred"), cell: (one) => two(connectionStatus(one), connectionReason(one)), narrow: "end" },
    {
      name: say("Last success", "Sidste succes"),
      sort: ["success", (one) => one.lastSuccessAt],
      cell: (one) => (one.lastSuccessAt ? two(time(one.lastSuccessAt), ago(one.lastSuccessAt)) : grey("—")),
      title: (one) => (one.lastSuccessAt ? dateTime(one.lastSuccessAt) : null),
      narrow: "more",
    },
    {
      name: say("Next run", "Næste kørsel"),
      sort: ["next", (one) => one.nextDueAt],
      cell: (one) => (one.nextDueAt ? time(one.nextDueAt, true) : grey("—")),
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
  ],
  { key: (one) => one.connection, open: (one) => location.assign(placeOf(one)) },
);

const list = h(
  "section",
  { class: "card two-lines", "aria-label": say("Connections", "Forbindelser") },
  content,
  pages.element,
);
const columns = h("div", {}, h("div", { class: "grid" }, attention, figures, head, list), rail);

replace(
  main,
  pageHead(say("Overview", "Overblik"), intro, updated),
  columns,
);

/** @param {string} text */
const grey = (text) => h("span", { class: "ink-3" }, text);

/** @param {import("../modules/dom.js").Child} first @param {string} second */
const two = (first, second) =>
  h("span", { class: "two" }, h("span", {}, first), second && h("span", { class: "note" }, second));

/** @param {string} at @param {boolean} [short] */
const time = (at, short = false) => `${isToday(at) ? "" : `${dayMonth(at)}, `}${short ? clockShort(at) : clock(at)}`;

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

function drawHead() {
  const count = shown?.matters.length ?? 0;
  // Of many dead letters or refusals the route tells when the last one came.
  const newest = shown?.matters
    .map(({ at }) => at)
    .filter(Boolean)
    .sort()
    .pop();
  const since = newest ? say(`, the last from ${time(newest, true)}`, `, den seneste fra ${time(newest, true)}`) : "";
  if (!shown)
    replace(
      intro,
      say("All connections, and what needs attention first", "Alle forbindelser, og hvad der haster først"),
    );
  else if (count === 0) replace(intro, say("Nothing waits for a decision.", "Intet venter på en beslutning."));
  else
    replace(
      intro,
      count === 1
        ? say(`One thing waits for a decision${since}.`, `Én ting venter på en beslutning${since}.`)
        : say(
            `${number(count)} things wait for a decision${since}.`,
            `${number(count)} ting venter på en beslutning${since}.`,
          ),
    );
  replace(
    updated,
    shownAt && h("span", { class: "note not-narrow" }, say(`Updated ${clock(shownAt)}`, `Opdateret ${clock(shownAt)}`)),
    h("a", { class: "button", href: "/deliveries" }, icon("empty"), say("Live tail", "Følg med")),
    mayRun && h("a", { class: "button primary", href: "/vendor-sync" }, icon("play"), say("Run a sync", "Kør en synk")),
  );
}

function drawAttention() {
  if (!shown || shown.matters.length === 0) return replace(attention);
  const all = wanted().all || shown.matters.length <= MATTERS_MAX;
  const list = all ? shown.matters : shown.matters.slice(0, MATTERS_MAX);
  const line = (/** @type {Matter} */ matter) => {
    const { tone, mark, text, act, place } = told(matter);
    const about = `${matter.of.displayName}: ${matter.detail}`;
    return h(
      "li",
      {},
      h(
        "a",
        { href: place },
        icon(mark, tone),
        h("span", { class: "about" }, h("b", {}, text), " ", h("span", { title: about }, about)),
        matter.at &&
          h("span", { class: "since" }, say(`last at ${time(matter.at, true)}`, `senest ${time(matter.at, true)}`)),
        h("span", { class: "act link" }, act, icon("right")),
      ),
    );
  };
  const more =
    !all &&
    h(
      "button",
      {
        type: "button",
        class: "link as-link",
        onclick: () => {
          change({ attention: "all" });
          drawAttention();
        },
      },
      say(`Show all ${number(shown.matters.length)}`, `Vis alle ${number(shown.matters.length)}`),
    );
  replace(
    attention,
    h(
      "section",
      { class: "mb-6", "aria-labelledby": "attention" },
      h(
        "h2",
        { class: "mb-2", id: "attention" },
        say("Needs attention", "Kræver handling"),
        " ",
        h("span", { class: "note" }, number(shown.matters.length)),
      ),
      h(
        "div",
        { class: "card" },
        h("ul", { class: "matters" }, list.map(line)),
        more && h("div", { class: "card-foot" }, more),
      ),
    ),
  );
}

/** Whether there is no other page. */
const isWhole = () => shown?.next === null && wanted().cursor === null;

function drawFigures() {
  if (!shown) return replace(figures);
  const { connections } = shown;
  const sum = (/** @type {"webhooks" | "failures"} */ field) =>
    connections.reduce((total, one) => total + (cameTo(one)?.[field] ?? 0), 0);
  const well = connections.filter((one) => one.status === "healthy").length;
  const failed = sum("failures");
  replace(
    figures,
    stats([
      {
        label: isWhole() ? say("Connections", "Forbindelser") : say("Connections, this page", "Forbindelser, denne side"),
        value: [
          number(connections.length),
          h("small", {}, say(`${number(well)} healthy`, `${number(well)} ${well === 1 ? "sund" : "sunde"}`)),
        ],
      },
      {
        label: say("Need attention", "Kræver handling"),
        value: shown.matters.length > 0 ? status("bad", number(shown.matters.length)) : status("ok", "0"),
      },
      { label: say("Webhooks, 1 h", "Webhooks, 1 t"), value: number(sum("webhooks")) },
      { label: say("Failed, 1 h", "Fejl, 1 t"), value: failed ? status("bad", number(failed)) : number(failed) },
    ]),
  );
}

function drawRows() {
  const now = wanted();
  search.show(now.text);
  const text = now.text.toLowerCase();
  const list = (shown?.connections ?? []).filter(
    (one) => !text || [one.connection, one.displayName].some((value) => value.toLowerCase().includes(text)),
  );
  const had = document.activeElement === search.input;
  replace(
    head,
    h(
      "h2",
      { class: "grow" },
      say("Connections", "Forbindelser"),
      " ",
      shown && h("span", { class: "note" }, number(shown.connections.length)),
    ),
    search.element,
  );
  if (had) search.input.focus();
  pages.element.hidden = !shown || isWhole();
  const first = parameters().has("sort") ? "" : say(", those that need attention first", ", dem der haster først");
  const drawn = drawList(content, rows, {
    items: shown && list,
    problem,
    shownAt,
    again: load,
    failed: say("The overview could not be fetched", "Overblikket kunne ikke hentes"),
    loading: say("Loading connections…", "Indlæser forbindelser…"),
    lines: 6,
    none: () => none(now.text),
    caption: () => say(`${number(list.length)} shown`, `${number(list.length)} vist`) + first,
  });
  if (!drawn || !shown) return;
  pages.show(now.cursor, {
    next: shown.next,
    text: shown.next ? say("There are more.", "Der er flere.") : say("These are the last.", "Det er de sidste."),
    onward: (cursor) => {
      change({ cursor });
      load();
    },
  });
}

/** @param {string} text */
function none(text) {
  if (text) {
    const reset = button(say("Reset the filter", "Nulstil filtret"), {
      kind: "primary",
      onclick: () => {
        change({ q: null });
        draw();
      },
    });
    return blank(say("No connection matches the filter", "Ingen forbindelse passer til filtret"), `“${text}”`, {
      actions: [reset],
    });
  }
  return blank(
    say("No connections yet", "Ingen forbindelser endnu"),
    say(
      "A connection leads to a system whose data is synced, or that sends webhooks.",
      "En forbindelse fører til et system, hvis data synkroniseres, eller som sender webhooks.",
    ),
    { icon: "plug" },
  );
}

function drawRail() {
  const due = (shown?.connections ?? [])
    .filter((one) => one.nextDueAt)
    .sort((left, right) => String(left.nextDueAt).localeCompare(String(right.nextDueAt)))
    .slice(0, NEXT_MAX);
  const card = (
    /** @type {string} */ title,
    /** @type {import("../modules/dom.js").Child} */ more,
    /** @type {import("../modules/dom.js").Child} */ lines,
  ) =>
    h(
      "section",
      { "aria-label": title },
      h("div", { class: "flex gap-2 mb-2" }, h("h2", { class: "grow" }, title), more),
      h("div", { class: "card" }, h("ul", { class: "rail-list" }, lines)),
    );
  replace(
    rail,
    due.length > 0 &&
      card(
        say("Next", "Næste"),
        null,
        due.map((one) =>
          h(
            "li",
            {},
            h("span", { class: "ink-3" }, time(String(one.nextDueAt), true)),
            h("span", { class: "grow truncate" }, one.displayName),
            h("span", { class: "note" }, ago(String(one.nextDueAt))),
          ),
        ),
      ),
    decisions.length > 0 &&
      card(
        say("Decisions", "Beslutninger"),
        h("a", { class: "link", href: "/audit" }, say("Audit", "Hændelseslog")),
        decisions.map((entry) =>
          h(
            "li",
            {},
            h("span", { class: "tile", title: entry.actor }, entry.actor.slice(0, 2).toUpperCase()),
            h("span", { class: "grow truncate", title: entry.target }, actionText(entry.action)),
            entry.at && h("span", { class: "note" }, time(entry.at, true)),
          ),
        ),
      ),
  );
  columns.classList.toggle("with-rail", rail.childElementCount > 0);
}

function draw() {
  drawHead();
  drawAttention();
  drawFigures();
  drawRows();
  drawRail();
}

async function load() {
  rows.refreshing(shown !== null);
  const query = new URLSearchParams({ limit: String(LIMIT) });
  const { cursor } = wanted();
  if (cursor) query.set("cursor", cursor);
  try {
    const answer = await ask(`/api/admin/overview?${query}`);
    shown = { matters: mattersOf(answer), connections: answer.items, next: answer.nextCursor };
    [shownAt, problem] = [new Date(), null];
  } catch (thrown) {
    problem = asError(thrown);
  }
  rows.refreshing(false);
  draw();
}

/** What people decided last; who may not see that sees the rest. */
async function loadDecisions() {
  try {
    const answer = await ask(`/api/admin/audit?limit=${DECISIONS}`, { stay: true });
    decisions = answer.items;
  } catch {
    decisions = [];
  }
  drawRail();
}

addKeys([
  { key: "/", text: say("Filter", "Filter"), run: () => search.input.focus() },
  ...rowKeys((step) => void rows.move(step)),
]);
addEventListener("popstate", () => load());

draw();
load();
whoever().then((who) => {
  // On one's own machine the record takes the session that is had for nothing just now.
  if (may(who, "audit:read")) loadDecisions();
  mayRun = may(who, "catalog:sync:write");
  drawHead();
});
poll(load, POLL_MS);
