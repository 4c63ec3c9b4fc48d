// `/deliveries/out`: what receivers were told of runs that are over, and which of them are told nothing any more.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { DISABLED_BY, attemptText, noticeStatus, typeText } from "../modules/completion-words.js";
import { button, h, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen, openDrawer } from "../modules/drawer.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { clock, dateTime, dayMonth, isToday, number, say } from "../modules/language.js";
import { drawList } from "../modules/list-view.js";
import { blank, callout, copied, toast } from "../modules/messages.js";
import { pageHead } from "../modules/page-head.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { may, whoever } from "../modules/session.js";
import { table } from "../modules/table.js";

/** @typedef {import("../modules/completion-words.js").Notice} Notice */
/** @typedef {import("../modules/completion-words.js").Receiver} Receiver */

const LIMIT = 50;
const POLL_MS = 15_000;

const main = startPage({ redraw: () => draw() });
/** @type {Notice[] | null} */
let rows = null;
/** @type {Receiver[]} */
let receivers = [];
/** @type {string | null} */
let next = null;
let mayEnable = false;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** @type {AbortController | null} */
let asking = null;

const refresh = button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() });
const disabled = h("div", { class: "grid gap-2" });
const content = h("div");
const pages = paging();

const list = table(
  [
    { name: say("When", "Hvornår"), cell: (/** @type {Notice} */ one) => time(one.at), title: (one) => dateTime(one.at), narrow: "below" },
    { name: say("Receiver", "Modtager"), cell: (one) => h("span", { class: "font-medium" }, one.receiver), kind: "short" },
    { name: say("Run", "Kørsel"), cell: (one) => [typeText(one), " ", h("span", { class: "ink-3" }, one.connection)], title: (one) => one.runId, narrow: "more" },
    { name: say("Latest attempt", "Seneste forsøg"), cell: latest, title: (one) => one.attempts.at(-1)?.detail ?? null, narrow: "more" },
    { name: say("Next", "Næste"), cell: (one) => (one.nextAt && one.attempts.length > 0 ? time(one.nextAt) : "—"), title: (one) => one.nextAt && dateTime(one.nextAt), narrow: "more" },
    { name: "Status", cell: noticeStatus, title: (one) => one.error, narrow: "end" },
  ],
  { key: (one) => one.id, open: (one) => open(one.id) },
);

replace(
  main,
  pageHead(
    say("Webhooks out", "Webhooks ud"),
    say("Who was told which run is over, and what became of each attempt", "Hvem der fik at vide, at en kørsel er slut, og hvad der blev af hvert forsøg"),
    h("div", { class: "flex wrap gap-2" }, h("a", { class: "button", href: "/deliveries" }, say("Deliveries", "Leverancer")), refresh),
  ),
  disabled,
  h("section", { class: "card", "aria-label": say("Webhooks out", "Webhooks ud") }, content, pages.element),
);

/** @param {string} at */
function time(at) {
  return h("span", { class: "whitespace-nowrap" }, isToday(at) ? null : h("span", { class: "ink-3" }, `${dayMonth(at)} `), clock(at));
}

/** @param {Notice} notice */
function latest(notice) {
  const attempt = notice.attempts.at(-1);
  if (!attempt) return "—";
  const count = notice.attempts.length;
  return [attemptText(attempt), count > 1 && h("span", { class: "ink-3" }, say(` · ${number(count)} attempts`, ` · ${number(count)} forsøg`))];
}

let disabledShown = "";

function drawDisabled() {
  const found = receivers.filter((one) => one.state === "paused" && one.paused?.by === DISABLED_BY);
  const now = JSON.stringify([found, mayEnable, dateTime(new Date(0).toISOString())]);
  // What somebody is about to press must not be made anew under them.
  if (now === disabledShown) return;
  disabledShown = now;
  const one = (/** @type {Receiver} */ receiver) => {
    const title = say(`${receiver.displayName} is disabled since ${dateTime(receiver.paused?.since ?? null)}`, `${receiver.displayName} er slået fra siden ${dateTime(receiver.paused?.since ?? null)}`);
    const enable = button(say("Enable it again", "Slå den til igen"), { icon: "play", onclick: () => resume(receiver, enable) });
    return callout("bad", title, receiver.paused?.why, { actions: mayEnable ? [enable] : [], role: "status" });
  };
  replace(disabled, found.map(one));
  disabled.classList.toggle("mb-3", found.length > 0);
}

