// What is kept of a delivery: headers and body, as its sender sent them but for what is masked.

import { asError, ask } from "./api.js";
import { identity } from "./delivery-feed.js";
import { button, h, replace } from "./dom.js";
import { section } from "./drawer.js";
import { number, say } from "./language.js";
import { callout, copied, fact } from "./messages.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {import("./delivery-life.js").Stored} Stored */
/** @typedef {{ name: string, value: string, masked?: boolean }} Header */
/** @typedef {{ text?: string | null, base64?: string | null, bytes?: number | null, cut?: boolean, masked?: boolean }} Body */
/** @typedef {{ headers: Header[], body: Body | null, path: string | null, withheld: boolean, life: Stored[] }} Kept */

/** What is longer is shown from its beginning. */
const SHOWN_MAX = 64 * 1024;
/** As much is coloured: each colour is an element. */
const COLOURED_MAX = 8 * 1024;

/** @param {Delivery} one @returns {Promise<Kept>} */
async function fetchKept(one) {
  const query = new URLSearchParams({ status: one.status, tenant: one.tenant });
  if (one.source) query.set("source", one.source);
  const answer = await ask(`/api/admin/deliveries/${encodeURIComponent(one.id)}?${query}`);
  const { headers = [], body = null, path = null, withheld = false, life = [] } = answer;
  return { headers, body, path, withheld, life };
}

/**
 * One that is on no page of the list; null where there is none, or not any more.
 * @param {string} identity As addresses have it.
 * @param {string} tenant
 * @returns {Promise<Delivery | null>}
 */
export async function fetchOne(identity, tenant) {
  const end = identity.indexOf(":");
  const query = new URLSearchParams({ status: identity.slice(0, end) });
  if (tenant) query.set("tenant", tenant);
  try {
    const answer = await ask(`/api/admin/deliveries/${encodeURIComponent(identity.slice(end + 1))}?${query}`);
    return answer.delivery ?? null;
  } catch (thrown) {
    if (asError(thrown).status === 404) return null;
    throw thrown;
  }
}

/** The one that was looked at last. @type {{ of: string, kept: Kept } | null} */
let last = null;

/**
 * Fills a part of the drawer.
 * @param {HTMLElement} element
 * @param {Delivery} one
 * @param {(life: Stored[]) => void} tell What is stored of its life.
 */
export function showKept(element, one, tell) {
  const of = identity(one);
  const load = async () => {
    try {
      if (last?.of !== of) last = { of, kept: await fetchKept(one) };
      replace(element, shown(one, last.kept));
      tell(last.kept.life);
    } catch (thrown) {
      const error = asError(thrown);
      // One that has not had its effect has no route of its own.
      if (error.status === 404) return replace(element);
      const again = button(say("Try again", "Prøv igen"), { kind: "small", onclick: load });
      replace(
        element,
        callout(
          "idle",
          say("Headers and body could not be fetched", "Headere og indhold kunne ikke hentes"),
          error.details.join(" "),
          { icon: "clock", actions: [again] },
        ),
      );
    }
  };
  load();
}

/** @param {Delivery} one @param {Kept} kept */
function shown(one, kept) {
  const text = kept.body?.text ?? null;
  const parsed = text === null || kept.body?.cut ? null : pretty(text);
  const view = h("div");
  /** @type {[string, string, () => HTMLElement][]} */
  const views = [];
  if (parsed !== null) views.push(["parsed", say("Parsed", "Læst"), () => code(parsed, true)]);
  if (kept.body) views.push(["raw", say("Raw", "Rå"), () => code(text ?? kept.body?.base64 ?? "", false)]);
  if (kept.headers.length > 0)
    views.push([
      "headers",
      say(`Headers ${kept.headers.length}`, `Headere ${kept.headers.length}`),
      () => headerList(kept.headers),
    ]);
  const title = say("Headers and body", "Headere og indhold");
  if (kept.withheld) {
    const scope = h("code", { class: "font-mono" }, "deliveries:read");
    return section(title, h("p", { class: "note" }, say("To see them takes the scope ", "At se dem kræver rettigheden "), scope, "."));
  }
  const missing = notKept(one, kept);
  if (views.length === 0) return section(title, h("p", { class: "note" }, missing));
  const choice = h("div", {
    class: "segmented",
    role: "group",
    "aria-label": say("Headers and body", "Headere og indhold"),
  });
  const choose = (/** @type {string} */ name) => {
    for (const one of choice.children) one.setAttribute("aria-pressed", String(one.getAttribute("data-view") === name));
    replace(view, views.find(([one]) => one === name)?.[2]());
  };
  replace(
    choice,
    views.map(([name, title]) =>
      h("button", { type: "button", "data-view": name, onclick: () => choose(name) }, title),
    ),
  );
  choose(views[0][0]);
  const isCut = kept.body?.cut === true;
  // Of a body that is masked the copy would be another one.
  const canSend = kept.body !== null && !isCut && !kept.body.masked;
  const curl =
    canSend &&
    button(say("Copy as curl", "Kopiér som curl"), {
      icon: "copy",
      kind: "quiet small ml-auto",
      title: signsAnew(one)
        ? say("Signs it anew with $SECRET, and sends it where its sender did", "Underskriver den igen med $SECRET og sender den, hvor afsenderen gjorde")
        : say("Sends it where its sender did, without what is masked", "Sender den, hvor afsenderen gjorde, uden det skjulte"),
      onclick: () => copied(asCurl(one, kept)),
    });
  const cut =
    isCut &&
    h(
      "p",
      { class: "note" },
      say(`The beginning of ${number(kept.body?.bytes)} bytes`, `Begyndelsen af ${number(kept.body?.bytes)} byte`),
    );
  const isMasked = kept.body?.masked || kept.headers.some(({ masked }) => masked);
  const masked = isMasked && say("What may be a secret is masked: signatures are shortened, credentials are ***.", "Hvad der kan være en hemmelighed, er skjult: underskrifter er forkortet, adgangsoplysninger er ***.");
  return section(
    title,
    h("div", { class: "flex gap-2" }, choice, curl),
    view,
    cut,
    (masked || missing) && h("p", { class: "note" }, [masked, missing].filter(Boolean).join(" ")),
    curl && h("p", { class: "note" }, copyNote(one, kept)),
  );
}

