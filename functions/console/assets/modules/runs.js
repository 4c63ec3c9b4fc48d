// What a run of a catalogue says, in words.

import { say } from "./language.js";
import { status } from "./status.js";

/** @typedef {{ total: number | null, created: number | null, updated: number | null, removed: number | null, unchanged: number | null }} Counts */
/**
 * @typedef {{
 *   id: string, vendor: string, status: string, actor: string | null, dryRun: boolean | null, sourcePath: string | null,
 *   startedAt: string, completedAt: string | null, finishedAt?: string | null, durationMs: number | null,
 *   counts: Counts, metrics?: Counts, hash: string | null, error: string | null, metadata: Record<string, any> | null,
 *   updatedAt: string,
 *   cost?: import("./run-price.js").Cost,
 * }} Run
 */

/** Whether a run was not begun, as another one was in its way. @param {Run} run */
export const isSkipped = (run) => run.metadata?.skipped === true;

/** @param {Run} run @param {boolean} [pill] */
export function runStatus(run, pill = false) {
  if (isSkipped(run)) return status("idle", say("Skipped", "Sprunget over"), { icon: "skipped", pill });
  if (run.status === "success") return status("ok", say("Completed", "Fuldført"), { pill });
  if (run.status === "error") return status("bad", say("Failed", "Fejlet"), { pill });
  if (run.status !== "running") return status("idle", say("Pending", "Afventer"), { pill });
  if (run.metadata?.waitsUntil) return status("held", say("Waiting", "Venter"), { icon: "waiting", pill });
  return status("run", say("Running", "Kører"), { pill });
}

/** @type {Record<string, [string, string]>} Codes of ends that were no success: English, Danish. */
const REASONS = {
  sync_in_progress: ["Skipped: another run was in progress", "Sprunget over: en anden kørsel var i gang"],
  removals_refused: ["Refused: too much would have been removed", "Afvist: for meget ville være blevet fjernet"],
  source_not_allowed: ["The source may not be read from", "Kilden må der ikke læses fra"],
  source_not_public: ["The source has no address on the internet", "Kilden har ingen adresse på internettet"],
  source_not_found: ["There is nothing at the source", "Der er intet på kildens plads"],
  source_unreadable: ["The source could not be read to its end", "Kilden kunne ikke læses til ende"],
  source_busy: ["The vendor asks to wait for longer than a run may", "Leverandøren beder om længere ventetid, end en kørsel må tage"],
  source_changed: ["The source changed each time it was read", "Kilden ændrede sig, hver gang den blev læst"],
  source_invalid: ["What is at the source is no catalogue", "Det, der ligger i kilden, er intet katalog"],
  run_too_slow: ["The run made no progress and was given up", "Kørslen kom ikke videre og blev opgivet"],
  storage_failed: ["Storage failed again and again", "Lageret svigtede igen og igen"],
  vendor_not_configured: ["The vendor is not configured any more", "Leverandøren er ikke længere konfigureret"],
  integration_not_supported: ["The vendor is reached in a way that cannot be synced", "Leverandøren nås på en måde, der ikke kan synkroniseres"],
  stopped: ["An operator stopped it", "En operatør standsede den"],
  approval_expired: ["Nobody approved of it in time", "Ingen godkendte den i tide"],
  vendor_refused_credentials: ["The vendor does not take the connection's key", "Leverandøren godtager ikke forbindelsens nøgle"],
  vendor_not_permitted: ["The key may not read an entity", "Nøglen må ikke læse en entitet"],
  page_invalid: ["What the vendor answered is no page of a list", "Leverandørens svar er ikke en side af en liste"],
  pages_inconsistent: ["The pages of a list do not make a whole", "Listens sider udgør ikke en helhed"],
  schema_changed: ["Rows have other fields than may be", "Rækker har andre felter, end de må have"],
  too_many_rows: ["An entity has more rows than a pull can hold", "En entitet har flere rækker, end en kørsel kan rumme"],
  entities_failed: ["Some entities failed; the others are done", "Nogle entiteter fejlede; de andre er færdige"],
};

/** The sentence of a code; null of one that is none of a run's. @param {string} code */
export const codeText = (code) => (REASONS[code] ? say(...REASONS[code]) : null);

/** Why a run ended as it did, in a sentence; null where there is nothing to say. @param {Run} run */
export function reason(run) {
  const known = codeText(run.metadata?.errorCode ?? "");
  if (known) return known;
  return run.status === "error" ? say("The run failed", "Kørslen fejlede") : null;
}

/** @param {Run} run @returns {Partial<Counts>} */
export const countsOf = (run) => run.counts ?? run.metrics ?? {};

/** The last part of a source's path. @param {string | null} source */
export const lastSegment = (source) => source?.split(/[\\/]/).filter(Boolean).pop() ?? "—";
