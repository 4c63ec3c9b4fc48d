// The head of the two pages of vendor sync.

import { h } from "./dom.js";
import { say } from "./language.js";

/** @typedef {import("./dom.js").Child} Child */

/** @param {string} intro @param {Child} actions */
export function syncHead(intro, actions) {
  const text = h("div", { class: "grow" }, h("h1", {}, "Vendor sync"), h("p", { class: "intro" }, intro));
  return h("div", { class: "page-head" }, text, h("div", { class: "flex wrap gap-2" }, actions));
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
