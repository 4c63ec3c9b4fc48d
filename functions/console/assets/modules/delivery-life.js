// What happened to a delivery, in words.

import { lower, reasonName } from "./delivery-words.js";
import { icon } from "./dom.js";
import { number, say } from "./language.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** No request lasts so long: what was queued later than that after its receipt was sent again. */
const ANSWERED_MS_MAX = 30_000;

/** @typedef {{ mark: SVGElement, at: string | null, text: string, more: string | null }} Event */
/** @typedef {{ what: string, at: string | null, detail: string | null, times?: number }} Stored */

/** @type {Record<string, [string, string]>} */
const OUTCOMES = {
  done: ["Had its effect", "Fik sin virkning"],
  older: ["Left out: a newer version was there", "Udeladt: en nyere version var der"],
  unhandled: ["Kept: nothing here handles such events", "Gemt: intet her behandler den slags"],
};

/** @type {Record<string, [string, string]>} With which secret a signature was right. */
const SECRETS = {
  current: ["With the secret that is set", "Med den hemmelighed, der er sat"],
  previous: ["With the previous secret, which still counts", "Med den forrige hemmelighed, som endnu gælder"],
  bypass: ["Without a signature: this door is told to ask for none", "Uden underskrift: denne dør skal ikke bede om den"],
};

/**
 * What happened to one, in order, as far as it is stored.
 * @param {Delivery} one
 * @param {Stored[]} [stored] What its own route says beside the list.
 * @returns {Event[]}
 */
export function life(one, stored = []) {
  const found = (/** @type {string} */ what) => stored.find((event) => event.what === what);
  const bytes =
    typeof one.bodyBytes === "number" ? say(`${number(one.bodyBytes)} bytes`, `${number(one.bodyBytes)} byte`) : null;
  const trace = one.correlationId ? say(`trace ${one.correlationId}`, `spor ${one.correlationId}`) : null;
  const came = [bytes, trace].filter(Boolean).join(", ");
  /** @type {Event[]} */
  const events = [
    { mark: icon("empty", "ok"), at: one.receivedAt ?? null, text: say("Received", "Modtaget"), more: came || null },
  ];
  if (one.status === "rejected" || one.status === "admitted") return [...events, ...refusal(one)];
  const signed = one.source ? say(`As ${one.source} signs`, `Som ${one.source} underskriver`) : null;
  const secret = SECRETS[found("verified")?.detail ?? ""];
  const by = secret ? say(...secret) : signed;
  events.push({ mark: icon("shield", "ok"), at: null, text: say("Verified", "Efterprøvet"), more: by });
  events.push({
    mark: icon("lock", "ok"),
    at: null,
    text: say("Claimed", "Taget"),
    more: one.key ? say(`Key ${one.key}`, `Nøgle ${one.key}`) : null,
  });
  // Only the last time that it was queued is kept.
  const queuedAt = found("queued")?.at ?? null;
  const isLater = queuedAt !== null && Date.parse(queuedAt) - Date.parse(one.receivedAt ?? "") > ANSWERED_MS_MAX;
  events.push({
    mark: icon("send", "ok"),
    at: isLater ? null : queuedAt,
    text: say("Enqueued and answered", "Sat i kø og besvaret"),
    more: null,
  });
  const again = { mark: icon("refresh", "ok"), at: queuedAt, text: say("Sent again", "Sendt igen"), more: null };
  const failed = found("failed");
  const known = { ...one, attempts: failed?.times ?? one.attempts, detail: one.detail ?? failed?.detail };
  const failures = failuresOf(known);
  // A dead letter's attempts are those since it was sent last; of others it was they that made it be sent again.
  const middle = isLater ? (one.status === "dead" ? [again, ...failures] : [...failures, again]) : failures;
  return [...events, ...middle, ...effect(known)];
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
        "Headere og indhold, i 14 dage. Intet har fået virkning",
      )
    : say("Without its body. Nothing of it has taken effect", "Uden sit indhold. Intet har fået virkning");
  events.push({ mark: icon("empty", "idle"), at: null, text: say("Kept", "Gemt"), more: kept });
  return events;
}

/** @param {Delivery} one @returns {Event[]} */
function failuresOf(one) {
  const failures = one.attempts ?? 0;
  if (failures === 0) return [];
  const text =
    failures === 1
      ? say("1 attempt failed", "1 forsøg slog fejl")
      : say(`${failures} attempts failed`, `${failures} forsøg slog fejl`);
  return [{ mark: icon("bad", "bad"), at: null, text, more: one.detail ?? null }];
}

/** @param {Delivery} one @returns {Event[]} */
function effect(one) {
  /** @type {Event[]} */
  const events = [];
  if (one.status === "received") {
    const more = say("In the queue, or a dead letter", "I køen eller en død leverance");
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
      text: say("Kept as a dead letter", "Gemt som død leverance"),
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
