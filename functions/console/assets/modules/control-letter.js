// A row that was set aside, as it could not be taken: applying it, and the newest of them beside how a connection does.

import { asError } from "./api.js";
import { controlCard, whenOther } from "./control-card.js";
import { toldBy } from "./control-api.js";
import { button, h, icon, replace } from "./dom.js";
import { number, say } from "./language.js";
import { toast } from "./messages.js";
import { momentText, readable } from "./moment.js";

/** @typedef {import("./control-words.js").Letter} Letter */
/** @typedef {import("./control-api.js").Control} Control */

const TOP = 10;

/** @param {Letter} one */
export const nameOf = (one) => one.key || say("without an id", "uden id");

/** @param {string} id Of one, or what is done to all. @param {string} [deed] */
export const letterPath = (id, deed = "") => `/api/admin/sync/dlq/${encodeURIComponent(id)}${deed}`;

/** Applies one. @param {Control} control @param {Letter} one @param {() => void} then */
export async function requeue(control, one, then) {
  try {
    const { changedSince } = await control.send(letterPath(one.id, "/requeue"));
    toast("ok", say(`${nameOf(one)} is applied`, `${nameOf(one)} er anvendt`), changedSince ? say("The vendor has another row by now: that one.", "Leverandøren har nu en anden række: den.") : "");
  } catch (thrown) {
    toast("bad", say(`${nameOf(one)} stays`, `${nameOf(one)} bliver`), toldBy(asError(thrown)));
  }
  then();
}

/** @param {Control} control @param {Letter} one @param {() => void} then */
export function requeueButton(control, one, then) {
  const label = say(`Requeue ${nameOf(one)}`, `Prøv ${nameOf(one)} igen`);
  const press = button(label, { icon: "refresh", iconOnly: true, kind: "quiet small", "data-testid": `button-requeue-${one.id}` });
  press.addEventListener("click", async () => {
    press.disabled = true;
    press.querySelector("svg")?.replaceWith(icon("run"));
    await requeue(control, one, then);
    // Where it stays, so does its line.
    press.disabled = false;
    press.querySelector("svg")?.replaceWith(icon("refresh"));
  });
  return press;
}

/** The newest ones, beside how a connection does. @param {Control} control @param {{ changed: () => void, all: () => void }} then */
export function topLetters(control, then) {
  const card = controlCard("DLQ", "top-letters");
  const more = button(say("See all", "Se alle"), { kind: "quiet small", onclick: then.all });
  return {
    element: card.element,
    show: whenOther((/** @type {Letter[]} */ items, /** @type {number} */ total, /** @type {boolean} */ isMore) => {
      replace(card.beside, h("span", { class: "note" }, `${number(total)}${isMore ? "+" : ""}`), total > 0 && more);
      if (items.length === 0) return replace(card.body, h("p", { class: "ink-3" }, say("No row was set aside.", "Ingen række er lagt til side.")));
      const line = (/** @type {Letter} */ one) =>
        h(
          "li",
          {},
          h("span", { class: "grow two" }, h("span", { class: "font-mono" }, nameOf(one)), h("span", { class: "note", title: readable(one.reason) }, `${one.entity}: ${readable(one.reason)}`)),
          h("span", { class: "note" }, one.createdAt && momentText(one.createdAt, true)),
          requeueButton(control, one, then.changed),
        );
      replace(card.body, h("ul", { class: "lines" }, items.slice(0, TOP).map(line)));
    }),
  };
}
