// The control centre's routes, of one connection. Who is not let in is told so by the page, which has a field for the admin token.

import { ask, ofTenant } from "./api.js";
import { readable } from "./moment.js";
import { chosenTenant } from "./tenant.js";

/** @typedef {ReturnType<typeof controlOf>} Control */

/** @param {string} provider @param {string | null} connection */
export function controlOf(provider, connection) {
  const query = (/** @type {Record<string, string>} */ more = {}) =>
    new URLSearchParams({ provider, ...(connection && { connection }), ...more });
  const get = (/** @type {string} */ path, /** @type {Record<string, string>} */ more = {}) =>
    // Where a look asks the vendor, or shows a tenant's rows, no page of another site may have it done.
    ask(`${path}?${query(more)}`, { stay: true, more: { "x-signalbox-request": "1" } });
  const send = (/** @type {string} */ path, /** @type {unknown} */ body = {}, method = "POST") =>
    ask(`${path}?${query()}`, { method, body, stay: true });
  const of = `/api/admin/integrations/${encodeURIComponent(provider)}`;
  return {
    /** For what is loaded later, so that the first view is small. */
    of,
    send,
    status: () => get("/api/admin/sync/status"),
    runs: () => get("/api/admin/sync/runs", { limit: "50" }),
    config: () => get("/api/admin/integrations/config"),
    scheduler: () => get("/api/admin/sync/scheduler"),
    letters: (/** @type {string} */ entity = "") => get("/api/admin/sync/dlq", entity ? { entity } : {}),
    ping: () => get(`${of}/ping`),
    run: (/** @type {unknown} */ body) => send("/api/admin/sync/run", body),
    stop: () => send("/api/admin/sync/stop"),
    resetLock: () => send("/api/admin/sync/reset-lock"),
    /** Where its log is read from; what asks there can send no header. @param {string | null} after */
    logs: (after) => ofTenant(`/api/admin/sync/logs/stream?${query(after ? { lastEventId: after } : {})}`, chosenTenant()),
  };
}

/** What went wrong, in a sentence or two. @param {import("./api.js").ApiError} error */
export const toldBy = (error) => readable(error.details.join(" "));
