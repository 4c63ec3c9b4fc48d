// What a delivery's status, reason and life say, in words.

import { icon } from "./dom.js";
import { duration, number, say } from "./language.js";
import { status } from "./status.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {{ mark: SVGElement, at: string | null, text: string, more: string | null }} Event */

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

/** Why one was refused, shortly; null where it was not. @param {Delivery} one */
export const reasonName = (one) =>
  one.reason ? say(...(REASONS[one.reason]?.name ?? [one.reason, one.reason])) : null;

/** What to do about it. @param {Delivery} one */
export const reasonHelp = (one) => (one.reason && REASONS[one.reason] ? say(...REASONS[one.reason].help) : null);

/** What happened, or why nothing did. @param {Delivery} one */
export const subject = (one) => one.eventType ?? reasonName(one) ?? say("No label", "Uden mærkat");

/** From its receipt to its effect. @param {Delivery} one */
export function took(one) {
  if (!one.receivedAt || !one.processedAt) return null;
  return Math.max(0, Date.parse(one.processedAt) - Date.parse(one.receivedAt));
}

/** @type {Record<string, [string, string]>} */
const OUTCOMES = {
  done: ["Had its effect", "Fik sin virkning"],
  older: ["Left out: a newer version was there", "Udeladt: en nyere version var der"],
  unhandled: ["Kept: nothing here handles such events", "Gemt: intet her behandler den slags"],
};

/**
 * What happened to one, in order, as far as it is stored.
 * @param {Delivery} one
 * @returns {Event[]}
 */
export function life(one) {
  const bytes =
    typeof one.bodyBytes === "number" ? say(`${number(one.bodyBytes)} bytes`, `${number(one.bodyBytes)} byte`) : null;
  const trace = one.correlationId ? say(`trace ${one.correlationId}`, `spor ${one.correlationId}`) : null;
  const came = [bytes, trace].filter(Boolean).join(", ");
  /** @type {Event[]} */
  const events = [
    { mark: icon("empty", "ok"), at: one.receivedAt ?? null, text: say("Received", "Modtaget"), more: came || null },
  ];
  if (one.status === "rejected" || one.status === "admitted") return [...events, ...refusal(one)];
  const by = one.source ? say(`As ${one.source} signs`, `Som ${one.source} underskriver`) : null;
  events.push({ mark: icon("shield", "ok"), at: null, text: say("Verified", "Efterprøvet"), more: by });
  events.push({
    mark: icon("lock", "ok"),
    at: null,
    text: say("Claimed", "Taget"),
    more: one.key ? say(`Key ${one.key}`, `Nøgle ${one.key}`) : null,
  });
  events.push({
    mark: icon("send", "ok"),
    at: null,
    text: say("Enqueued and answered", "Sat i kø og besvaret"),
    more: null,
  });
  return [...events, ...effect(one)];
}

/** @param {Delivery} one @returns {Event[]} */
function refusal(one) {
  /** @type {Event[]} */
  const events = [
    {
      mark: icon("bad", "bad"),
      at: null,
      text: say(`Refused: ${lower(reasonName(one))}`, `Afvist: ${lower(reasonName(one))}`),
      more: one.detail ?? null,
    },
  ];
  if (one.status === "admitted") {
    const more = say("Verified again, and sent on", "Efterprøvet igen og sendt videre");
    events.push({ mark: icon("plus", "ok"), at: one.admittedAt ?? null, text: say("Let in", "Lukket ind"), more });
    return events;
  }
  const kept = one.hasBody
    ? say(
        "Headers and body, for 14 days. Nothing of it has taken effect",
        "Felter og indhold, i 14 dage. Intet har fået virkning",
      )
    : say("Without its body. Nothing of it has taken effect", "Uden sit indhold. Intet har fået virkning");
  events.push({ mark: icon("empty", "idle"), at: null, text: say("Kept", "Gemt"), more: kept });
  return events;
}

/** @param {Delivery} one @returns {Event[]} */
function effect(one) {
  /** @type {Event[]} */
  const events = [];
  const failures = one.attempts ?? 0;
  if (failures > 0) {
    const text =
      failures === 1
        ? say("1 attempt failed", "1 forsøg slog fejl")
        : say(`${failures} attempts failed`, `${failures} forsøg slog fejl`);
    events.push({ mark: icon("bad", "bad"), at: null, text, more: one.detail ?? null });
  }
  if (one.status === "received") {
    const more = say("In the queue, or a dead letter", "I køen eller et dødt brev");
    events.push({
      mark: icon("run", "run"),
      at: null,
      text: say("Waiting for its effect", "Venter på sin virkning"),
      more,
    });
  } else if (one.status === "dead") {
    const more = say("For 90 days. Nothing of it has taken effect", "I 90 dage. Intet har fået virkning");
    events.push({
      mark: icon("dead", "held"),
      at: one.recordedAt ?? null,
      text: say("Kept as a dead letter", "Gemt som dødt brev"),
      more,
    });
  } else {
    const text = say(...(OUTCOMES[one.outcome ?? "done"] ?? OUTCOMES.done));
    const more = one.aheadOfReceipt
      ? say(
          "Its sender's clock is more than a day ahead: it counts as of its receipt",
          "Afsenderens ur er over et døgn foran: den gælder fra modtagelsen",
        )
      : null;
    const mark = one.outcome === "older" ? icon("clock", "idle") : icon("ok", "ok");
    events.push({ mark, at: one.processedAt ?? null, text, more });
  }
  return events;
}

/** @param {string | null} text */
const lower = (text) => (text ? text.charAt(0).toLowerCase() + text.slice(1) : "");

/** `id:msg_2yQ7Fd…Lw`: both ends tell keys apart. @param {string | null | undefined} key */
export function shortKey(key) {
  if (!key) return "—";
  return key.length > 22 ? `${key.slice(0, 14)}…${key.slice(-5)}` : key;
}

/** @param {Delivery} one */
export const tookText = (one) => duration(took(one));
