// What a mirror of categories says, in words.

import { h } from "./dom.js";
import { number, say } from "./language.js";
import { status } from "./status.js";

/**
 * @typedef {{
 *   id: string, tenantId: string | null, strategy: string, dryRun: boolean, created: number, updated: number, deleted: number,
 *   skipped: boolean, reason: string | null, error: string | null, code: string | null, pending: number, unmapped: number, jobId: string,
 *   startedAt: string, completedAt: string | null,
 * }} Mirror A row of the log; without a tenant it is that of all.
 */
/**
 * @typedef {{
 *   id: string, tenantId: string, provider: string, connection: string, strategy: string, jobId: string, startedAt: string,
 *   since: string, until: string | null, why: string, removals: number, of: number, going: string[],
 * }} Held
 */

/** @type {Record<string, [string, string]>} Codes: English, Danish. */
const REASONS = {
  cooldown: ["Cooldown", "Pause"],
  sync_in_progress: ["Another one runs", "En anden kører"],
  approval_pending: ["Another one is held", "En anden afventer"],
  feature_disabled: ["The feature is off", "Funktionen er slået fra"],
};

/** @type {Record<string, [string, string]>} Why one failed, by its code: English, Danish. */
const FAILURES = {
  consent_revoked: ["Whoever agreed that Google is asked has taken it back", "Den, der gav samtykke hos Google, har trukket det tilbage"],
  request_refused: ["The vendor refuses what it was asked for", "Leverandøren afviser det, den blev bedt om"],
  nothing_listed: ["The vendor lists nothing", "Leverandøren viser intet"],
  no_primary_category: ["A location would have no primary category", "Et sted ville stå uden primær kategori"],
  too_many_categories: ["A location would have too many categories", "Et sted ville have for mange kategorier"],
};

/** What failed, where there are words for it. @param {string | null} code */
export const failureText = (code) => (code && FAILURES[code] ? say(...FAILURES[code]) : say("It failed", "Den fejlede"));

/** Why one never began. @param {string | null} reason */
const reasonText = (reason) => (reason && REASONS[reason] ? say(...REASONS[reason]) : reason || say("Skipped", "Sprunget over"));

/** Whose it is. @param {string | null} tenant */
export const whose = (tenant) => tenant ?? say("All", "Alle");

/** @param {string} strategy */
export const strategyText = (strategy) =>
  strategy === "platform_to_gbp"
    ? say("Platform to Google", "Platform til Google")
    : strategy === "gbp_to_platform"
      ? say("Google to platform", "Google til platform")
      : strategy;

/** An error goes before all, then that it was skipped, then that it is over. @param {Mirror} row @param {Held | undefined} held */
export function mirrorStatus(row, held) {
  if (row.error) return status("bad", say("Error", "Fejl"));
  if (row.skipped) return status("idle", reasonText(row.reason), { icon: "skipped" });
  if (row.completedAt) return status("ok", say("Success", "Gennemført"));
  if (held) return status("held", say(`Held, ${number(held.removals)} removals`, `Afventer, ${number(held.removals)} fjernelser`));
  return status("warn", say("Running", "Kører"), { icon: "run" });
}

/** @param {Mirror} row */
export const isRunning = (row) => !row.error && !row.skipped && !row.completedAt;

/** @param {Mirror} row */
export const strategyCell = (row) => [
  h("span", { class: "ink-2", title: row.strategy }, strategyText(row.strategy)),
  row.dryRun && h("span", { class: "ink-3" }, say(" · dry run", " · prøvekørsel")),
];
