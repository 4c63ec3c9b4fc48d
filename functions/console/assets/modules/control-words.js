// What the control centre's routes say, and its words.

import { s } from "./dom.js";
import { say } from "./language.js";

/**
 * @typedef {{
 *   state: "closed" | "open" | "half_open", isOpen: boolean, failures: number, lastFailure: string | null, cooldownMs: number,
 *   asksAgainAt: string | null, forced: { state: string, by: string, since: string } | null,
 * }} Breaker
 * @typedef {{ limit: number, limitPerHour: number, remaining: number, reset: string | null }} Quota
 * @typedef {{
 *   entity: string, state: "pending" | "running" | "removing" | "done" | "failed" | "notSupported", page: number,
 *   totalPages: number | null, rows: number, rowsPerSecond: number | null, eta: number | null, setAside: number,
 *   counts: { created: number, updated: number, removed: number, unchanged: number },
 * }} Step
 * @typedef {{
 *   entity: string, page: number, rows: number, totalPages: number | null, eta: number | null, rps: number | null,
 *   rowsPerSecond: number | null,
 * }} Progress
 * @typedef {{
 *   id: string, entities: string[], mode: string, since: string | null, dryRun: boolean, startedAt: number, actor: string,
 *   progress: Progress | null, steps: Step[],
 * }} CurrentRun
 * @typedef {{
 *   lastSuccessAt: string | null, lastFailureAt: string | null, lastError: string | null, lastErrorCode: string | null, records: number,
 * }} OfEntity
 * @typedef {{
 *   healthScore: number | null, health: string | null, rateLimit: Quota | null, circuitBreaker: Breaker,
 *   healthScoreParts: { freshness: number, successRate: number, errorRate: number } | null,
 * }} IntegrationHealth
 * @typedef {{
 *   connection: string, isRunning: boolean, entities: string[], currentRun: CurrentRun | null,
 *   lock: { runId: string, held: boolean, expiresAt: string | null, stoppedBy: string | null } | null,
 *   waiting: { reason: string, text: string, until: string } | null,
 *   lastRun: { runId: string | null, timestamp: number | null, success: boolean | null, error: string | null },
 *   dlqCount: number, dlqMore: boolean, perEntity: Record<string, OfEntity>, integrations: Record<string, IntegrationHealth>,
 *   scheduler: { paused: boolean },
 * }} Status
 * @typedef {{
 *   id: string, runId: string, timestamp: string, entity: string, mode: string, rows: number, duration: number | null,
 *   result: "success" | "warning" | "error", error?: string, fullMessage?: string, fullDetails: Record<string, any>,
 *   dryRun: boolean, actor: string,
 * }} EntityRun
 * @typedef {{
 *   connection: string, displayName: string, hasApiKey: boolean, apiKeyMasked: string | null, baseUrl: string | null,
 *   pageSize: number | null, requestsPerMinute: number | null, requestsPerHour: number | null, entities: string[],
 *   retry: { tries: number, baseMs: number, factor: number, longestMs: number, jitter: string },
 *   breaker: { failures: number, withinMs: number, cooldownMs: number } | null, state: "active" | "paused",
 *   keptBy: "operators" | "configuration", warnings: string[],
 * }} Config
 * @typedef {{
 *   enabled: boolean, intervalMinutes: number | null, fullSyncHourUTC: number | null, paused: boolean, nextRun: string | null,
 *   nextFullSync: string | null, envLocked: string[], lockedBy: string | null,
 *   skippedTicks: { at: string, reason: string, detail: string, runId: string }[],
 * }} Scheduler
 * @typedef {{
 *   id: string, entity: string, key: string, reason: string, payload: unknown, payloadCut: boolean, createdAt: string | null,
 *   runId: string, retryCount: number,
 * }} Letter
 * @typedef {{
 *   id: string, name: string, icon: string, colour: string, entities: string[], secretAbout: string,
 *   mistakes: { seen: string, remedy: string }[],
 *   pull?: {
 *     baseUrl: string, documentationHost: string | null, endpoints: { entity: string, path: string }[], pageSize: number,
 *     requestsPerMinute: number, requestsPerHour: number,
 *   },
 * }} Provider
 */

/** @param {string} mode @param {boolean} [dry] @param {boolean} [requeued] That it applied one row which had been set aside. */
export function modeText(mode, dry = false, requeued = false) {
  if (requeued) return say("Requeue", "Nyt forsøg");
  const name = mode === "backfill" ? "Backfill" : "Delta";
  return dry ? say(`${name}, dry`, `${name}, prøve`) : name;
}

/**
 * The letters of a provider on its colour.
 * @param {Provider | null} provider
 */
export function markOf(provider) {
  if (!provider) return null;
  const text = s("text", { x: 12, y: 12.5, "text-anchor": "middle", "dominant-baseline": "central" }, provider.icon);
  return s("svg", { class: "provider-mark", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("rect", { width: 24, height: 24, rx: 6, fill: provider.colour }), text);
}
