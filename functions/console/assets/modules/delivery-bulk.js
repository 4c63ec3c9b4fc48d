// What is done to many deliveries at once: those that are chosen, or all that the filters take.

import { asError } from "./api.js";
import { openDecision } from "./decide-dialog.js";
import { mayDecide, planned } from "./delivery-decisions.js";
import { feed } from "./delivery-feed.js";
import { button, h, icon, replace } from "./dom.js";
import { number, say } from "./language.js";
import { toast } from "./messages.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {import("./session.js").Who} Who */

/** As many as one decision is about: one call decides on one. */
export const ALL_MAX = 1_000;

/**
 * All that the filters take, the newest first, and whether there are more.
 * @param {import("./delivery-feed.js").Wanted} wanted
 */
async function everything(wanted) {
  const list = feed(wanted);
  /** @type {Delivery[]} */
  const items = [];
  for (let more = true; more && items.length <= ALL_MAX; ) {
    const page = await list.older(ALL_MAX + 1 - items.length);
    items.push(...page.items);
    more = page.more;
  }
  return { items: items.slice(0, ALL_MAX), more: items.length > ALL_MAX };
}

/**
 * The bar that floats over the list.
 * @param {HTMLElement} bar
 * @param {{
 *   items: Delivery[], wanted: import("./delivery-feed.js").Wanted | null, who: Who | null, clear: () => void,
 *   done: () => void,
 * }} options `wanted`: where all that are shown are chosen, and there are more.
 */
export function drawBulk(bar, options) {
  const { items, wanted, who, clear, done } = options;
  const count = (/** @type {string} */ status) => items.filter((one) => one.status === status).length;
  const split = [
    ["rejected", say("rejected", "afvist"), say("rejected", "afviste")],
    ["dead", say("dead", "død"), say("dead", "døde")],
    ["processed", say("processed", "behandlet"), say("processed", "behandlede")],
    ["admitted", say("let in", "lukket ind"), say("let in", "lukket ind")],
  ]
    .filter(([status]) => count(status) > 0)
    .map(([status, one, many]) => `${number(count(status))} ${count(status) === 1 ? one : many}`)
    .join(", ");
  const plans = new Set(items.map((one) => planned("again", one, who).plan));
  const again = plans.has("requeue")
    ? say("Send again…", "Send igen…")
    : plans.has("verify")
      ? say("Verify again…", "Efterprøv igen…")
      : null;
  const start = (/** @type {"again" | "drop"} */ decision) => () => openDecision(decision, items, { who, done });
  const all = async (/** @type {Event} */ event) => {
    const pressed = /** @type {HTMLButtonElement} */ (event.currentTarget);
    pressed.disabled = true;
    pressed.prepend(icon("run"));
    try {
      const found = await everything(/** @type {import("./delivery-feed.js").Wanted} */ (wanted));
      if (!bar.contains(pressed)) return;
      drawBulk(bar, { ...options, items: found.items, wanted: null });
      bar.querySelector("button")?.focus();
      const text = say(`Only the newest ${number(ALL_MAX)} are selected`, `Kun de nyeste ${number(ALL_MAX)} er valgt`);
      if (found.more) toast("warn", text, say("Decide on them, then select again.", "Beslut om dem, og vælg så igen."));
    } catch (thrown) {
      toast("bad", say("The others could not be fetched", "De andre kunne ikke hentes"), asError(thrown).details.join(" "));
      pressed.disabled = false;
      pressed.querySelector("svg")?.remove();
    }
  };
  replace(
    bar,
    h(
      "p",
      {},
      h("b", {}, say(`${number(items.length)} selected`, `${number(items.length)} valgt`)),
      " ",
      h("span", { class: "ink-3" }, split),
    ),
    wanted && button(say("Select all that match", "Vælg alle, der passer"), { kind: "quiet", onclick: all }),
    mayDecide(who) &&
      again &&
      button(again, { icon: plans.has("requeue") ? "refresh" : "shield", kind: "quiet", onclick: start("again") }),
    mayDecide(who) &&
      count("dead") > 0 &&
      button(say("Drop…", "Smid ud…"), { icon: "drop", kind: "quiet danger", onclick: start("drop") }),
    button(say("Clear the selection", "Ryd valget"), { icon: "close", iconOnly: true, kind: "quiet", onclick: clear }),
  );
}
