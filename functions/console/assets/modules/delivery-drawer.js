// One delivery in the drawer: what became of it, why, and what can be done.

import { decide, letterRoute, mayDecide, planned } from "./delivery-decisions.js";
import { identity } from "./delivery-feed.js";
import { life } from "./delivery-life.js";
import { deliveryStatus, isUnsigned, reasonName, sourceText, subject } from "./delivery-words.js";
import { button, h, icon, replace } from "./dom.js";
import { section } from "./drawer.js";
import { dateTime, number, say } from "./language.js";
import { blank, callout, copied, fact, toast } from "./messages.js";
import { timeline } from "./timeline.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {import("./session.js").Who} Who */
/**
 * @typedef {{
 *   newer: (() => void) | null, older: (() => void) | null, who: Who | null,
 *   drop: (one: Delivery) => void, decided: (one: Delivery) => void,
 * }} Around
 */

/** @typedef {import("./delivery-decisions.js").Result} Result */

/** What deciding on one came to that did not succeed, until another is looked at. @type {Map<string, Result>} */
const refusals = new Map();

/** What to do about it, by its code. @type {Record<string, [string, string]>} */
const HELP = {
  bad_signature: [
    "Compare the secret and the scheme on both sides. Once they are right here, verify it again.",
    "Sammenlign hemmelighed og metode på begge sider. Når de er rigtige her, så efterprøv den igen.",
  ],
  no_secret: [
    "Set the sender's secret here, then verify it again.",
    "Sæt afsenderens hemmelighed her, og efterprøv den igen.",
  ],
  too_large: [
    "Its body was not kept, so it cannot be let in. Ask the sender for smaller ones.",
    "Dens indhold blev ikke gemt, så den kan ikke lukkes ind. Bed afsenderen om mindre.",
  ],
  unknown_sender: [
    "Nobody of that name has a connection here. Make one, or stop the sender; then verify it again.",
    "Ingen med det navn har en forbindelse her. Opret en, eller stands afsenderen; efterprøv den så igen.",
  ],
  bad_body: [
    "The text above names the field. The sender has to mend it.",
    "Teksten ovenfor nævner feltet. Afsenderen må rette det.",
  ],
  conflict: [
    "The first one counts, and this one is kept. Ask the sender which one is meant.",
    "Den første gælder, og denne er gemt. Spørg afsenderen, hvilken der menes.",
  ],
  same_body: [
    "The sender was told of a duplicate. If it is an event of its own, verify it again.",
    "Afsenderen fik at vide, at den var kendt. Er den en hændelse for sig, så efterprøv den igen.",
  ],
};

/** @type {[string, string]} No secret makes up for a signature that is not there. */
const UNSIGNED_HELP = [
  "Nothing was signed, so there is nothing to compare. If it is the sender's, have the sender sign what it sends.",
  "Intet var underskrevet, så der er intet at sammenligne. Er den afsenderens, må afsenderen underskrive, hvad den sender.",
];

/** What to do about it. @param {Delivery} one */
function reasonHelp(one) {
  if (isUnsigned(one)) return say(...UNSIGNED_HELP);
  return one.reason && HELP[one.reason] ? say(...HELP[one.reason]) : null;
}

/** @param {Delivery} one @param {Around} around @returns {import("./drawer.js").Content} */
export function deliveryDrawer(one, around) {
  const tool = (
    /** @type {string} */ text,
    /** @type {"left" | "right" | "link"} */ mark,
    /** @type {(() => void) | null} */ go,
  ) =>
    button(text, { icon: mark, iconOnly: true, kind: "quiet small", disabled: go === null, onclick: go ?? undefined });
  const told = h("div", { role: "status" });
  const story = h("div", {}, timeline(life(one)));
  replace(told, why(one, refusals.get(identity(one))));
  return {
    title: subject(one),
    summary: [
      deliveryStatus(one, true),
      h(
        "span",
        { class: "ink-2" },
        [sourceText(one), one.tenant, dateTime(one.receivedAt ?? one.recordedAt)].filter(Boolean).join(" · "),
      ),
    ],
    tools: [
      tool(say("Newer", "Nyere"), "left", around.newer),
      tool(say("Older", "Ældre"), "right", around.older),
      tool(say("Copy link", "Kopiér link"), "link", () => copied(location.href)),
    ],
    body: [told, section(say("Life", "Forløb"), story), kept(one, story), facts(one)],
    foot: foot(one, around, told),
  };
}

/** In place of one that is in no list. @param {() => void} search @returns {import("./drawer.js").Content} */
export const missingDrawer = (search) => ({
  title: say("Delivery", "Leverance"),
  body: blank(
    say("It is not in this list", "Den er ikke på denne liste"),
    say("It was decided on, or came at another time.", "Den er afgjort eller kom på et andet tidspunkt."),
    { actions: [button(say("Search 90 days", "Søg i 90 dage"), { onclick: search })] },
  ),
});

