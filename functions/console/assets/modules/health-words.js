// Health in words: which threshold made a status what it is.

import { number, duration, say } from "./language.js";
import { hasWebhooks } from "./provider.js";
import { status } from "./status.js";

/** @typedef {import("./status.js").Tone} Tone */
/** What is null makes nothing of it. @typedef {{ degraded: number | null, unhealthy: number | null }} Threshold */
/** A threshold that was passed. @typedef {{ measure: string, status: string, value: number, threshold: number }} Reason */
/** @typedef {{ waiting: number | null, active: number | null, delayed: number | null }} Queue */
/** @typedef {{ state: string, failureCount: number, nextRetryTime: string | null, lastFailureTime: string | null }} Breaker */
/**
 * @typedef {{
 *   tenantId: string, tenantName: string, brandId: string, brandName: string, integrationName: string,
 *   connectionId: string | null, status: string, reasons: Reason[], idle: boolean, lastSyncedAt: string | null,
 *   lastWebhookAt: string | null, syncLagMs: number | null, webhookLagMs: number | null, recentFailures: number,
 *   recentSuccesses: number, errorRate: number, circuitBreaker: Breaker,
 *   queueStats: { syncQueue: Queue, webhookQueue: Queue, oldestJobAge: number | null },
 *   config: { settings?: { entities?: string[] }, thresholds: Record<string, Threshold> },
 *   processing: { buckets: { upToMs: number | null, count: number }[], avgMs: number | null },
 * }} Integration
 */
/** @typedef {{ name: string, now: string, threshold: Threshold, limit: (limit: number) => string, verdict: string, isKnown: boolean }} Measure */

const MINUTE_MS = 60_000;

/** What of deliveries may fail, in percent. */
export const ERRORS_MAX_PERCENT = 1;

/** @param {number} value */
export const percent = (value) => `${number(value)} %`;

/** A limit: `5 min`. @param {number} milliseconds */
const limitText = (milliseconds) =>
  milliseconds % MINUTE_MS === 0 ? `${number(milliseconds / MINUTE_MS)} min` : duration(milliseconds);

/** @param {string} verdict @returns {Tone} */
export const toneOf = (verdict) => (verdict === "unhealthy" ? "bad" : verdict === "degraded" ? "warn" : "ok");

/** @param {{ status: string, idle?: boolean }} one @param {boolean} [pill] */
export function healthStatus(one, pill = false) {
  if (one.status === "unhealthy") return status("bad", say("Unhealthy", "Fejler"), { pill });
  if (one.status === "degraded") return status("warn", say("Degraded", "Svækket"), { pill });
  if (one.idle) return status("idle", say("Idle", "Stille"), { pill });
  return status("ok", say("Healthy", "Sund"), { pill });
}

/**
 * What an integration is measured by.
 * @param {Integration} one
 * @param {string} [provider] What is not measured of it is left out.
 * @returns {Measure[]}
 */
export function measures(one, provider = "") {
  const of = (
    /** @type {string} */ measure,
    /** @type {number | null} */ value,
    /** @type {string} */ name,
    /** @type {(value: number) => string} */ write,
    limit = write,
  ) => ({
    name,
    now: value === null ? "—" : write(value),
    threshold: one.config.thresholds[measure],
    limit,
    verdict: one.reasons.find((reason) => reason.measure === measure)?.status ?? "healthy",
    // An idle one has no lag: nothing was to come.
    isKnown: value !== null && !(one.idle && measure === "webhookLag"),
  });
  return [
    of("errorRate", one.errorRate, say("Error rate, 24 h", "Fejlrate, 24 t"), percent),
    of("failures", one.recentFailures, say("Failures, 24 h", "Fejl, 24 t"), number),
    ...(hasWebhooks(provider)
      ? [of("webhookLag", one.webhookLagMs, say("Webhook lag", "Webhook-forsinkelse"), duration, limitText)]
      : []),
    of("syncLag", one.syncLagMs, say("Sync lag", "Synk-forsinkelse"), duration, limitText),
    // Of what is pulled it counts until a pull went well.
    ...(provider === "catalogue" || one.reasons.some((reason) => reason.measure === "lastRun") ? [lastRun(one)] : []),
  ];
}

/** It has no threshold in between: it failed, or it did not. @param {Integration} one @returns {Measure} */
function lastRun(one) {
  const failed = one.reasons.find((reason) => reason.measure === "lastRun");
  return {
    name: say("Last run", "Sidste kørsel"),
    now: failed ? say("failed", "fejlede") : say("did not fail", "fejlede ikke"),
    threshold: { degraded: null, unhealthy: failed?.threshold ?? 0 },
    limit: () => say("a failure", "en fejl"),
    verdict: failed?.status ?? "healthy",
    isKnown: true,
  };
}

/** A threshold that was passed, in words. @param {Reason} reason */
export function reasonText(reason) {
  const above = (/** @type {[string, string]} */ [english, danish], /** @type {string} */ limit) =>
    say(`${english} above ${limit}`, `${danish} over ${limit}`);
  switch (reason.measure) {
    case "syncLag":
      return above(["Sync lag", "Synk-forsinkelse"], limitText(reason.threshold));
    case "webhookLag":
      return above(["Webhook lag", "Webhook-forsinkelse"], limitText(reason.threshold));
    case "errorRate":
      return above(["Error rate", "Fejlrate"], percent(reason.threshold));
    case "failures":
      return above(["Failures", "Fejl"], number(reason.threshold));
    case "breaker":
      return say("The circuit breaker is open", "Sikringen er slået fra");
    case "lastRun":
      return say("The last run failed", "Den sidste kørsel fejlede");
    default:
      return reason.measure;
  }
}

/** The threshold that made it so, in words. @param {{ status: string, reasons: Reason[], idle: boolean }} one */
export function because(one) {
  if (one.reasons.length > 0) return reasonText(one.reasons[0]);
  return one.idle
    ? say("No webhook for 24 hours", "Ingen webhook i 24 timer")
    : say("All within limits", "Alt inden for grænserne");
}

/**
 * What is left of what may fail in a day; null where nothing came.
 * @param {Integration} one
 * @returns {{ left: number, allowed: number, total: number } | null}
 */
export function budget(one) {
  const total = one.recentFailures + one.recentSuccesses;
  if (total === 0) return null;
  const allowed = (total * ERRORS_MAX_PERCENT) / 100;
  return { left: Math.max(0, Math.round((1 - one.recentFailures / allowed) * 100)), allowed, total };
}