/** @param {Receiver} receiver @param {HTMLButtonElement} enable */
async function resume(receiver, enable) {
  enable.disabled = true;
  const of = [receiver.tenant, receiver.provider, receiver.name].map(encodeURIComponent).join("/");
  try {
    await ask(`/api/admin/connections/${of}/resume`, { method: "POST", body: {} });
    toast("ok", say(`${receiver.displayName} is enabled again`, `${receiver.displayName} er slået til igen`), say("It is told of runs that are over from now on.", "Den får besked om kørsler, der slutter fra nu af."));
    await load();
  } catch (thrown) {
    enable.disabled = false;
    toast("bad", say("It was not enabled", "Den blev ikke slået til"), asError(thrown).details.join(" "));
  }
}

function none() {
  if (receivers.length > 0) {
    return blank(say("Nobody was told anything yet", "Ingen har fået besked endnu"), say("What each run comes to is shown here as soon as it is over.", "Hvad hver kørsel ender med, vises her, når den er slut."));
  }
  return blank(
    say("There are no receivers", "Der er ingen modtagere"),
    say("A receiver is a connection of the provider completion-webhook, with a URL and a secret.", "En modtager er en forbindelse med udbyderen completion-webhook, med en URL og en hemmelighed."),
    { icon: "plug" },
  );
}

function drawRows() {
  const cursor = parameters().get("cursor");
  const shown = drawList(content, list, {
    items: rows,
    problem,
    shownAt,
    again: load,
    failed: say("The list could not be fetched", "Listen kunne ikke hentes"),
    loading: say("Loading…", "Indlæser…"),
    lines: 6,
    none,
    caption: () => say(`${number(rows?.length)} shown, the newest first`, `${number(rows?.length)} vist, de nyeste først`),
  });
  if (shown) list.select(parameters().get("open"));
  pages.show(cursor, {
    next,
    text: say("Kept for 30 days", "Gemmes i 30 dage"),
    onward: (to) => {
      change({ cursor: to, open: null });
      closeDrawer();
      load();
    },
  });
}

async function drawDrawer() {
  const id = parameters().get("open");
  if (!id) return isDrawerOpen() && closeDrawer();
  const notice = rows?.find((one) => one.id === id);
  if (!notice) return;
  const { completionDrawer } = await import("../modules/completion-drawer.js");
  openDrawer(completionDrawer(notice), {
    closed: () => {
      change({ open: null }, { replace: true });
      list.select(null);
      list.focus(id);
    },
  });
}

/** @param {string} id */
function open(id) {
  change({ open: id }, { replace: isDrawerOpen() });
  list.select(id);
  drawDrawer();
}

function draw() {
  drawDisabled();
  drawRows();
  drawDrawer();
}

async function load() {
  asking?.abort();
  const controller = new AbortController();
  asking = controller;
  const { signal } = controller;
  const cursor = parameters().get("cursor");
  const query = new URLSearchParams({ limit: String(LIMIT), ...(cursor && { cursor }) });
  const who = await whoever();
  mayEnable = may(who, "connections:write");
  const of = new URLSearchParams({ provider: "completion-webhook", limit: "100", ...(who?.tenant && { tenant: who.tenant }) });
  try {
    const [page, known] = await Promise.all([ask(`/api/admin/completions?${query}`, { signal }), ask(`/api/admin/connections?${of}`, { signal })]);
    rows = page.notices;
    next = page.cursor;
    receivers = known.items;
    shownAt = new Date();
    problem = null;
  } catch (thrown) {
    if (signal.aborted) return;
    problem = asError(thrown);
  }
  draw();
}

const walk = (/** @type {number} */ step) => {
  const notice = list.move(step);
  if (notice && isDrawerOpen()) open(notice.id);
};
addKeys([
  ...rowKeys(walk),
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close", "Luk"), run: closeDrawer },
]);
addEventListener("popstate", () => load());

draw();
load();
poll(load, POLL_MS);
