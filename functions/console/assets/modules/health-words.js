// Health in words: which threshold made a status what it is.

import { number, duration, say } from "./language.js";
import { status } from "./status.js";

/** @typedef {import("./status.js").Tone} Tone */
/** @typedef {{ degraded: number | null, unhealthy: number | null }} Threshold */
/** @typedef {{ waiting: number, active: number, completed: number, failed: number, delayed: number }} Queue */
/** @typedef {{ state: string, failureCount: number, nextRetryTime: string | null, lastFailureTime: string | null }} Breaker */
/**
 * @typedef {{
 *   tenantId: string, tenantName: string, brandId: string, brandName: string, integrationName: string, connectionId: string,
 *   status: string, idle?: boolean, lastSyncedAt: string | null, lastWebhookAt: string | null, syncLagMs: number | null,
 *   webhookLagMs: number | null, recentFailures: number, recentSuccesses: number, errorRate: number,
 *   queueStats?: { syncQueue?: Queue, webhookQueue?: Queue, oldestJobAge?: number | null }, circuitBreaker?: Breaker,
 *   thresholds?: Record<string, Threshold>, reasons?: (string | { measure?: string, code?: string })[],
 * }} Integration
 */
/** @typedef {{ name: string, now: string, threshold: Threshold, short: string, limit: (limit: number) => string, verdict: string, isKnown: boolean }} Measure */

const MINUTE_MS = 60_000;

/** Strictly above these; a connection with a cadence of its own says its own. @type {Record<string, Threshold>} */
const THRESHOLDS = {
  syncLagMs: { degraded: 5 * MINUTE_MS, unhealthy: 15 * MINUTE_MS },
  webhookLagMs: { degraded: 2 * MINUTE_MS, unhealthy: 10 * MINUTE_MS },
  errorRate: { degraded: 1, unhealthy: 5 },
  recentFailures: { degraded: 5, unhealthy: 20 },
};

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
  if (one.status === "unhealthy") return status("bad", say("Unhealthy", "Syg"), { pill });
  if (one.status === "degraded") return status("warn", say("Degraded", "Svækket"), { pill });
  if (one.idle) return status("idle", say("Idle", "Stille"), { pill });
  return status("ok", say("Healthy", "Rask"), { pill });
}

/** @param {number | null} value @param {Threshold} threshold */
function judged(value, threshold) {
  if (value === null || value === undefined) return "healthy";
  if (threshold.unhealthy !== null && value > threshold.unhealthy) return "unhealthy";
  return threshold.degraded !== null && value > threshold.degraded ? "degraded" : "healthy";
}

/** What an integration is measured by. @param {Integration} one @returns {Measure[]} */
export function measures(one) {
  const of = (
    /** @type {"syncLagMs" | "webhookLagMs" | "errorRate" | "recentFailures"} */ field,
    /** @type {string} */ name,
    /** @type {(value: number) => string} */ write,
    limit = write,
  ) => {
    const threshold = one.thresholds?.[field] ?? THRESHOLDS[field];
    const value = one[field] ?? null;
    // An idle one has no lag: nothing was to come.
    const isKnown = value !== null && !(one.idle && field === "webhookLagMs");
    return {
      name,
      short: name.split(",")[0],
      now: value === null ? "—" : write(value),
      threshold,
      limit,
      verdict: isKnown ? judged(value, threshold) : "healthy",
      isKnown,
    };
  };
  return [
    of("errorRate", say("Error rate, 24 h", "Fejlrate, 24 t"), percent),
    of("recentFailures", say("Failures, 24 h", "Fejl, 24 t"), number),
    of("webhookLagMs", say("Webhook lag", "Webhook-forsinkelse"), duration, limitText),
    of("syncLagMs", say("Sync lag", "Synk-forsinkelse"), duration, limitText),
  ];
}

/** The threshold that made it so, in words. @param {Integration} one */
export function because(one) {
  if (one.circuitBreaker?.state === "open") return say("The circuit breaker is open", "Sikringen er slået fra");
  const worst = measures(one).find(({ verdict }) => verdict === one.status && verdict !== "healthy");
  if (worst) {
    const limit = worst.threshold[worst.verdict === "unhealthy" ? "unhealthy" : "degraded"];
    return say(`${worst.short} above ${worst.limit(limit ?? 0)}`, `${worst.short} over ${worst.limit(limit ?? 0)}`);
  }
  if (one.status !== "healthy") return say("Its own threshold is passed", "Dens egen grænse er overskredet");
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
