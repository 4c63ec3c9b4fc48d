// What needs attention, and connections, in words.

import { because, healthStatus } from "./health-words.js";
import { number, say } from "./language.js";
import { status } from "./status.js";

/** @typedef {{ received: number, failed: number }} Hour */
/**
 * @typedef {{
 *   connection: string, tenant?: string, provider: string, name: string, displayName?: string | null, state?: string | null,
 *   status?: string | null, idle?: boolean, reason?: string | null, lastSuccessAt?: string | null, nextDueAt?: string | null,
 *   webhooks?: { received: number, failed: number, series?: Hour[] } | null, link?: string | null,
 * }} Connection
 */
/** @typedef {{ kind: string, connection?: string | null, displayName?: string | null, count?: number, since?: string | null, detail?: string | null, link?: string | null }} Matter */

/**
 * @typedef {{
 *   tone: import("./status.js").Tone, mark: import("./dom.js").IconName, one: [string, string],
 *   many: (count: string) => [string, string], act: [string, string], link: (of: Matter) => string,
 * }} Kind
 */

/** The last part of `tenant/provider/name`, and the two. @param {string | null | undefined} connection */
const parts = (connection) => (connection ?? "").split("/").slice(-2);

/** @param {Matter} of */
const source = (of) => (of.connection ? `&source=${encodeURIComponent(parts(of.connection).join("/"))}` : "");

/** @type {Record<string, Kind>} */
const KINDS = {
  failed_run: {
    tone: "bad",
    mark: "bad",
    one: ["Run failed", "Kørsel fejlede"],
    many: (count) => [`${count} runs failed`, `${count} kørsler fejlede`],
    act: ["Open the run", "Åbn kørslen"],
    link: (of) => `/vendor-sync?status=error&vendor=${encodeURIComponent(parts(of.connection)[1] ?? "")}`,
  },
  dead_letters: {
    tone: "held",
    mark: "dead",
    one: ["1 dead letter", "1 dødt brev"],
    many: (count) => [`${count} dead letters`, `${count} døde breve`],
    act: ["Send again", "Send igen"],
    link: (of) => `/deliveries?status=dead&last=90d${source(of)}`,
  },
  rejected_deliveries: {
    tone: "bad",
    mark: "bad",
    one: ["1 delivery rejected", "1 leverance afvist"],
    many: (count) => [`${count} deliveries rejected`, `${count} leverancer afvist`],
    act: ["Explain and let in", "Forklar og luk ind"],
    link: (of) => `/deliveries?status=rejected&last=14d${source(of)}`,
  },
  refused_removals: {
    tone: "held",
    mark: "held",
    one: ["Removals refused", "Fjernelser afvist"],
    many: (count) => [`${count} removals refused`, `${count} fjernelser afvist`],
    act: ["Review them", "Se på dem"],
    link: (of) => `/vendor-sync?status=error&vendor=${encodeURIComponent(parts(of.connection)[1] ?? "")}`,
  },
  unhealthy: {
    tone: "bad",
    mark: "bad",
    one: ["Unhealthy", "Syg"],
    many: (count) => [`${count} unhealthy`, `${count} syge`],
    act: ["See why", "Se hvorfor"],
    link: () => "/health",
  },
};

/** @type {Record<string, string>} Other names of the same. */
const ALIASES = {
  failed_runs: "failed_run",
  run_failed: "failed_run",
  dead_letter: "dead_letters",
  rejected: "rejected_deliveries",
  removals_refused: "refused_removals",
};

/** @param {Matter} of */
export function told(of) {
  const kind = KINDS[ALIASES[of.kind] ?? of.kind];
  const count = of.count ?? 1;
  // A link of ours alone: what an answer says is not followed elsewhere.
  const own = of.link?.startsWith("/") && !of.link.startsWith("//") ? of.link : null;
  if (!kind)
    return {
      tone: /** @type {const} */ ("warn"),
      mark: /** @type {const} */ ("warn"),
      text: of.kind.replaceAll("_", " "),
      act: say("Open", "Åbn"),
      link: own ?? "/",
    };
  return {
    tone: kind.tone,
    mark: kind.mark,
    text: say(...(count === 1 ? kind.one : kind.many(number(count)))),
    act: say(...kind.act),
    link: own ?? kind.link(of),
  };
}

/** @param {Connection} one */
export function connectionStatus(one) {
  if (one.state === "paused") return status("held", say("Paused", "På pause"));
  if (!one.status) return status("idle", say("Not measured", "Ikke målt"));
  return healthStatus({ status: one.status, idle: one.idle });
}

/** Why it is what it is. @param {Connection & Record<string, any>} one */
export function connectionReason(one) {
  if (one.state === "paused") return say("Stands still until it is resumed", "Står stille, til den genoptages");
  if (one.reason) return one.reason;
  if (typeof one.errorRate === "number") return because(/** @type {any} */ (one));
  if (one.idle) return say("No webhook for 24 hours", "Ingen webhook i 24 timer");
  return one.status === "healthy" ? say("All within limits", "Alt inden for grænserne") : "";
}

/** The page that shows what it does. @param {Connection} one */
export function placeOf(one) {
  if (one.link?.startsWith("/") && !one.link.startsWith("//")) return one.link;
  const isCatalogue = one.provider === "catalog" || one.provider === "catalogue";
  return isCatalogue
    ? `/vendor-sync?vendor=${encodeURIComponent(one.name)}`
    : `/deliveries?source=${encodeURIComponent(`${one.provider}/${one.name}`)}`;
}
