// What needs attention, and connections, in words.

import { because, healthStatus, reasonText } from "./health-words.js";
import { reasonName as refusalName } from "./delivery-words.js";
import { number, say } from "./language.js";
import { hasWebhooks } from "./provider.js";
import { status } from "./status.js";

/** @typedef {{ webhooks: number, failures: number }} Came */
/** @typedef {{ kind: string, count: number, more?: boolean, detail: string, at: string | null, link: string | null }} Attention */
/**
 * @typedef {{
 *   connection: string, tenant: string, provider: string, name: string, displayName: string, state: string, status: string,
 *   reasons: import("./health-words.js").Reason[], idle: boolean, lastSuccessAt: string | null, nextDueAt: string | null,
 *   lastHour: Came, hours: Came[], attention: Attention[],
 * }} Connection
 */
/** What names a connection. @typedef {{ tenant: string, provider: string, name: string, displayName: string }} Named */
/** What needs attention, and of which connection. @typedef {Attention & { of: Named }} Matter */

/**
 * @typedef {{
 *   tone: import("./status.js").Tone, mark: import("./dom.js").IconName, one: [string, string],
 *   many: (count: string) => [string, string], act: [string, string], place: (matter: Matter) => string,
 * }} Kind
 */

/** @param {Named} one */
const isCatalogue = (one) => one.provider === "catalogue";

/** The deliveries that came over it: a list is of one tenant. @param {Named} one */
const deliveriesOf = ({ provider, name, tenant }) => new URLSearchParams({ source: `${provider}/${name}`, tenant, for: tenant }).toString();

/** The syncs of a vendor, as its tenant sees them. @param {Named} one */
const syncsOf = ({ name, tenant }) => `/vendor-sync?${new URLSearchParams({ vendor: name, for: tenant })}`;

/** Where it is synced by hand, with its last runs and the rows that were set aside. @param {Named} one */
const controlOf = ({ provider, name, tenant }) =>
  provider === "gbp" ? `/settings/admin/gbp-sync?${new URLSearchParams({ for: tenant })}` : `/systems/integrations?${new URLSearchParams({ provider, connection: name, for: tenant })}`;

/** The run that a matter is about: its link names it as the first of a list. @param {Matter} matter */
function runPlace({ link, of }) {
  if (!isCatalogue(of)) return controlOf(of);
  const id = link && new URL(link, location.origin).searchParams.get("cursor");
  return `${syncsOf(of)}&period=all${id ? `&run=${encodeURIComponent(id)}` : ""}`;
}

/** @type {Record<string, Kind>} */
const KINDS = {
  failed_run: {
    tone: "bad",
    mark: "bad",
    one: ["Run failed", "Kørsel fejlede"],
    many: (count) => [`${count} runs failed`, `${count} kørsler fejlede`],
    act: ["Open the run", "Åbn kørslen"],
    place: runPlace,
  },
  dead_letters: {
    tone: "held",
    mark: "dead",
    one: ["1 dead letter", "1 død leverance"],
    many: (count) => [`${count} dead letters`, `${count} døde leverancer`],
    act: ["Send again", "Send igen"],
    place: ({ of }) => `/deliveries?status=dead&last=90d&${deliveriesOf(of)}`,
  },
  set_aside: {
    tone: "held",
    mark: "dead",
    one: ["1 row set aside", "1 række lagt til side"],
    many: (count) => [`${count} rows set aside`, `${count} rækker lagt til side`],
    act: ["Look at them", "Se på dem"],
    place: ({ of }) => controlOf(of),
  },
  rejected: {
    tone: "warn",
    mark: "warn",
    one: ["1 webhook refused", "1 webhook afvist"],
    many: (count) => [`${count} webhooks refused`, `${count} webhooks afvist`],
    act: ["Look at them", "Se på dem"],
    place: ({ of }) => `/deliveries?status=rejected&${new URLSearchParams({ source: of.displayName })}`,
  },
  refused_removal: {
    tone: "held",
    mark: "held",
    one: ["Removals refused", "Fjernelser afvist"],
    many: (count) => [`${count} removals refused`, `${count} fjernelser afvist`],
    act: ["Review them", "Se på dem"],
    place: runPlace,
  },
  held_run: {
    tone: "held",
    mark: "held",
    one: ["Waits for approval", "Venter på godkendelse"],
    many: (count) => [`${count} runs wait for approval`, `${count} kørsler venter på godkendelse`],
    act: ["Decide", "Afgør"],
    place: runPlace,
  },
  unhealthy: {
    tone: "bad",
    mark: "bad",
    one: ["Unhealthy", "Fejler"],
    many: (count) => [`${count} unhealthy`, `${count} fejler`],
    act: ["See why", "Se hvorfor"],
    place: ({ of }) => placeOf(of),
  },
};

/** What a route says in codes and words of its own, in the page's language; the rest stays. @param {Attention} one */
function detailOf({ kind, detail, count }) {
  if (kind === "dead_letters" || kind === "set_aside") return detail.replace(/^the last one: /, say("the last one: ", "den seneste: "));
  if (kind !== "rejected") return detail;
  const [, reason = null, why = detail] = /^([a-z_]+): (.*)$/s.exec(detail) ?? [];
  const told = [refusalName({ reason, detail: why }), why].filter(Boolean).join(": ");
  return count > 1 ? say(`the last one: ${told}`, `den seneste: ${told}`) : told;
}

/**
 * What needs attention: what the route says of all connections, and whatever is unhealthy of those of the page.
 * @param {{ attention: (Attention & Named)[], items: Connection[] }} answer
 * @returns {Matter[]}
 */
export const mattersOf = ({ attention, items }) => [
  ...attention.map((one) => ({ ...one, detail: detailOf(one), of: one })),
  ...items
    .filter((of) => of.attention.length === 0 && of.status === "unhealthy" && of.state !== "paused")
    .map((of) => ({ kind: "unhealthy", count: 1, detail: of.reasons.map(reasonText).join(", "), at: null, link: null, of })),
];

/** @param {Matter} matter */
export function told(matter) {
  const kind = KINDS[matter.kind];
  if (!kind)
    return {
      tone: /** @type {const} */ ("warn"),
      mark: /** @type {const} */ ("warn"),
      text: matter.kind.replaceAll("_", " "),
      act: say("Open", "Åbn"),
      place: placeOf(matter.of),
    };
  return {
    tone: kind.tone,
    mark: kind.mark,
    text: say(...(matter.count === 1 && !matter.more ? kind.one : kind.many(number(matter.count) + (matter.more ? "+" : "")))),
    act: say(...kind.act),
    place: kind.place(matter),
  };
}

/** Of what has no webhooks it says nothing that none came. @param {Connection} one */
const isIdle = (one) => one.idle && hasWebhooks(one.provider);

/** @param {Connection} one */
export function connectionStatus(one) {
  if (one.state === "paused") return status("held", say("Paused", "På pause"));
  return healthStatus({ status: one.status, idle: isIdle(one) });
}

/** Why it is what it is. @param {Connection} one */
export function connectionReason(one) {
  if (one.state === "paused") return say("Stands still until it is resumed", "Står stille, til den genoptages");
  return because({ ...one, idle: isIdle(one) });
}

/** What came to it in the last hour; null of what has no webhooks. @param {Connection} one */
export const cameTo = (one) => (hasWebhooks(one.provider) ? one.lastHour : null);

/** The page that shows what it does. @param {Named} one */
export function placeOf(one) {
  if (isCatalogue(one)) return syncsOf(one);
  return hasWebhooks(one.provider) ? `/deliveries?${deliveriesOf(one)}` : controlOf(one);
}
