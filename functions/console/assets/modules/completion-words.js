// What a receiver was told of a run, in words.

import { say } from "./language.js";
import { status } from "./status.js";

/**
 * @typedef {{ at: string, status: number | null, error: string | null, detail: string | null, durationMs: number | null, nextAt: string | null }} Attempt
 * @typedef {{
 *   id: string, receiver: string, runId: string, connection: string, kind: string, type: string, at: string,
 *   state: "pending" | "delivered" | "failed", attempts: Attempt[], nextAt: string | null, error: string | null,
 * }} Notice
 * @typedef {{
 *   tenant: string, provider: string, name: string, displayName: string, state: "active" | "paused", settings: Record<string, any>,
 *   paused: { by: string, why: string, since: string } | null,
 * }} Receiver
 */

/** Who pauses a receiver that takes nothing. */
export const DISABLED_BY = "completions";

/** @type {Record<string, [string, string]>} */
const TYPES = {
  "run.completed": ["Completed", "Gennemført"],
  "run.failed": ["Failed", "Fejlet"],
  "run.skipped": ["Skipped", "Sprunget over"],
  "run.cancelled": ["Stopped", "Standset"],
};

/** @type {Record<string, [string, string]>} */
const ERRORS = {
  timeout: ["No answer in time", "Intet svar i tide"],
  unreachable: ["Could not be reached", "Kunne ikke nås"],
  not_allowed: ["May not be asked", "Må ikke spørges"],
  not_signed: ["Could not be signed", "Kunne ikke underskrives"],
};

/** How the run was over. @param {Notice} notice */
export const typeText = (notice) => (TYPES[notice.type] ? say(...TYPES[notice.type]) : notice.type);

/** What an attempt came to. @param {Attempt} attempt */
export function attemptText(attempt) {
  if (attempt.status !== null) return say(`Answered ${attempt.status}`, `Svarede ${attempt.status}`);
  if (attempt.error !== null) return ERRORS[attempt.error] ? say(...ERRORS[attempt.error]) : attempt.error;
  return say("Nobody knows how it ended", "Ingen ved, hvordan det endte");
}

/** @param {Attempt} attempt */
export const isTaken = (attempt) => attempt.status !== null && attempt.status >= 200 && attempt.status < 300;

/** @param {Notice} notice */
export function noticeStatus(notice) {
  if (notice.state === "delivered") return status("ok", say("Delivered", "Leveret"));
  if (notice.state === "failed") return status("bad", say("Given up", "Opgivet"));
  return notice.attempts.length > 0 ? status("warn", say("Will be tried again", "Prøves igen")) : status("run", say("Under way", "Undervejs"));
}
