// Alerts and messages, asked for, and in words, for a card as for a drawer.

import { asError, ask } from "./api.js";
import { toldBy } from "./control-api.js";
import { ago, number, say } from "./language.js";
import { toast } from "./messages.js";
import { momentText } from "./moment.js";
import { status as statusMark } from "./status.js";

/**
 * @typedef {{
 *   id: string, rule: string, severity: string, provider: string, connection: string, title: string, detail: string,
 *   state: string, flapping: boolean, count: number, openedAt: string, updatedAt: string, resolvedAt?: string | null,
 *   acknowledgedAt?: string | null, acknowledgedBy?: string | null,
 * }} Alert
 * @typedef {{
 *   id: string, at: string, channel: string, title: string, text: string, state: string, attempts: number, error?: string | null,
 * }} Message
 */

const PATH = "/api/admin/alerts";
const PAGE_ITEMS = 20;
const page = (/** @type {string | null} */ cursor) => new URLSearchParams({ limit: String(PAGE_ITEMS), ...(cursor && { cursor }) });
const one = (/** @type {string} */ id) => `${PATH}/${encodeURIComponent(id)}`;

/** Their routes. They are a tenant's, of whichever connection. */
export const alertRoutes = {
  open: () => ask(`${PATH}?state=open`, { stay: true }),
  all: (/** @type {string | null} */ cursor) => ask(`${PATH}?${page(cursor)}`, { stay: true }),
  one: (/** @type {string} */ id) => ask(one(id), { stay: true }),
  messages: (/** @type {string | null} */ cursor = null) => ask(`${PATH}/messages?${page(cursor)}`, { stay: true }),
};

/** @type {Record<string, [import("./status.js").Tone, [string, string]]>} */
const SENT = {
  sent: ["ok", ["Sent", "Sendt"]],
  pending: ["run", ["On its way", "På vej"]],
  refused: ["bad", ["Refused", "Afvist"]],
  held: ["held", ["Held", "Holdt tilbage"]],
};

/** How a message stands. @param {Message} message */
export function sentMark(message) {
  const [tone, words] = SENT[message.state] ?? ["idle", [message.state, message.state]];
  return statusMark(tone, say(...words));
}

/** What an alert says, with how much it matters. @param {Alert} alert */
export function alertMark(alert) {
  if (alert.state === "resolved") return statusMark("ok", alert.title);
  return statusMark(alert.severity === "warning" ? "warn" : "bad", alert.title);
}

/** Of which connection it is, since when, and who has seen it. @param {Alert} alert */
export const aboutAlert = (alert) =>
  [
    `${alert.provider}/${alert.connection}`,
    alert.resolvedAt ? say(`resolved ${ago(alert.resolvedAt)}`, `løst ${ago(alert.resolvedAt)}`) : ago(alert.openedAt),
    alert.count > 1 && say(`${number(alert.count)} times`, `${number(alert.count)} gange`),
    alert.flapping && say("held, as it flaps", "holdt tilbage, da den blafrer"),
    alert.acknowledgedBy && say(`acknowledged by ${alert.acknowledgedBy}`, `bekræftet af ${alert.acknowledgedBy}`),
  ]
    .filter(Boolean)
    .join(" · ");

/** @param {Message} message */
export const aboutMessage = (message) => `${message.channel} · ${momentText(message.at)}`;

/** Says that one has been seen. @param {Alert} alert @param {() => void} then */
export async function acknowledge(alert, then) {
  try {
    await ask(`${one(alert.id)}/acknowledge`, { method: "POST", body: {}, stay: true });
  } catch (thrown) {
    toast("bad", say("It could not be acknowledged", "Den kunne ikke bekræftes"), toldBy(asError(thrown)));
  }
  then();
}
