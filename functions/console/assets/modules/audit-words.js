// What somebody did, in words, and where what it was done to is found.

import { say } from "./language.js";

/**
 * @typedef {{
 *   id: string, at: string | null, actor: string, action: string, target: string, changed: string[],
 *   result?: string | null, bodyHash: string | null,
 *   correlationId: string,
 * }} Entry
 */

/** "Asked to" where it is recorded before it is done, and so whether it was. @type {Record<string, [string, string]>} */
export const ACTIONS = {
  "dead_letter.requeue": ["Asked to send a dead letter again", "Bad om at sende en død leverance igen"],
  "dead_letter.drop": ["Asked to drop a dead letter", "Bad om at smide en død leverance ud"],
  "delivery.admit": ["Asked to let a rejected delivery in", "Bad om at lukke en afvist leverance ind"],
  "run.stop": ["Asked to stop a run", "Bad om at standse en kørsel"],
  "connection.put": ["Wrote a connection", "Skrev en forbindelse"],
  "connection.delete": ["Asked to remove a connection", "Bad om at fjerne en forbindelse"],
  "connection.pause": ["Paused a connection", "Satte en forbindelse på pause"],
  "connection.resume": ["Resumed a connection", "Genoptog en forbindelse"],
  "connection.rotate": ["Changed secrets", "Skiftede hemmeligheder"],
  "connection.breaker": ["Set a breaker", "Stillede en afbryder"],
  "connection.test": ["Asked to test a connection", "Bad om at prøve en forbindelse"],
  "connection.connect": ["Asked to link a brand", "Bad om at forbinde et mærke"],
  "connection.disconnect": ["Asked to take a link away", "Bad om at fjerne et mærkes forbindelse"],
  "sync.replay": ["Asked to do again what failed", "Bad om at gøre om, hvad der fejlede"],
  "replay.start": ["Asked to start a replay", "Bad om at starte en genafspilning"],
  "replay.stop": ["Asked to stop a replay", "Bad om at stoppe en genafspilning"],
  "tenant.enter": ["Entered a tenant", "Gik ind hos en lejer"],
  SYNC_START: ["Asked to pull what changed", "Bad om at hente ændringer"],
  SYNC_BACKFILL: ["Asked to pull everything", "Bad om at hente alt"],
  SYNC_STOP: ["Asked to stop a pull", "Bad om at standse en hentning"],
  SYNC_RESET_LOCK: ["Asked to reset a lock", "Bad om at nulstille en lås"],
  DLQ_REQUEUE: ["Asked to apply a row that was set aside", "Bad om at anvende en række, der var lagt til side"],
  DLQ_DELETE: ["Asked to forget rows that were set aside", "Bad om at glemme rækker, der var lagt til side"],
  "alert.acknowledge": ["Said that an alert was seen", "Sagde, at en advarsel er set"],
  "tenant.erase": ["Erased the tenant", "Slettede lejeren"],
  "digest.send": ["Asked to send a weekly digest", "Bad om at sende et ugebrev"],
  SCHEDULER_CHANGE: ["Asked to change a schedule", "Bad om at ændre en tidsplan"],
};

/** @type {Record<string, import("./dom.js").IconName>} */
const MARKS = {
  "dead_letter.requeue": "refresh",
  "dead_letter.drop": "drop",
  "delivery.admit": "plus",
  "run.stop": "skipped",
  "connection.delete": "drop",
  "connection.pause": "pause",
  "connection.resume": "play",
  "connection.rotate": "lock",
  "connection.breaker": "pause",
  "connection.test": "shield",
  "connection.connect": "plus",
  "connection.disconnect": "drop",
  "sync.replay": "refresh",
  "replay.start": "refresh",
  "replay.stop": "pause",
  "tenant.enter": "right",
  SYNC_STOP: "skipped",
  SYNC_RESET_LOCK: "lock",
  DLQ_REQUEUE: "refresh",
  DLQ_DELETE: "drop",
};

/** @param {string} action */
export const actionText = (action) => (ACTIONS[action] ? say(...ACTIONS[action]) : action);

/** @param {string} action @returns {import("./dom.js").IconName} */
export const actionMark = (action) => MARKS[action] ?? (action.startsWith("connection") ? "plug" : "play");

/** The page that shows what it was done to, if it is there still; null where no page does. @param {Entry} entry */
export function placeOf(entry) {
  if (entry.action === "run.stop") return `/vendor-sync?run=${encodeURIComponent(entry.target)}&period=all`;
  if (entry.action === "delivery.admit")
    return `/deliveries?status=rejected&last=14d&open=${encodeURIComponent(`rejected:${entry.target}`)}`;
  return null;
}
