// Deciding on many: first what would happen, then a button that carries the count, then a result for each.

import { asError, ofTenant } from "./api.js";
import { decide, planned, previewed } from "./delivery-decisions.js";
import { identity } from "./delivery-feed.js";
import { shortKey, sourceText } from "./delivery-words.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, replace, s } from "./dom.js";
import { number, say } from "./language.js";
import { callout, toast } from "./messages.js";
import { onRecord, outcomeFigures, outcomeMark, outcomeTable } from "./outcomes.js";
import { status } from "./status.js";
import { typedCount } from "./typed-count.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {import("./delivery-decisions.js").Decision} Decision */
/** @typedef {import("./delivery-decisions.js").Plan} Plan */
/** @typedef {import("./session.js").Who} Who */
/** @typedef {{ one: Delivery, plan: Plan, why: string, cell: HTMLElement }} Line */

/** Above so many a person types how many they mean. */
const UNTYPED_MAX = 100;
/** So many reasons why nothing can be done. */
const REASONS_MAX = 3;
/** After so many failures in a row something else is wrong. */
const FAILURES_MAX = 3;

/** @type {Record<Plan, import("./outcomes.js").Outcome>} */
const PLANS = {
  requeue: {
    tone: "ok",
    mark: "plus",
    name: ["Will be sent again", "Sendes igen"],
    more: ["Its effect comes once, as ever", "Virkningen kommer én gang, som altid"],
  },
  verify: {
    tone: "run",
    mark: "shield",
    name: ["Will be verified again", "Efterprøves igen"],
    more: ["Let in if its signature is right now", "Lukkes ind, hvis signaturen nu passer"],
  },
  drop: {
    tone: "bad",
    mark: "drop",
    name: ["Will be dropped", "Smides ud"],
    more: ["Forgotten with its body, for good", "Glemmes med sit indhold, for altid"],
  },
  nothing: {
    tone: "idle",
    mark: "duplicate",
    name: ["Will be left out", "Udelades"],
    more: ["There is nothing to do", "Der er intet at gøre"],
  },
  cannot: {
    tone: "warn",
    mark: "warn",
    name: ["Not possible", "Ikke muligt"],
    more: ["Stays where it is, with the reason", "Bliver, hvor den er, med grunden"],
  },
};

/** @type {Plan[]} */
const ORDER = ["requeue", "verify", "drop", "cannot", "nothing"];

/** @param {Plan} plan */
const acts = (plan) => plan === "requeue" || plan === "verify" || plan === "drop";

/**
 * @param {Decision} decision
 * @param {Delivery[]} items
 * @param {{ who: Who | null, done: () => void }} options `done`: at least one was decided on.
 */
