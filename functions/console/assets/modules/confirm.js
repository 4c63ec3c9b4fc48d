// Asking before something is done, and staying open with the reason where it could not be.

import { asError } from "./api.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, replace } from "./dom.js";
import { say } from "./language.js";
import { callout } from "./messages.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * @param {string} title
 * @param {{ body: Child, go: string, kind?: string, failed: string, run: () => Promise<unknown> }} asked `failed`: what is said above the
 *   reason.
 */
export function openConfirm(title, asked) {
  const told = h("div", { role: "status", "aria-live": "polite" });
  const go = button(asked.go, { kind: asked.kind ?? "primary", onclick: () => run() });
  const cancel = button(say("Cancel", "Annullér"), { onclick: () => dialog.close() });
  const dialog = openDialog(title, { body: [asked.body, told], foot: [cancel, go] });
  const field = dialog.querySelector(".dialog-body input, .dialog-body select");
  (field instanceof HTMLElement ? field : cancel).focus();

  async function run() {
    go.disabled = true;
    go.prepend(icon("run"));
    try {
      await asked.run();
      dialog.close();
    } catch (thrown) {
      replace(told, callout("bad", asked.failed, asError(thrown).details.join(" ")));
    } finally {
      go.querySelector("svg")?.remove();
      go.disabled = false;
    }
  }
  return { dialog, go };
}
