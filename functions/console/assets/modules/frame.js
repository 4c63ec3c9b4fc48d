// What every page has around it comes to life: languages, colours, times, keys, and who is signed in.

import { button, byId, h, icon, replace } from "./dom.js";
import { addKeys, showKeys, startKeyboard } from "./keyboard.js";
import { choose, isUtc, language, say, showUtc, tellZone, translate } from "./language.js";
import { mayChoose, signOut, whoever } from "./session.js";
import { set, setting } from "./settings.js";
import { chosenTenant, tellTenant } from "./tenant.js";

/** @typedef {import("./session.js").Who} Who */

/**
 * Starts a page.
 * @param {{ redraw: () => void, ofAll?: boolean }} page `redraw` shows everything anew, from what is there: times are to be written
 *   otherwise. `ofAll`: to whoever may see all tenants it shows those of all where they chose none, and not their own alone.
 * @returns {HTMLElement} Where the page goes.
 */
export function startPage(page) {
  translate();
  tellZone();
  startKeyboard();
  const goTo = palette();
  replace(byId("tools"), goTo(true), zones(page.redraw, "not-narrow"), languages(), help(true), themes());
  // Where the top has no room for them, the menu has.
  byId("side-foot").before(h("div", { class: "side-tools" }, goTo(false), zones(page.redraw, ""), help(false)));
  menu();
  addKeys([
    { key: "u", text: say("Local time, UTC", "Lokal tid, UTC"), run: () => zoneTo(!isUtc(), page.redraw) },
    ...[
      ["g o", "/", say("Overview", "Overblik")],
      ["g v", "/vendor-sync", "Vendor sync"],
      ["g d", "/deliveries", say("Deliveries", "Leverancer")],
      ["g i", "/systems/integrations", say("Integrations", "Integrationer")],
      ["g h", "/health", say("Health", "Helbred")],
      ["g a", "/audit", say("Audit", "Hændelseslog")],
      ["g s", "/settings/admin", say("Settings", "Indstillinger")],
    ].map(([key, path, text]) => ({ key, text, run: () => location.assign(path) })),
  ]);
  whoever().then((who) => {
    foot(who);
    if (who && mayChoose(who)) tenants(who, page.ofAll ?? false);
  });
  return byId("main");
}

/** A way to any place, which a key opens from a field too. @returns {(iconOnly: boolean) => HTMLElement} */
function palette() {
  const text = say("Go to…", "Gå til…");
  const open = async () => (await import("./palette.js")).openPalette();
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  addKeys([{ key: "⌘K Ctrl+K", text, run: open }]);
  return (iconOnly) =>
    button(text, {
      icon: "search",
      iconOnly,
      kind: iconOnly ? "quiet not-narrow" : "",
      "aria-keyshortcuts": "Meta+K Control+K",
      onclick: open,
    });
}

/** @param {boolean} utc @param {() => void} redraw */
function zoneTo(utc, redraw) {
  showUtc(utc);
  for (const one of document.querySelectorAll("[data-zone]")) {
    one.setAttribute("aria-pressed", String((one.getAttribute("data-zone") === "utc") === utc));
  }
  redraw();
}

/** @param {() => void} redraw @param {string} kind */
function zones(redraw, kind) {
  const one = (/** @type {string} */ text, /** @type {boolean} */ utc) => {
    const attributes = { type: "button", "data-zone": utc ? "utc" : "local", "aria-pressed": String(isUtc() === utc) };
    return h("button", { ...attributes, onclick: () => zoneTo(utc, redraw) }, text);
  };
  const label = say("Time zone", "Tidszone");
  return h("div", { class: `segmented ${kind}`.trim(), role: "group", "aria-label": label }, one(say("Local", "Lokal"), false), one("UTC", true));
}

function languages() {
  const other = language() === "da" ? "en" : "da";
  const name = other === "da" ? "Dansk" : "English";
  const go = () => {
    choose(other);
    // Every text on the page is in the other language then.
    location.reload();
  };
  return button(other.toUpperCase(), { kind: "quiet", title: name, "aria-label": name, lang: other, onclick: go });
}

/** @param {boolean} iconOnly */
function help(iconOnly) {
  const kind = iconOnly ? "quiet not-narrow" : "";
  return button(say("Keyboard", "Tastatur"), { icon: "help", iconOnly, kind, onclick: showKeys });
}

/** The system's colours, light ones, dark ones, in turn. */
function themes() {
  const names = () => ({
    light: say("Light", "Lyst"),
    dark: say("Dark", "Mørkt"),
    system: say("As the system has it", "Som systemet"),
  });
  const current = () => {
    const kept = setting("theme");
    return kept === "light" || kept === "dark" ? kept : "system";
  };
  const label = () => `${say("Colours", "Farver")}: ${names()[current()]}`;
  const turn = button(label(), {
    icon: "theme",
    iconOnly: true,
    kind: "quiet",
    onclick: () => {
      const next = { system: "light", light: "dark", dark: "system" }[current()];
      set("theme", next === "system" ? null : next);
      if (next === "system") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = next;
      turn.title = label();
      const name = turn.querySelector("span");
      if (name) name.textContent = label();
    },
  });
  return turn;
}

function menu() {
  const [toggle, side] = [byId("menu"), byId("side")];
  const show = (/** @type {boolean} */ open) => {
    side.classList.toggle("open", open);
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", (event) => {
    event.stopPropagation();
    show(!side.classList.contains("open"));
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Node && !side.contains(event.target)) show(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") show(false);
  });
}

/** Whose data this is, and a choice of others. @param {Who} who @param {boolean} ofAll */
function tenants(who, ofAll) {
  tellTenant();
  const open = async () => (await import("./tenant-choice.js")).openTenantDialog(who);
  const tenant = chosenTenant();
  const all = who.anyTenant && (ofAll || !who.tenant) ? say("All tenants", "Alle lejere") : null;
  const name = tenant ?? all ?? who.tenant ?? say("Choose a tenant", "Vælg en lejer");
  const attributes = { type: "button", class: tenant ? "chip set" : "chip", "aria-haspopup": "dialog", onclick: open };
  const key = h("span", { class: "key not-narrow" }, say("Tenant", "Lejer"), " ");
  byId("tools").prepend(h("button", attributes, key, h("span", { class: "truncate tenant" }, name), icon("down")));
  if (!tenant && !who.tenant) open();
}

/** @param {Who | null} who */
function foot(who) {
  const at = byId("side-foot");
  if (!who) {
    replace(at, h("a", { class: "link", href: "/sign-in" }, say("Sign in", "Log ind")));
    return;
  }
  const name = h("span", { class: "grow truncate", title: who.actor }, who.actor, " ", h("span", { class: "ink-3" }, who.tenant ?? ""));
  const leave = button(say("Sign out", "Log ud"), { icon: "leave", iconOnly: true, kind: "quiet small", onclick: signOut });
  const tile = h("span", { class: "tile", "aria-hidden": "true" }, who.actor.slice(0, 2).toUpperCase());
  replace(at, h("div", { class: "who" }, tile, name, !who.local && leave));
}
