// `/`: all connections, what needs attention first.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { searchField } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { clock, number, say } from "../modules/language.js";
import { blank } from "../modules/messages.js";
import { drawList } from "../modules/list-view.js";
import { pageHead } from "../modules/page-head.js";
import { momentText } from "../modules/moment.js";
import { mattersCard } from "../modules/overview-matters.js";
import { railCards } from "../modules/overview-rail.js";
import { columns } from "../modules/overview-rows.js";
import { cameTo, mattersOf, placeOf } from "../modules/overview-words.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { may, whoever } from "../modules/session.js";
import { stats } from "../modules/stats.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";

/** @typedef {import("../modules/overview-words.js").Connection} Connection */
/** @typedef {import("../modules/overview-words.js").Matter} Matter */

const LIMIT = 50;
const POLL_MS = 30_000;
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

const rows = table(columns(), { key: (one) => one.connection, open: (one) => location.assign(placeOf(one)) });

const list = h(
  "section",
  { class: "card two-lines", "aria-label": say("Connections", "Forbindelser") },
  content,
  pages.element,
);
const halves = h("div", {}, h("div", { class: "grid" }, attention, figures, head, list), rail);

replace(
  main,
  pageHead(say("Overview", "Overblik"), intro, updated),
  halves,
);

function drawHead() {
  const count = shown?.matters.length ?? 0;
  // Of many dead letters or refusals the route tells when the last one came.
  const newest = shown?.matters
    .map(({ at }) => at)
    .filter(Boolean)
    .sort()
    .pop();
  const since = newest ? say(`, the last from ${momentText(newest, true)}`, `, den seneste fra ${momentText(newest, true)}`) : "";
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

function drawAttention() {
  const askAll = () => {
    change({ attention: "all" });
    drawAttention();
  };
  replace(attention, mattersCard(shown?.matters ?? [], wanted().all, askAll));
}

function drawRail() {
  replace(rail, railCards(shown?.connections ?? [], decisions));
  halves.classList.toggle("with-rail", rail.childElementCount > 0);
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
