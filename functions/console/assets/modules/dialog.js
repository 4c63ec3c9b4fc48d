// A dialog: says what would happen, and asks. The browser keeps the focus in it, and gives it back.

import { button, h } from "./dom.js";
import { say } from "./language.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * @param {string} title
 * @param {{ body: Child, foot?: Child, closed?: () => void }} content
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content) {
  const shut = button(say("Close", "Luk"), { icon: "close", iconOnly: true, kind: "quiet", onclick: () => dialog.close() });
  const head = h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title", class: "grow" }, title), shut);
  const body = h("div", { class: "dialog-body" }, content.body);
  const foot = content.foot && h("div", { class: "dialog-foot" }, content.foot);
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, head, body, foot);
  dialog.addEventListener("close", () => {
    dialog.remove();
    content.closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
