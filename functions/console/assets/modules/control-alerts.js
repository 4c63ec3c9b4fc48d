// What is amiss and was told, and the messages that were sent of it: the newest of both. All of them are in a drawer.

import { asError } from "./api.js";
import { aboutAlert, aboutMessage, acknowledge, alertMark, alertRoutes, sentMark } from "./control-alert-words.js";
import { controlCard } from "./control-card.js";
import { refill } from "./control-fill.js";
import { toldBy } from "./control-api.js";
import { button, h, replace } from "./dom.js";
import { number, say } from "./language.js";
import { callout, toast } from "./messages.js";
import { readable } from "./moment.js";
import { status as statusMark } from "./status.js";

/** @typedef {import("./control-alert-words.js").Alert} Alert */
/** @typedef {import("./control-alert-words.js").Message} Message */

const ALERTS_MAX = 5;
const MESSAGES_MAX = 5;

/** @param {import("./control-api.js").Control} control */
export function alertsCard(control) {
  const card = controlCard(say("Teams Alerts", "Teams-alarmer"));
  const open = h("div");
  const sent = h("div");
  const result = h("div", { role: "status" });
  const test = button(say("Send Test Alert", "Send testalarm"), { icon: "send", kind: "small wide", "data-testid": "button-test-teams-alert", onclick: () => send() });
  replace(card.body, open, test, result, sent);
  const all = (/** @type {"alerts" | "messages"} */ what) => button(say("See all", "Se alle"), { kind: "quiet small", "data-testid": `button-all-${what}`, onclick: () => look(what, null) });

  /** Shows all of them, one of them opened. @param {"alerts" | "messages"} what @param {string | null} id */
  async function look(what, id) {
    const from = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.testid : null;
    const closed = () => from && /** @type {HTMLElement | null} */ (card.element.querySelector(`[data-testid="${CSS.escape(from)}"]`))?.focus();
    const drawers = await import("./control-alerts-drawer.js");
    if (what === "alerts") drawers.openAlerts({ id, closed, changed: load });
    else drawers.openMessages({ id, closed });
  }

  async function send() {
    test.disabled = true;
    try {
      await control.send(`${control.of}/teams/test`);
      replace(result);
      toast("ok", say("The test alert is sent", "Testalarmen er sendt"));
    } catch (thrown) {
      const error = asError(thrown);
      const text = error.status === 404 ? say("This version sends no alerts.", "Denne version sender ingen alarmer.") : toldBy(error);
      replace(result, callout(error.status === 400 || error.status === 404 ? "warn" : "bad", say("No test alert was sent", "Ingen testalarm blev sendt"), text));
    } finally {
      test.disabled = false;
      load();
    }
  }

  /** A title that opens all there is to it. @param {import("./dom.js").Child} title @param {string} id @param {"alerts" | "messages"} what */
  const opens = (title, id, what) => h("button", { type: "button", class: "as-link", "data-testid": `open-${id}`, onclick: () => look(what, id) }, title);

  /** @param {Alert} alert */
  function alertLine(alert) {
    const press = !alert.acknowledgedBy && button(say("Acknowledge", "Bekræft"), { icon: "ok", iconOnly: true, kind: "quiet small", "data-testid": `button-acknowledge-${alert.id}`, "aria-label": say(`Acknowledge: ${alert.title}`, `Bekræft: ${alert.title}`), onclick: () => acknowledge(alert, load) });
    return h("li", {}, h("span", { class: "grow two" }, opens(alertMark(alert), alert.id, "alerts"), h("span", { class: "note" }, aboutAlert(alert))), press);
  }

  /** @param {Message} message */
  function messageLine(message) {
    const why = message.error && h("span", { class: "note bad" }, readable(message.error));
    return h("li", {}, h("span", { class: "grow two" }, opens(message.title, message.id, "messages"), h("span", { class: "note" }, aboutMessage(message)), sentMark(message), why));
  }

  async function load() {
    const [alerts, messages] = await Promise.allSettled([alertRoutes.open(), alertRoutes.messages()]);
    if (alerts.status === "fulfilled") {
      /** @type {Alert[]} */
      const list = alerts.value.alerts ?? [];
      const count = number(list.length) + (alerts.value.cursor ? "+" : "");
      refill(card.beside, list.length > 0 ? statusMark("bad", count) : statusMark("ok", say("None open", "Ingen åbne")), all("alerts"));
      refill(open, list.length > 0 ? h("ul", { class: "lines wrap" }, list.slice(0, ALERTS_MAX).map(alertLine)) : h("p", { class: "ink-3" }, say("No alert is open.", "Ingen alarm er åben.")));
    } else {
      const error = asError(alerts.reason);
      replace(card.beside);
      replace(open, error.status === 404 ? h("p", { class: "ink-3" }, say("This version has no alerts.", "Denne version har ingen alarmer.")) : callout("bad", say("The alerts could not be fetched", "Alarmerne kunne ikke hentes"), toldBy(error)));
    }
    if (messages.status !== "fulfilled") return replace(sent);
    /** @type {Message[]} */
    const list = messages.value.messages ?? [];
    /** @type {string[]} */
    const leftOut = messages.value.channels?.leftOut ?? [];
    const untold = leftOut.length > 0 && callout("warn", say("Too many channels: some are told nothing", "For mange kanaler: nogle får intet at vide"), leftOut.join(", "));
    const head = h("div", { class: "flex mb-2" }, h("h3", { class: "grow" }, say("Messages", "Beskeder")), all("messages"));
    refill(sent, untold, list.length > 0 && [head, h("ul", { class: "lines wrap", "data-testid": "list-messages" }, list.slice(0, MESSAGES_MAX).map(messageLine))]);
  }
  return { element: card.element, load };
}
