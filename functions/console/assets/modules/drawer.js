// A drawer beside the page. It is a dialog that is not modal: the list stays in reach, and focus in it.

import { button, byId, h, replace } from "./dom.js";
import { say } from "./language.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {{ title: string, summary?: Child, tools?: HTMLElement[], body: Child, foot?: Child }} Content */

/** @type {HTMLElement | null} */
let shown = null;
/** @type {(() => void) | null} */
let whenClosed = null;

/**
 * Shows a drawer, in place of the one that is there.
 * @param {Content} content
 * @param {{ closed?: () => void, focus?: boolean }} [options] `focus`: whether it takes the focus, for who opens it from no list.
 */
export function openDrawer(content, options = {}) {
  const title = h("h2", { id: "drawer-title", class: "grow truncate", tabindex: "-1" }, content.title);
  const shut = button(say("Close", "Luk"), { icon: "close", iconOnly: true, kind: "quiet small", onclick: closeDrawer });
  const head = h(
    "div",
    { class: "drawer-head" },
    h("div", { class: "flex gap-1" }, title, content.tools, shut),
    content.summary && h("div", { class: "flex wrap gap-2" }, content.summary),
  );
  const body = h("div", { class: "drawer-body", tabindex: "0", role: "group", "aria-labelledby": "drawer-title" }, content.body);
  const foot = content.foot && h("div", { class: "drawer-foot" }, content.foot);
  const drawer = h("div", { class: "drawer", role: "dialog", "aria-labelledby": "drawer-title" }, head, body, foot);
  const held = shown?.contains(document.activeElement) ?? false;
  replace(byId("aside"), drawer);
  shown = drawer;
  whenClosed = options.closed ?? null;
  // Where it covers the page, the page is out of reach.
  const covers = matchMedia("(max-width: 48rem)").matches;
  byId("main").inert = covers;
  if (options.focus || held || covers) title.focus();
  return drawer;
}

/** Closes it. Whoever opened it gives the focus back to where it came from. */
export function closeDrawer() {
  if (!shown) return;
  shown.remove();
  shown = null;
  byId("main").inert = false;
  const closed = whenClosed;
  whenClosed = null;
  closed?.();
}

export const isDrawerOpen = () => shown !== null;

/**
 * A part of a drawer.
 * @param {string} title
 * @param {...Child} children
 */
export function section(title, ...children) {
  return h("section", { class: "drawer-section" }, h("h3", {}, title), children);
}
