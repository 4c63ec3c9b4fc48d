// What a delivery's status and reason say, in words.

import { duration, say } from "./language.js";
import { status } from "./status.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */

/** @param {Delivery} one @param {boolean} [pill] */
export function deliveryStatus(one, pill = false) {
  if (one.status === "dead") return status("held", say("Dead", "Død"), { icon: "dead", pill });
  if (one.status === "rejected") return status("bad", say("Rejected", "Afvist"), { pill });
  if (one.status === "admitted") return status("ok", say("Let in", "Lukket ind"), { icon: "plus", pill });
  if (one.status === "received") return status("run", say("Received", "Modtaget"), { pill });
  if (one.outcome === "older") return status("idle", say("Stale", "Forældet"), { icon: "clock", pill });
  if (one.outcome === "unhandled") return status("idle", say("Kept", "Gemt"), { icon: "empty", pill });
  return status("ok", say("Processed", "Behandlet"), { pill });
}

/** @type {Record<string, [string, string]>} */
const REASONS = {
  bad_signature: ["Wrong signature", "Forkert signatur"],
  no_secret: ["Our secret is missing", "Vores hemmelighed mangler"],
  too_large: ["Too large", "For stor"],
  unknown_sender: ["Unknown sender", "Ukendt afsender"],
  bad_body: ["Unreadable", "Kan ikke læses"],
  conflict: ["Same key, other body", "Samme nøgle, andet indhold"],
  same_body: ["Same body, other id", "Samme indhold, andet id"],
};

/** Why one was refused, by its code, shortly. @param {string} reason */
export const reasonText = (reason) => say(...(REASONS[reason] ?? [reason, reason]));

/** Whether it came without any signature: its code is that of a wrong one. @param {Pick<Delivery, "reason" | "detail">} one */
export const isUnsigned = ({ reason, detail }) =>
  reason === "bad_signature" && (detail ?? "").startsWith("the request has no signature header");

/** Why one was refused, shortly; null where it was not. @param {Pick<Delivery, "reason" | "detail">} one */
export function reasonName(one) {
  if (isUnsigned(one)) return say("No signature", "Ingen signatur");
  return one.reason ? reasonText(one.reason) : null;
}

/** Where it came from: lists know all points of sale by one name, whichever it was. @param {Delivery} one */
export const sourceText = (one) =>
  one.source && one.source === one.provider && one.connection ? `${one.source}/${one.connection}` : (one.source ?? null);

/** Within a sentence. @param {string | null} text */
export const lower = (text) => (text ? text.charAt(0).toLowerCase() + text.slice(1) : "");

/** What happened, or why nothing did. @param {Delivery} one */
export const subject = (one) =>
  one.eventType ?? reasonName(one) ?? (one.key ? say("Delivery", "Leverance") : say("No label", "Uden mærkat"));

/** From its receipt to its effect. @param {Delivery} one */
export function took(one) {
  if (!one.receivedAt || !one.processedAt) return null;
  return Math.max(0, Date.parse(one.processedAt) - Date.parse(one.receivedAt));
}

/** `id:msg_2yQ7Fd…Lw`: both ends tell keys apart. @param {string | null | undefined} key */
export function shortKey(key) {
  if (!key) return "—";
  return key.length > 22 ? `${key.slice(0, 14)}…${key.slice(-5)}` : key;
}

/** @param {Delivery} one */
export const tookText = (one) => duration(took(one));
