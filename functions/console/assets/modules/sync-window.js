// A window of a vendor's runs: as the address asks for it, and as the route answers.

import { dayOf, parameters } from "./address.js";

/** @typedef {import("./runs.js").Run} Run */
/** @typedef {import("./days.js").Day} Day */
/** @typedef {{ success: number, error: number, running: number }} StatusCounts */
/** @typedef {{ runs: Run[], counts: StatusCounts, total: number, latest: string | null, next: string | null, days: Day[] }} Window */
/** @typedef {ReturnType<typeof wantedWindow>} Wanted */

/** Runs of a page. */
export const LIMIT = 25;
export const DEFAULT_DAYS = 7;
export const PRESETS = [7, 30, 90];
const STATUSES = ["success", "error", "running"];
const DAY_MS = 86_400_000;

/** @param {number} back */
const dayBefore = (back) => new Date(Date.now() - back * DAY_MS).toISOString().slice(0, 10);

/** What the address asks for. */
export function wantedWindow() {
  const query = parameters();
  const period = query.get("period");
  const preset = PRESETS.find((days) => String(days) === period) ?? DEFAULT_DAYS;
  const bound = query.has("from") || query.has("to");
  const all = period === "all" && !bound;
  const open = all || bound;
  return {
    vendor: query.get("vendor") ?? "moscot",
    /** @type {string | null} */
    from: open ? dayOf("from") : dayBefore(preset - 1),
    /** @type {string | null} */
    to: open ? dayOf("to") : dayBefore(0),
    preset: open ? null : preset,
    all,
    statuses: query.getAll("status").filter((one) => STATUSES.includes(one)),
    cursor: query.get("cursor"),
    run: query.get("run"),
  };
}

/** @param {any} answer @returns {Window} */
export function windowOf(answer) {
  const data = answer.data ?? {};
  /** @type {Run[]} */
  const list = data.runs ?? data.items ?? answer.items ?? [];
  const of = (/** @type {string} */ name) => list.filter((run) => run.status === name).length;
  const counted = { success: of("success"), error: of("error"), running: of("running") };
  return {
    runs: list,
    counts: { ...counted, ...(data.counts ?? data.aggregates?.counts) },
    total: data.totalRuns ?? data.aggregates?.totalRuns ?? list.length,
    latest: data.latestRunAt ?? data.aggregates?.latestRunAt ?? null,
    next: data.nextCursor ?? null,
    days: data.days ?? [],
  };
}

/** The route that answers with it. @param {Wanted} now */
export function windowPath(now) {
  const query = new URLSearchParams({ vendorId: now.vendor, limit: String(LIMIT), days: "1" });
  if (now.from) query.set("start", `${now.from}T00:00:00.000Z`);
  if (now.to) query.set("end", `${now.to}T23:59:59.999Z`);
  for (const one of now.statuses) query.append("status", one);
  if (now.cursor) query.set("cursor", now.cursor);
  return `/api/catalog/vendor-sync/observability?${query}`;
}
