// What is said in place of data, above it, or beside it.

import { button, h, icon } from "./dom.js";
import { clock, say } from "./language.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./dom.js").IconName} IconName */
/** @typedef {import("./status.js").Tone} Tone */
/** @typedef {import("./api.js").ApiError} ApiError */

/**
 * A message in the page: a bold sentence, one line, at most two buttons.
 * @param {Tone} tone
 * @param {string} title
 * @param {Child} [text]
 * @param {{ actions?: HTMLElement[], icon?: IconName, role?: string }} [options]
 */
export function callout(tone, title, text, options = {}) {
  const body = h("div", {}, h("b", {}, title), text && h("p", {}, text));
  const actions = options.actions?.length ? h("div", { class: "actions" }, options.actions) : null;
  return h("div", { class: `callout ${tone}`, role: options.role }, icon(options.icon ?? tone), body, actions);
}

/**
 * Nothing to show: what was looked for, and how to see more.
 * @param {string} title
 * @param {Child} text
 * @param {{ actions?: HTMLElement[], icon?: IconName }} [options]
 */
export function blank(title, text, options = {}) {
  return h(
    "div",
    { class: "blank" },
    icon(options.icon ?? "empty", "large ink-3"),
    h("h2", {}, title),
    text && h("p", {}, text),
    options.actions?.length ? h("div", { class: "flex wrap gap-2 mt-2" }, options.actions) : null,
  );
}

/**
 * What failed, its code and trace, and another try.
 * @param {string} title
 * @param {ApiError} error
 * @param {() => void} again
 */
export function failed(title, error, again) {
  const facts = h("dl", { class: "facts" }, fact(say("Code", "Kode"), h("span", { class: "font-mono" }, error.code)));
  if (error.trace) facts.append(...fact(say("Trace", "Spor"), h("span", { class: "font-mono" }, error.trace)));
  const copy = error.trace && button(say("Copy trace", "Kopiér spor"), { icon: "copy", onclick: () => copied(error.trace ?? "") });
  const lines = error.details.map((text) => h("p", {}, text));
  const retry = button(say("Try again", "Prøv igen"), { icon: "refresh", kind: "primary", onclick: again });
  const mark = icon("bad", "large bad");
  const actions = h("div", { class: "flex wrap gap-2 mt-2" }, retry, copy);
  return h("div", { class: "blank", role: "alert" }, mark, h("h2", {}, title), lines, actions, facts);
}

/**
 * Older data is shown, as newer could not be had.
 * @param {Date} since
 * @param {ApiError} error
 * @param {() => void} again
 */
export function stale(since, error, again) {
  const title = say(`This is from ${clock(since)}`, `Dette er hentet ${clock(since)}`);
  const retry = button(say("Try again", "Prøv igen"), { kind: "small", onclick: again });
  return callout("idle", title, error.details.join(" "), { icon: "clock", actions: [retry], role: "status" });
}

/**
 * A pair for a list of facts.
 * @param {string} name
 * @param {...Child} value
 * @returns {HTMLElement[]}
 */
export function fact(name, ...value) {
  return [h("dt", {}, name), h("dd", {}, ...value)];
}

const TOAST_MS = 8_000;
const TOASTS_MAX = 4;

/**
 * Says something beside the page, for a while. What went wrong stays until it is closed.
 * @param {Tone} tone
 * @param {string} title
 * @param {Child} [text]
 */
export function toast(tone, title, text) {
  const toasts = document.getElementById("toasts");
  if (!toasts) return;
  const close = () => shown.remove();
  const body = h("div", { class: "grow" }, h("b", { class: "font-medium" }, title), text && h("p", {}, text));
  const shut = button(say("Close", "Luk"), { icon: "close", iconOnly: true, kind: "quiet small", onclick: close });
  const shown = h("div", { class: "toast" }, icon(tone, tone), body, shut);
  toasts.append(shown);
  while (toasts.childElementCount > TOASTS_MAX) toasts.firstElementChild?.remove();
  if (tone !== "bad") setTimeout(close, TOAST_MS);
}

/** Copies a text, and says so. @param {string} text */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("ok", say("Copied", "Kopieret"));
  } catch {
    toast("bad", say("This browser does not let the page copy", "Denne browser lader ikke siden kopiere"), text);
  }
}
