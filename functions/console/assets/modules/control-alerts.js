// What is amiss and was told, and the messages that were sent of it.

import { asError } from "./api.js";
import { controlCard } from "./control-card.js";
import { refill } from "./control-fill.js";
import { toldBy } from "./control-api.js";
import { button, h, replace } from "./dom.js";
import { ago, number, say } from "./language.js";
import { callout, toast } from "./messages.js";
import { momentText } from "./moment.js";
import { status as statusMark } from "./status.js";

/**
 * @typedef {{
 *   id: string, rule: string, severity: string, provider: string | null, connection: string | null, title: string, detail: string,
 *   state: string, count: number, openedAt: string, updatedAt: string, acknowledgedAt: string | null, acknowledgedBy: string | null,
 * }} Alert
 * @typedef {{
 *   id: string, at: string, channel: string, title: string, text: string, state: string, attempts: number, error: string | null,
 * }} Message
 */

const ALERTS_MAX = 5;
const MESSAGES_MAX = 5;

/** @type {Record<string, [import("./status.js").Tone, [string, string]]>} */
const SENT = {
  sent: ["ok", ["Sent", "Sendt"]],
  pending: ["run", ["On its way", "På vej"]],
  refused: ["bad", ["Refused", "Afvist"]],
  held: ["held", ["Held", "Holdt tilbage"]],
};

/** @param {import("./control-api.js").Control} control */
export function alertsCard(control) {
  const card = controlCard(say("Teams Alerts", "Teams-alarmer"));
  const open = h("div");
  const sent = h("div");
  const result = h("div", { role: "status" });
  const test = button(say("Send Test Alert", "Send testalarm"), { icon: "send", kind: "small wide", "data-testid": "button-test-teams-alert", onclick: () => send() });
  replace(card.body, open, test, result, sent);

  async function send() {
    test.disabled = true;
    try {
      await control.testAlert();
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

  /** @param {Alert} alert */
  async function acknowledge(alert) {
    try {
      await control.acknowledge(alert.id);
      load();
    } catch (thrown) {
      toast("bad", say("It could not be acknowledged", "Den kunne ikke bekræftes"), toldBy(asError(thrown)));
    }
  }

  /** @param {Alert} alert */
  function alertLine(alert) {
    const where = [alert.provider, alert.connection].filter(Boolean).join("/");
    const by = alert.acknowledgedBy && say(`acknowledged by ${alert.acknowledgedBy}`, `bekræftet af ${alert.acknowledgedBy}`);
    const press = !alert.acknowledgedBy && button(say("Acknowledge", "Bekræft"), { icon: "ok", iconOnly: true, kind: "quiet small", "data-testid": `button-acknowledge-${alert.id}`, "aria-label": say(`Acknowledge: ${alert.title}`, `Bekræft: ${alert.title}`), onclick: () => acknowledge(alert) });
    return h(
      "li",
      { title: alert.detail },
      h("span", { class: "grow two" }, statusMark(alert.severity === "warning" ? "warn" : "bad", alert.title), h("span", { class: "note" }, [where, ago(alert.openedAt), by].filter(Boolean).join(" · "))),
      press,
    );
  }

  /** @param {Message} message */
  function messageLine(message) {
    const [tone, words] = SENT[message.state] ?? ["idle", [message.state, message.state]];
    return h(
      "li",
      { title: message.error ?? message.text },
      h("span", { class: "grow two" }, h("span", {}, message.title), h("span", { class: "note" }, `${message.channel} · ${momentText(message.at)}`)),
      statusMark(tone, say(words[0], words[1])),
    );
  }

  async function load() {
    const [alerts, messages] = await Promise.allSettled([control.alerts(), control.messages()]);
    const title = (/** @type {string} */ text) => h("h3", { class: "mb-2" }, text);
    if (alerts.status === "fulfilled") {
      /** @type {Alert[]} */
      const list = alerts.value.alerts ?? [];
      replace(card.beside, list.length > 0 ? statusMark("bad", number(list.length)) : statusMark("ok", say("None open", "Ingen åbne")));
      refill(open, list.length > 0 ? h("ul", { class: "lines" }, list.slice(0, ALERTS_MAX).map(alertLine)) : h("p", { class: "ink-3" }, say("Nothing is amiss.", "Intet er galt.")));
    } else {
      const error = asError(alerts.reason);
      replace(card.beside);
      replace(open, error.status === 404 ? h("p", { class: "ink-3" }, say("This version has no alerts.", "Denne version har ingen alarmer.")) : callout("bad", say("The alerts could not be fetched", "Alarmerne kunne ikke hentes"), toldBy(error)));
    }
    if (messages.status !== "fulfilled") return replace(sent);
    /** @type {Message[]} */
    const list = messages.value.messages ?? [];
    replace(sent, list.length > 0 && [title(say("Messages", "Beskeder")), h("ul", { class: "lines", "data-testid": "list-messages" }, list.slice(0, MESSAGES_MAX).map(messageLine))]);
  }
  return { element: card.element, load };
}
