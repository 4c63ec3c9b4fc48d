// All alerts and all messages, page by page, each with what there is to it: its text, its history, why it was refused.

import { asError } from "./api.js";
import { aboutAlert, aboutMessage, acknowledge, alertMark, alertRoutes, sentMark } from "./control-alert-words.js";
import { toldBy } from "./control-api.js";
import { button, h, icon, replace } from "./dom.js";
import { openDrawer } from "./drawer.js";
import { dateTime, number, say } from "./language.js";
import { callout, fact } from "./messages.js";
import { readable } from "./moment.js";
import { paging } from "./paging.js";
import { timeline } from "./timeline.js";

/** @typedef {import("./control-alert-words.js").Alert} Alert */
/** @typedef {import("./control-alert-words.js").Message} Message */
/** @typedef {{ transition: string, at: string, by?: string | null, detail: string, count: number, told: boolean }} Past */

/** @type {Record<string, [import("./dom.js").IconName, [string, string]]>} */
const PAST = {
  opened: ["bad", ["Opened", "Åbnet"]],
  reopened: ["bad", ["Opened again", "Åbnet igen"]],
  updated: ["warn", ["Changed", "Ændret"]],
  resolved: ["ok", ["Resolved", "Løst"]],
  released: ["play", ["It flaps no more", "Den blafrer ikke mere"]],
  acknowledged: ["shield", ["Acknowledged", "Bekræftet"]],
};

/**
 * A drawer with a list that goes on from a cursor.
 * @template {{ id: string }} Item
 * @param {string} title
 * @param {{
 *   load: (cursor: string | null) => Promise<{ items: Item[], next: string | null }>, line: (item: Item) => HTMLElement, none: string,
 *   closed: () => void,
 * }} options
 */
function openList(title, { load, line, none, closed }) {
  const list = h("div");
  const pages = paging();
  /** @param {string | null} cursor */
  async function show(cursor) {
    try {
      const { items, next } = await load(cursor);
      replace(list, items.length > 0 ? h("ul", { class: "lines wrap" }, items.map((item) => h("li", {}, line(item)))) : h("p", { class: "ink-3" }, none));
      pages.show(cursor, { next, text: say(`${number(items.length)} on this page`, `${number(items.length)} på siden`), onward: show });
    } catch (thrown) {
      const again = button(say("Try again", "Prøv igen"), { kind: "small", onclick: () => show(cursor) });
      replace(list, callout("bad", say("They could not be fetched", "De kunne ikke hentes"), toldBy(asError(thrown)), { actions: [again], role: "alert" }));
    }
  }
  openDrawer({ title, body: list, foot: pages.element }, { closed, focus: true });
  show(null);
}

/**
 * A line that opens. What it holds is made when it is opened first.
 * @param {string} id @param {boolean} isOpen @param {import("./dom.js").Child} head @param {() => Promise<import("./dom.js").Child>} fill
 */
function opening(id, isOpen, head, fill) {
  const more = h("div", { class: "grid gap-3" });
  const made = h("details", { class: "grow", "data-testid": `more-${id}`, open: isOpen }, h("summary", {}, icon("right"), head), more);
  made.addEventListener("toggle", async () => {
    if (made.open && !more.firstChild) replace(more, await fill());
  });
  return made;
}

/** @param {Past[]} history The newest first. */
function past(history) {
  const events = history.toReversed().map((one) => {
    const [mark, words] = PAST[one.transition] ?? ["idle", [one.transition, one.transition]];
    const by = one.by && say(`by ${one.by}`, `af ${one.by}`);
    const more = [by, readable(one.detail), !one.told && say("nobody was told", "ingen fik besked")].filter(Boolean).join(" · ");
    return { mark: icon(mark), at: one.at, text: say(...words), more };
  });
  return [h("h3", {}, say("History", "Historik")), timeline(events)];
}

/** @param {{ id: string | null, changed: () => void, closed: () => void }} options */
export function openAlerts({ id, changed, closed }) {
  /** @param {Alert} known */
  const line = (known) => {
    const head = h("span", { class: "two" });
    const heads = (/** @type {Alert} */ alert) => replace(head, alertMark(alert), h("span", { class: "note" }, aboutAlert(alert)));
    heads(known);
    const fill = async () => {
      const body = h("div", { class: "grid gap-3" });
      const draw = async () => {
        try {
          /** @type {{ alert: Alert, history: Past[] }} */
          const { alert, history } = await alertRoutes.one(known.id);
          heads(alert);
          const seen = () => acknowledge(alert, () => (changed(), draw()));
          replace(
            body,
            alert.detail && h("p", { class: "break-words" }, readable(alert.detail)),
            h("dl", { class: "facts" }, fact(say("Rule", "Regel"), h("span", { class: "font-mono" }, alert.rule)), fact(say("Since", "Siden"), dateTime(alert.openedAt)), fact(say("Occurred", "Forekommet"), number(alert.count)), alert.resolvedAt && fact(say("Resolved", "Løst"), dateTime(alert.resolvedAt))),
            alert.state === "open" && !alert.acknowledgedBy && h("div", {}, button(say("Acknowledge", "Bekræft"), { icon: "ok", kind: "small", "data-testid": `button-acknowledge-listed-${alert.id}`, onclick: seen })),
            past(history),
          );
        } catch (thrown) {
          replace(body, h("p", { class: "break-words" }, readable(known.detail)), callout("bad", say("Its history could not be fetched", "Historikken kunne ikke hentes"), toldBy(asError(thrown))));
        }
      };
      await draw();
      return body;
    };
    return opening(known.id, known.id === id, head, fill);
  };
  const load = async (/** @type {string | null} */ cursor) => {
    const { alerts, cursor: next } = await alertRoutes.all(cursor);
    return { items: alerts, next: next ?? null };
  };
  openList(say("Alerts", "Alarmer"), { load, line, closed, none: say("There was none in 90 days.", "Der var ingen i 90 dage.") });
}

/** @param {{ id: string | null, closed: () => void }} options */
export function openMessages({ id, closed }) {
  /** @param {Message} message */
  const line = (message) => {
    const head = h("span", { class: "two" }, h("span", { class: "font-medium" }, message.title), h("span", { class: "note" }, aboutMessage(message)), sentMark(message));
    const fill = async () => [
      message.error && callout(message.state === "refused" ? "bad" : "warn", say("Why the last attempt failed", "Hvorfor sidste forsøg mislykkedes"), readable(message.error)),
      h("pre", { class: "code", tabindex: "0", "aria-label": say("Text", "Tekst") }, readable(message.text)),
      h("p", { class: "note" }, say(`${number(message.attempts)} ${message.attempts === 1 ? "attempt" : "attempts"}`, `${number(message.attempts)} forsøg`)),
    ];
    return opening(message.id, message.id === id, head, fill);
  };
  const load = async (/** @type {string | null} */ cursor) => {
    const { messages, cursor: next } = await alertRoutes.messages(cursor);
    return { items: messages, next: next ?? null };
  };
  openList(say("Messages", "Beskeder"), { load, line, closed, none: say("None was sent in 90 days.", "Ingen blev sendt i 90 dage.") });
}