/** What is not shown as it is not there; null where all is. @param {Delivery} one @param {Kept} kept */
function notKept(one, kept) {
  const refused = one.status === "rejected" || one.status === "admitted";
  if (refused && !kept.body) return say("Its body was not kept.", "Dens indhold blev ikke gemt.");
  if (refused) return null;
  if (kept.body) return say("Headers are kept of refused ones alone.", "Headere gemmes kun af afviste.");
  return say(
    "Neither was kept: of an event that replaced a version its label alone, and headers of refused ones alone.",
    "Ingen af dem blev gemt: af en hændelse, der erstattede en version, kun dens mærkat, og headere kun af afviste.",
  );
}

/** As JSON with a member a line; null if it is none. @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

/** @param {string} text @param {boolean} isJson */
function code(text, isJson) {
  const from = text.slice(0, SHOWN_MAX);
  const begun = from.length < text.length ? "\n…" : "";
  const coloured = isJson && from.length <= COLOURED_MAX ? colours(from) : from;
  return h(
    "pre",
    { class: "code", tabindex: "0", role: "group", "aria-label": say("Body", "Indhold") },
    coloured,
    begun,
  );
}

/** Names and texts of JSON, told apart. @param {string} text */
function colours(text) {
  return text.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?)/).map((part) => {
    if (!part.startsWith('"')) return part;
    return h("span", { class: part.endsWith(":") ? "json-name" : "json-text" }, part);
  });
}

/** @param {Header[]} headers */
function headerList(headers) {
  const mono = (/** @type {string} */ text) => h("span", { class: "font-mono" }, text);
  return h(
    "dl",
    { class: "facts header-list" },
    headers.map(({ name, value, masked }) => fact(name, mono(value), masked && h("span", { class: "note" }, say(" masked", " skjult")))),
  );
}

/** Where its sender sent it. @param {Delivery} one @param {Kept} kept */
function door(one, kept) {
  if (kept.path) return kept.path;
  if (one.provider === "pos") return `/pos/${one.connection}/ingest`;
  return one.provider === "trackstar" ? "/api/webhooks/trackstar" : `/webhooks/${one.provider}/${one.connection}`;
}

/** Points of sale sign the body, which a terminal can do as well. @param {Delivery} one */
const signsAnew = (one) => one.provider === "pos";

/** What a copy lacks, as it is not kept or not shown. @param {Delivery} one @param {Kept} kept */
function copyNote(one, kept) {
  if (signsAnew(one))
    return say(
      "The copy for curl signs the body anew: set SECRET to the secret of this source first.",
      "Kopien til curl underskriver indholdet igen: sæt først SECRET til kildens hemmelighed.",
    );
  const names = kept.headers.filter(({ masked }) => masked).map(({ name }) => name);
  return names.length > 0
    ? say(
        `The copy for curl is without ${names.join(", ")}: put that in again, or it is refused.`,
        `Kopien til curl er uden ${names.join(", ")}: sæt det ind igen, ellers afvises den.`,
      )
    : say(
        "The copy for curl has the headers that are shown alone: without the sender's signature it is refused.",
        "Kopien til curl har kun de viste headere: uden afsenderens underskrift afvises den.",
      );
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The headers that a copy can have, and those that name it where none are kept. @param {Delivery} one @param {Kept} kept */
function headersOf(one, kept) {
  const shown = kept.headers.filter(({ masked }) => !masked);
  if (!signsAnew(one)) return shown;
  const others = shown.filter(({ name }) => !["x-webhook-signature", "x-signature"].includes(name));
  const has = (/** @type {string} */ wanted) => others.some(({ name }) => name === wanted);
  const given = one.key?.startsWith("key:") ? one.key.slice(4) : null;
  const named = [
    { name: "x-tenant-id", value: one.tenant },
    { name: "idempotency-key", value: given ?? "" },
  ];
  return [...others, ...named.filter(({ name, value }) => value && !has(name))];
}

/** @param {Delivery} one @param {Kept} kept */
function asCurl(one, kept) {
  const { text, base64 } = kept.body ?? {};
  const whole = typeof text === "string" ? `printf %s ${quoted(text)}` : `printf %s ${quoted(base64 ?? "")} | base64 -d`;
  const signature = `-H "x-webhook-signature: $(${whole} | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* //')"`;
  const lines = [
    `curl -X POST ${quoted(location.origin + door(one, kept))}`,
    ...headersOf(one, kept).map(({ name, value }) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(signsAnew(one) ? [signature] : []),
  ];
  // Raw, as curl would send the file that a body with an `@` before it names.
  if (typeof text === "string") return [...lines, `--data-raw ${quoted(text)}`].join(" \\\n  ");
  return `${whole} | ${[...lines, "--data-binary @-"].join(" \\\n  ")}`;
}
