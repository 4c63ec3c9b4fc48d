// The head of the two pages of vendor sync.

import { h } from "./dom.js";
import { say } from "./language.js";
import { pageHead } from "./page-head.js";

/** @typedef {import("./dom.js").Child} Child */

/** @param {string} intro @param {Child} actions */
export function syncHead(intro, actions) {
  return pageHead("Vendor sync", intro, h("div", { class: "flex wrap gap-2" }, actions));
}

/** @param {"runs" | "registry"} chosen */
export function syncTabs(chosen) {
  const tab = (/** @type {string} */ name, /** @type {string} */ path, /** @type {string} */ text) =>
    h("a", { role: "tab", href: path, "aria-selected": String(name === chosen) }, text);
  return h(
    "div",
    { class: "tabs mb-3", role: "tablist", "aria-label": "Vendor sync" },
    tab("runs", "/vendor-sync", say("Runs", "Kørsler")),
    tab("registry", "/vendor-sync/registry", say("Registry", "Registrering")),
  );
}
