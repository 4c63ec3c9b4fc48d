// The rows of `/deliveries`.

import { greyCount } from "./counts.js";
import { moment } from "./delivery-feed.js";
import { deliveryStatus, reasonName, shortKey, sourceText, subject, took, tookText } from "./delivery-words.js";
import { h } from "./dom.js";
import { clock, dayMonth, isToday, say } from "./language.js";
import { momentText } from "./moment.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */

/** What is nearer is one moment to whoever reads a list. */
const APART_MS = 60_000;

/** Clock first, then what is finer. @param {Delivery} one */
function time(one) {
  const at = moment(one);
  if (!at) return "—";
  const fine = at.match(/\.(\d{3})/)?.[1];
  const day = isToday(at) ? null : h("span", { class: "ink-3" }, `${dayMonth(at)} `);
  const shown = [day, clock(at), fine && h("span", { class: "ink-3" }, `.${fine}`)];
  return h("span", { class: "whitespace-nowrap" }, shown, givenUp(one));
}

/** A list of dead letters is in the order in which they were given up, which may be long after they came. @param {Delivery} one */
function givenUp({ status, receivedAt, recordedAt }) {
  if (status !== "dead" || !receivedAt || !recordedAt) return null;
  if (Date.parse(recordedAt) - Date.parse(receivedAt) < APART_MS) return null;
  const at = momentText(recordedAt, true);
  return h("span", { class: "note" }, say(` given up ${at}`, ` opgivet ${at}`));
}

/** @param {Delivery} one */
function event(one) {
  const isReason = !one.eventType || one.status === "rejected";
  if (isReason && !one.reason && one.key) return greyCount(null);
  const text = isReason ? (reasonName(one) ?? subject(one)) : one.eventType;
  return h("span", { class: isReason && one.status === "rejected" ? "bad" : "ink-2" }, text);
}

/** @param {{ box: (one: Delivery) => HTMLElement }} chosen @returns {import("./table.js").Column<Delivery>[]} */
export const columns = (chosen) => [
  { name: "", cell: (/** @type {Delivery} */ one) => chosen.box(one), narrow: "first", kind: "choose" },
  { name: say("Time", "Tid"), cell: (one) => time(one) },
  { name: "Status", cell: (one) => deliveryStatus(one), narrow: "end" },
  {
    name: say("Source", "Kilde"),
    cell: (one) => sourceText(one) ?? "—",
    title: sourceText,
    narrow: "below",
    kind: "short",
  },
  {
    name: say("Event", "Hændelse"),
    cell: (one) => event(one),
    title: (one) => one.detail ?? one.eventType ?? null,
    narrow: "end",
    kind: "event",
  },
  {
    name: say("Key", "Nøgle"),
    cell: (one) => h("span", { class: "font-mono ink-2" }, shortKey(one.key)),
    title: (one) => one.key ?? null,
    narrow: "more",
  },
  { name: say("Failed", "Fejl"), cell: (one) => greyCount(one.attempts), kind: "number", narrow: "hide" },
  {
    name: say("Took", "Varighed"),
    cell: (one) => (took(one) === null ? greyCount(null) : tookText(one)),
    kind: "number",
    narrow: "hide",
  },
];
