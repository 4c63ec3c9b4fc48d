// How long it is until a time, counted down each second. It says nothing to who listens: the time stands beside it.

import { h } from "./dom.js";

const TICK_MS = 1_000;

/** @param {string} until */
function left(until) {
  const seconds = Math.max(0, Math.ceil((Date.parse(until) - Date.now()) / TICK_MS));
  if (!Number.isFinite(seconds)) return "";
  const [minutes, rest] = [Math.floor(seconds / 60), String(seconds % 60).padStart(2, "0")];
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/**
 * @param {string} until
 * @param {() => void} [over] Called once, when it is over.
 */
export function countdown(until, over) {
  const element = h("span", { class: "countdown", "aria-hidden": "true" }, left(until));
  const timer = setInterval(() => {
    // What is not in the page any more counts for nobody.
    if (!element.isConnected) return clearInterval(timer);
    element.textContent = left(until);
    if (Date.parse(until) > Date.now()) return;
    clearInterval(timer);
    over?.();
  }, TICK_MS);
  return element;
}
