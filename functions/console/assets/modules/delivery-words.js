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

/** @type {Record<string, { name: [string, string], help: [string, string] }>} */
const REASONS = {
  bad_signature: {
    name: ["Wrong signature", "Forkert signatur"],
    help: [
      "Compare the secret and the scheme on both sides. Once they are right here, verify it again.",
      "Sammenlign hemmelighed og metode på begge sider. Når de er rigtige her, så efterprøv den igen.",
    ],
  },
  no_secret: {
    name: ["Our secret is missing", "Vores hemmelighed mangler"],
    help: [
      "Set the sender's secret here, then verify it again.",
      "Sæt afsenderens hemmelighed her, og efterprøv den igen.",
    ],
  },
  too_large: {
    name: ["Too large", "For stor"],
    help: [
      "Its body was not kept, so it cannot be let in. Ask the sender for smaller ones.",
      "Dens indhold blev ikke gemt, så den kan ikke lukkes ind. Bed afsenderen om mindre.",
    ],
  },
  unknown_sender: {
    name: ["Unknown sender", "Ukendt afsender"],
    help: [
      "Nobody of that name has a connection here. Make one, or stop the sender; then verify it again.",
      "Ingen med det navn har en forbindelse her. Opret en, eller stands afsenderen; efterprøv den så igen.",
    ],
  },
  bad_body: {
    name: ["Unreadable", "Kan ikke læses"],
    help: [
      "The text above names the field. The sender has to mend it.",
      "Teksten ovenfor nævner feltet. Afsenderen må rette det.",
    ],
  },
  conflict: {
    name: ["Same key, other body", "Samme nøgle, andet indhold"],
    help: [
      "The first one counts, and this one is kept. Ask the sender which one is meant.",
      "Den første gælder, og denne er gemt. Spørg afsenderen, hvilken der menes.",
    ],
  },
  same_body: {
    name: ["Same body, other id", "Samme indhold, andet id"],
    help: [
      "The sender was told of a duplicate. If it is an event of its own, verify it again.",
      "Afsenderen fik at vide, at den var kendt. Er den en hændelse for sig, så efterprøv den igen.",
    ],
  },
};

/** Why one was refused, by its code, shortly. @param {string} reason */
export const reasonText = (reason) => say(...(REASONS[reason]?.name ?? [reason, reason]));

/** Why one was refused, shortly; null where it was not. @param {Delivery} one */
export const reasonName = (one) => (one.reason ? reasonText(one.reason) : null);

/** Where it came from: lists know all points of sale by one name, whichever it was. @param {Delivery} one */
export const sourceText = (one) =>
  one.source && one.source === one.provider && one.connection ? `${one.source}/${one.connection}` : (one.source ?? null);

/** Within a sentence. @param {string | null} text */
export const lower = (text) => (text ? text.charAt(0).toLowerCase() + text.slice(1) : "");

/** What to do about it. @param {Delivery} one */
export const reasonHelp = (one) => (one.reason && REASONS[one.reason] ? say(...REASONS[one.reason].help) : null);

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