export async function openDecision(decision, items, options) {
  const plans = items.map((one) => ({ one, ...planned(decision, one, options.who) }));
  if (!plans.some(({ plan }) => acts(plan))) {
    const none = decision === "drop" ? say("None can be dropped", "Ingen kan smides ud") : say("None can be sent again", "Ingen kan sendes igen");
    return toast("idle", none, [...new Set(plans.map(({ why }) => why))].slice(0, REASONS_MAX).join(". "));
  }
  const letters = plans.filter(({ plan }) => plan === "requeue").map(({ one }) => one);
  /** @type {string | null} */
  let blind = null;
  const found = await previewed(letters).catch((thrown) => {
    blind = asError(thrown).details.join(" ");
    return new Map();
  });
  const lines = plans
    .map((line) => ({ ...line, ...(line.plan === "requeue" && found.get(line.one.id)), cell: h("span") }))
    .sort((left, right) => ORDER.indexOf(left.plan) - ORDER.indexOf(right.plan));
  for (const line of lines) replace(line.cell, outcomeMark(PLANS[/** @type {Plan} */ (line.plan)]));
  const wanted = lines.filter((line) => acts(line.plan));
  const isDrop = decision === "drop";
  const count = number(wanted.length);
  const those =
    items.length === 1
      ? say("1 delivery", "1 leverance")
      : say(`${number(items.length)} deliveries`, `${number(items.length)} leverancer`);
  // What a refused one comes to is another word than what a dead letter does.
  const isVerify = !isDrop && plans.every(({ plan }) => plan !== "requeue");
  const named = (/** @type {string} */ what) => {
    if (isDrop) return say(`Drop ${what}`, `Smid ${what} ud`);
    return isVerify ? say(`Verify ${what} again`, `Efterprøv ${what} igen`) : say(`Send ${what} again`, `Send ${what} igen`);
  };

  const go = button(
    named(count),
    {
      kind: isDrop ? "danger" : "primary",
      disabled: wanted.length === 0 || (isDrop && wanted.length > UNTYPED_MAX),
      onclick: () => run(),
    },
  );
  const cancel = button(say("Cancel", "Annullér"), { onclick: () => dialog.close() });
  const progress = h("p", { class: "note grow", role: "status" }, foot());
  const intro = h(
    "p",
    { class: "ink-2" },
    say("This is what would happen. Nothing has been done yet.", "Dette ville ske. Intet er gjort endnu."),
  );
  const typed = isDrop && wanted.length > UNTYPED_MAX ? typedCount(wanted.length, (right) => (go.disabled = !right)) : null;
  const dialog = openDialog(named(those), {
    body: [intro, blind && unseen(blind), split(lines), table(lines), typed],
    foot: [progress, cancel, go],
    closed,
  });
  dialog.classList.add("wide");
  (wanted.length > 0 && !isDrop ? go : cancel).focus();

  let stopped = false;
  let decided = 0;

  function closed() {
    stopped = true;
    if (decided > 0) options.done();
  }

  function foot() {
    const again = isDrop ? "" : say("Doing it again does nothing twice.", "At gøre det igen gør intet dobbelt.");
    return again + onRecord(options.who);
  }

  async function run() {
    let [failed, inARow] = [0, 0];
    go.disabled = true;
    go.prepend(icon("run"));
    replace(cancel, say("Stop", "Stands"));
    replace(
      intro,
      say("One after the other; it can be stopped at any time.", "En efter en; det kan standses når som helst."),
    );
    for (const [index, line] of wanted.entries()) {
      if (stopped || inARow >= FAILURES_MAX) break;
      replace(progress, say(`${number(index + 1)} of ${count}`, `${number(index + 1)} af ${count}`));
      replace(line.cell, status("run", say("Under way", "I gang")));
      const result = await decide(line.plan, line.one);
      const tone = result.outcome === "failed" ? "bad" : result.outcome === "duplicate" ? "idle" : "ok";
      const found = (result.findings ?? []).map(({ text }) => text);
      const text = [result.text, ...found].join("; ");
      replace(line.cell, status(tone, text, result.outcome === "duplicate" ? { icon: "duplicate" } : {}));
      if (result.outcome === "failed") [failed, inARow] = [failed + 1, inARow + 1];
      else [decided, inARow] = [decided + 1, 0];
    }
    finish(failed, inARow >= FAILURES_MAX);
  }

  /** @param {number} failed @param {boolean} gaveUp */
  function finish(failed, gaveUp) {
    const left = wanted.length - decided - failed;
    const text = [
      isDrop
        ? say(`${number(decided)} dropped`, `${number(decided)} smidt ud`)
        : isVerify
          ? say(`${number(decided)} let in`, `${number(decided)} lukket ind`)
          : say(`${number(decided)} sent again or let in`, `${number(decided)} sendt igen eller lukket ind`),
      failed > 0 && say(`${number(failed)} failed`, `${number(failed)} slog fejl`),
      left > 0 && say(`${number(left)} not begun`, `${number(left)} ikke begyndt`),
    ]
      .filter(Boolean)
      .join(", ");
    const why = gaveUp && left > 0
      ? say(`. Stopped after ${FAILURES_MAX} failures in a row.`, `. Standset efter ${FAILURES_MAX} fejl i træk.`)
      : "";
    replace(progress, text + why);
    replace(intro, say("What came of each.", "Hvad der blev af hver."));
    go.remove();
    replace(cancel, say("Close", "Luk"));
    cancel.focus();
    if (!dialog.open) toast(failed > 0 ? "warn" : "ok", text);
  }
}

/** @param {string} why */
function unseen(why) {
  const title = say("Whether each would succeed now could not be found out", "Om hver ville lykkes nu, kunne ikke findes ud af");
  return callout("warn", title, why);
}

/** How many of each, as a bar and as figures. @param {Line[]} lines */
function split(lines) {
  const counts = ORDER.map((plan) => ({ plan, count: lines.filter((line) => line.plan === plan).length })).filter(
    ({ count }) => count > 0,
  );
  let x = 0;
  const pieces = counts.map(({ plan, count }) => {
    const width = (count / lines.length) * 100;
    const piece = s("rect", { class: `fill-${PLANS[plan].tone}`, x, width: Math.max(0, width - 0.5), height: 6 });
    x += width;
    return piece;
  });
  const bar = s(
    "svg",
    { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    pieces,
  );
  return h("div", { class: "grid gap-3" }, bar, outcomeFigures(counts.map(({ plan, count }) => [PLANS[plan], count])));
}

/** Where it is shown by itself. A refused one is in no tenant's list. @param {Delivery} one */
function place(one) {
  const open = `/deliveries?open=${encodeURIComponent(identity(one))}`;
  return one.status === "rejected" || one.status === "admitted" ? open : ofTenant(open, one.tenant);
}

/** @param {Line[]} lines */
function table(lines) {
  const row = (/** @type {Line} */ line) =>
    h(
      "tr",
      {},
      h(
        "td",
        {},
        h(
          "a",
          {
            class: "link font-mono",
            href: place(line.one),
            target: "_blank",
            title: line.one.key ?? line.one.id,
          },
          shortKey(line.one.key ?? line.one.id),
        ),
      ),
      h("td", { class: "ink-2" }, sourceText(line.one) ?? "—"),
      h("td", { class: "result" }, line.cell),
      h("td", { class: "why", title: line.why }, line.why),
    );
  return outcomeTable(
    say("What would happen to each", "Hvad der ville ske med hver"),
    [
      [say("Key", "Nøgle"), "key"],
      [say("Source", "Kilde"), "source"],
      [say("Outcome", "Udfald"), "result"],
      [say("Why it lies here", "Hvorfor den ligger her"), "why"],
    ],
    lines.map(row),
  );
}
