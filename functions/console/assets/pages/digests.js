// `/settings/admin/digests`: who was told of which week, what they were told, and what nobody knows of.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { button, h, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen, openDrawer, section } from "../modules/drawer.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { dateTime, number, say } from "../modules/language.js";
import { drawList } from "../modules/list-view.js";
import { blank, callout, copied, fact, toast } from "../modules/messages.js";
import { pageHead } from "../modules/page-head.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { may, whoever } from "../modules/session.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";

/**
 * @typedef {{
 *   id: string, first: string, last: string, of: "tenant" | "platform", to: string, connection: string,
 *   state: "wanted" | "claimed" | "sent" | "failed", tries: number, claimedAt: string | null, sentAt: string | null, error: string | null,
 *   message: string | null, text: string | null, mayBeSent: boolean,
 * }} Digest
 */

const LIMIT = 50;
const POLL_MS = 15_000;

const main = startPage({ redraw: () => draw() });
/** @type {Digest[] | null} */
let rows = null;
/** @type {string | null} */
let next = null;
let maySend = false;
let isLocal = false;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** @type {AbortController | null} */
let asking = null;

const content = h("div");
const pages = paging();

const list = table(
  [
    { name: say("Week", "Uge"), cell: (/** @type {Digest} */ one) => h("span", { class: "whitespace-nowrap" }, `${one.first} – ${one.last}`), narrow: "below" },
    { name: say("To", "Til"), cell: (one) => h("span", { class: "font-medium" }, one.to), kind: "short" },
    { name: say("Of", "Om"), cell: (one) => (one.of === "platform" ? say("All tenants", "Alle lejere") : say("The tenant", "Lejeren")), narrow: "more" },
    { name: say("Sent", "Sendt"), cell: (one) => dateTime(one.sentAt), narrow: "more" },
    { name: "Status", cell: shownStatus, title: (one) => one.error, narrow: "end" },
  ],
  { key: (one) => one.id, open: (one) => open(one.id) },
);

replace(
  main,
  pageHead(
    say("Weekly digest", "Ugebrev"),
    say("Who is told each Monday how the mirrors did, and what became of it", "Hvem der hver mandag får at vide, hvordan det gik, og hvad der blev af det"),
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
  ),
  h("section", { class: "card", "aria-label": say("Weekly digest", "Ugebrev") }, content, pages.element),
);

/** @param {Digest} digest */
function shownStatus(digest) {
  if (digest.state === "sent") return status("ok", say("Sent", "Sendt"));
  if (digest.state === "failed") return status("bad", say("Not sent", "Ikke sendt"));
  return digest.state === "claimed" ? status("warn", say("Perhaps sent", "Måske sendt")) : status("run", say("Under way", "Undervejs"));
}

/** @param {Digest} digest */
function drawerOf(digest) {
  const mono = (/** @type {string} */ text) => h("span", { class: "font-mono" }, text);
  const send = button(say("Send it now", "Send det nu"), { icon: "send", kind: "primary", onclick: () => sendNow(digest, send) });
  const unknown = say("Whoever sent it has not said what came of it: it may have come. It is not sent again by itself.", "Den, der sendte det, har ikke sagt, hvad der blev af det: det kan være kommet. Det sendes ikke igen af sig selv.");
  const told = digest.state === "claimed" ? callout("warn", say("Nobody knows whether it came", "Ingen ved, om det kom frem"), digest.error ?? unknown) : digest.error && callout("bad", say("It was not sent", "Det blev ikke sendt"), digest.error);
  return {
    title: digest.to,
    summary: shownStatus(digest),
    tools: [button(say("Copy link", "Kopiér link"), { icon: "link", iconOnly: true, kind: "quiet small", onclick: () => copied(location.href) })],
    body: [
      told,
      section(
        say("The digest", "Brevet"),
        h(
          "dl",
          { class: "facts" },
          fact(say("Week", "Uge"), `${digest.first} – ${digest.last}`),
          fact(say("Connection", "Forbindelse"), mono(digest.connection)),
          fact(say("Begun", "Begyndt"), dateTime(digest.claimedAt)),
          fact(say("Sent", "Sendt"), dateTime(digest.sentAt)),
          digest.message && fact(isLocal ? say("File", "Fil") : "Message-ID", mono(isLocal ? `.signalbox/outbox/${digest.message}.eml` : digest.message)),
        ),
      ),
      isLocal && digest.message && mail(digest),
      digest.text && section(say("What it says", "Hvad der står"), h("pre", { class: "code" }, digest.text)),
    ],
    foot: maySend && digest.mayBeSent ? send : null,
  };
}

/** On one's own machine a mail is a file. @param {Digest} digest */
function mail(digest) {
  const file = h("pre", { class: "code" }, say("Loading…", "Indlæser…"));
  ask(`/api/admin/digests/${encodeURIComponent(digest.id)}/mail`).then(
    ({ eml }) => replace(file, eml),
    (thrown) => replace(file, asError(thrown).details.join(" ")),
  );
  return section(say("The mail", "Mailen"), file);
}

/** @param {Digest} digest @param {HTMLButtonElement} send */
async function sendNow(digest, send) {
  send.disabled = true;
  try {
    await ask(`/api/admin/digests/${encodeURIComponent(digest.id)}/send`, { method: "POST", body: {} });
    toast("ok", say("It is sent within a minute", "Det sendes inden for et minut"));
    await load();
  } catch (thrown) {
    send.disabled = false;
    toast("bad", say("It is not sent", "Det sendes ikke"), asError(thrown).details.join(" "));
  }
}

function drawRows() {
  const shown = drawList(content, list, {
    items: rows,
    problem,
    shownAt,
    again: load,
    failed: say("The list could not be fetched", "Listen kunne ikke hentes"),
    loading: say("Loading…", "Indlæser…"),
    lines: 6,
    none: () =>
      blank(
        say("Nobody was told yet", "Ingen har fået besked endnu"),
        say("Recipients are connections of the provider weekly-digest. They are told each Monday from 06:00 UTC on.", "Modtagere er forbindelser med udbyderen weekly-digest. De får besked hver mandag fra 06:00 UTC."),
      ),
    caption: () => say(`${number(rows?.length)} shown, the newest first`, `${number(rows?.length)} vist, de nyeste først`),
  });
  if (shown) list.select(parameters().get("open"));
  pages.show(parameters().get("cursor"), {
    next,
    text: say("Kept for 90 days", "Gemmes i 90 dage"),
    onward: (to) => {
      change({ cursor: to, open: null });
      closeDrawer();
      load();
    },
  });
}

function drawDrawer() {
  const id = parameters().get("open");
  if (!id) return isDrawerOpen() && closeDrawer();
  const digest = rows?.find((one) => one.id === id);
  if (!digest) return;
  openDrawer(drawerOf(digest), {
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
  try {
    const page = await ask(`/api/admin/digests?${query}`, { signal });
    rows = page.digests;
    next = page.cursor;
    shownAt = new Date();
    problem = null;
  } catch (thrown) {
    if (signal.aborted) return;
    problem = asError(thrown);
  }
  draw();
}

const walk = (/** @type {number} */ step) => {
  const digest = list.move(step);
  if (digest && isDrawerOpen()) open(digest.id);
};
addKeys([...rowKeys(walk), { key: "Escape", text: say("Close", "Luk"), run: closeDrawer }]);
addEventListener("popstate", () => load());

draw();
load();
whoever().then((who) => {
  maySend = may(who, "connections:write");
  isLocal = who?.local ?? false;
  draw();
});
poll(load, POLL_MS);