/** Why it is where it is, or stayed there when it was decided on. @param {Delivery} one @param {Result} [refusal] */
function why(one, refusal) {
  if (refusal) {
    // What was found out says more than what is usually the matter.
    const found = (refusal.findings ?? []).map(({ code, text }) => [h("code", { class: "font-mono" }, code), `: ${text}`]);
    const more = found.length > 0 ? found : [reasonHelp(one)].filter(Boolean);
    return callout("bad", say("It was not done", "Det blev ikke gjort"), [refusal.text, more.map((line) => [h("br"), line])]);
  }
  if (one.status === "dead") {
    const title = one.detail ? sentence(one.detail) : say("It could not be applied", "Den kunne ikke anvendes");
    const help = one.key
      ? say(
          "Once that is mended, send it again: its effect comes once.",
          "Når det er rettet, så send den igen: virkningen kommer én gang.",
        )
      : say(
          "Its label cannot be read, so it can only be dropped.",
          "Dens mærkat kan ikke læses, så den kan kun smides ud.",
        );
    return callout("held", title, help, { icon: "dead" });
  }
  if (one.status === "rejected") {
    return callout("bad", reasonName(one) ?? say("Refused", "Afvist"), [
      one.detail && sentence(one.detail),
      one.detail && h("br"),
      reasonHelp(one),
    ]);
  }
  if (one.status === "received") {
    const text = say("If it stays here, look for it among the dead ones.", "Bliver den her, så led blandt de døde.");
    return callout("run", say("It has not had its effect yet", "Den har ikke fået sin virkning endnu"), text);
  }
  return null;
}

/**
 * Headers and body, with the module that shows them. What its route says beside them completes its story.
 * @param {Delivery} one
 * @param {HTMLElement} story
 */
function kept(one, story) {
  const element = h("div", { class: "kept" });
  const tell = (/** @type {import("./delivery-life.js").Stored[]} */ stored) => replace(story, timeline(life(one, stored)));
  import("./delivery-kept.js").then(({ showKept }) => showKept(element, one, tell));
  return element;
}

/** @param {string} text */
function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** @param {Delivery} one */
function facts(one) {
  const mono = (/** @type {string} */ text) => h("span", { class: "font-mono" }, text);
  const trace = one.correlationId ?? null;
  const copy =
    trace &&
    button(say("Copy trace", "Kopiér spor"), {
      icon: "copy",
      iconOnly: true,
      kind: "quiet small",
      onclick: () => copied(trace),
    });
  return section(
    say("Facts", "Fakta"),
    h(
      "dl",
      { class: "facts" },
      fact(say("Key", "Nøgle"), one.key ? mono(one.key) : "—"),
      fact(say("Trace", "Spor"), trace ? h("span", { class: "flex gap-1" }, mono(trace), copy) : "—"),
      typeof one.bodyBytes === "number" &&
        fact(
          say("Body", "Indhold"),
          say(`${number(one.bodyBytes)} bytes`, `${number(one.bodyBytes)} byte`),
          one.hasBody ? "" : say(", not kept", ", ikke gemt"),
        ),
      one.bodyHash && fact("SHA-256", mono(one.bodyHash)),
      one.reason && fact(say("Code", "Kode"), mono(one.reason)),
      fact("Id", mono(one.id)),
    ),
  );
}

/** @param {Delivery} one @param {Around} around @param {HTMLElement} told */
function foot(one, around, told) {
  const { plan, why: reason } = planned("again", one, around.who);
  if (one.status !== "dead" && one.status !== "rejected") return null;
  if (!mayDecide(around.who)) {
    return h(
      "p",
      { class: "note" },
      say("Deciding on it takes the scope ", "At beslutte kræver rettigheden "),
      h("code", { class: "font-mono" }, "deliveries:write"),
    );
  }
  const act = plan === "requeue" || plan === "verify" ? plan : null;
  const name = act === "verify" ? say("Verify again", "Efterprøv igen") : say("Send again", "Send igen");
  const go =
    act && button(name, { icon: act === "verify" ? "shield" : "refresh", kind: "primary", onclick: () => run(act) });
  const curl =
    act &&
    button(say("Copy the call", "Kopiér kaldet"), {
      icon: "copy",
      title: say(`Copy what “${name}” does, for a terminal`, `Kopiér, hvad »${name}« gør, til en terminal`),
      onclick: () => copied(asCurl(act, one)),
    });
  const drop =
    one.status === "dead" &&
    button(say("Drop…", "Smid ud…"), { icon: "drop", kind: "danger ml-auto", onclick: () => around.drop(one) });

  const run = async (/** @type {"requeue" | "verify"} */ plan) => {
    if (!go) return;
    go.disabled = true;
    go.querySelector("svg")?.replaceWith(icon("run"));
    const result = await decide(plan, one);
    go.disabled = false;
    go.querySelector("svg")?.replaceWith(icon(plan === "verify" ? "shield" : "refresh"));
    if (result.outcome === "failed") {
      refusals.clear();
      refusals.set(identity(one), result);
      replace(told, why(one, result));
      return;
    }
    refusals.clear();
    toast("ok", result.text, one.key ?? undefined);
    around.decided(one);
  };
  return [go, curl, !act && h("p", { class: "note grow" }, reason), drop];
}

/** The same from a terminal, with a token of one's own. @param {"requeue" | "verify"} plan @param {Delivery} one */
function asCurl(plan, one) {
  const head = `curl -X POST -H "authorization: Bearer $TOKEN"`;
  if (plan === "requeue") return `${head} '${location.origin}${letterRoute(one, "/requeue")}'`;
  const body = JSON.stringify({ id: one.id }).replaceAll("'", "'\\''");
  return `${head} -H 'content-type: application/json' -d '${body}' '${location.origin}/api/admin/deliveries/verify'`;
}
