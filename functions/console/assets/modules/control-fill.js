// Filling a card anew.

import { toldBy } from "./control-api.js";
import { replace } from "./dom.js";
import { callout } from "./messages.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * In place of what a card cannot have.
 * @param {HTMLElement} body
 * @param {string} title
 * @param {import("./api.js").ApiError} error
 */
export function missing(body, title, error) {
  replace(body, callout(error.status === 404 ? "idle" : "bad", title, toldBy(error)));
}

/**
 * Fills an element anew without taking the focus from what is in it: whatever has the same test id, or the same place, has it then.
 * @param {HTMLElement} element
 * @param {...Child} children
 */
export function refill(element, ...children) {
  const active = document.activeElement;
  const held = active instanceof HTMLElement && element.contains(active) ? active : null;
  const id = held?.dataset.testid;
  replace(element, ...children);
  if (id) /** @type {HTMLElement | null} */ (element.querySelector(`[data-testid="${CSS.escape(id)}"]`))?.focus();
}
