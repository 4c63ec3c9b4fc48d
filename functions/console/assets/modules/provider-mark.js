// The letters of a provider on its colour.

import { s } from "./dom.js";

/** @param {import("./control-words.js").Provider | null} provider */
export function markOf(provider) {
  if (!provider) return null;
  const text = s("text", { x: 12, y: 12.5, "text-anchor": "middle", "dominant-baseline": "central" }, provider.icon);
  return s("svg", { class: "provider-mark", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("rect", { width: 24, height: 24, rx: 6, fill: provider.colour }), text);
}
