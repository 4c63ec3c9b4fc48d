// `/systems/integrations`: the control centre of a connection that is pulled: how it does, a run by hand, its log, its dead letters.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { controlOf } from "../modules/control-api.js";
import { pageOf, RUNNING_MS } from "../modules/control-page.js";
import { markOf } from "../modules/control-words.js";
import { h, replace } from "../modules/dom.js";
import { selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys } from "../modules/keyboard.js";
import { say } from "../modules/language.js";
import { copied } from "../modules/messages.js";
import { poll } from "../modules/poll.js";
import { may, whoever } from "../modules/session.js";
import { chosenTenant } from "../modules/tenant.js";

/** @typedef {import("../modules/control-words.js").Provider} Provider */
/** @typedef {{ provider: string, name: string, displayName: string }} Named */
/** @typedef {import("../modules/control-page.js").Tab} Tab */

const CONNECTIONS_MAX = 200;
const FIRST = "doorloop";
const MAIN = "main";
/** @type {Tab[]} */
const TABS = ["monitoring", "logs", "dlq"];

const main = startPage({ redraw: () => redraw() });
const title = h("h1", { class: "truncate" });
const mark = h("span");
const pill = h("span", { class: "flex wrap gap-2", "data-testid": "standing" });
const updated = h("span", { class: "note not-narrow" });
const choice = h("span");
const acts = h("div", { class: "flex wrap gap-2" });
const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": say("Views", "Visninger") });
const panel = h("div", { id: "panel", class: "control-panel", role: "tabpanel", tabindex: "-1" });
const old = h("div");
replace(
  main,
  h("div", { class: "control-head" }, h("div", { class: "flex wrap gap-2 control-title" }, mark, title, pill, updated, h("span", { class: "grow" }), choice, acts), tabs),
  old,
  panel,
);

/** @type {Provider[]} */
let providers = [];
/** @type {Named[]} */
let connections = [];
/** @type {import("../modules/session.js").Who | null} */
let who = null;
/** @type {ReturnType<typeof pageOf> | null} */
let shown = null;

const wanted = () => {
  const tab = /** @type {Tab} */ (parameters().get("tab"));
  return { provider: parameters().get("provider"), connection: parameters().get("connection"), tab: TABS.includes(tab) ? tab : "monitoring" };
};

/** Which connection is meant: the one that the address names, or the first of the first provider that has one. */
function meant() {
  const now = wanted();
  const provider = now.provider ?? (connections.find((one) => one.provider === FIRST) ?? connections[0])?.provider ?? FIRST;
  const own = connections.filter((one) => one.provider === provider);
  const name = now.connection ?? (own.find((one) => one.name === MAIN) ?? own[0])?.name ?? null;
  return { provider: providers.find((one) => one.id === provider) ?? null, id: provider, name };
}

/** @param {string} id @param {string | null} name */
function drawChoice(id, name) {
  const key = (/** @type {string} */ provider, /** @type {string | null} */ one) => `${provider}/${one ?? ""}`;
  const nameOf = (/** @type {string} */ provider) => providers.find((one) => one.id === provider)?.name ?? provider;
  /** @type {[string, string][]} */
  const offered = connections.map((one) => [key(one.provider, one.name), one.displayName.startsWith(nameOf(one.provider)) ? one.displayName : `${nameOf(one.provider)}: ${one.displayName}`]);
  // A vendor without a connection is where one is made.
  for (const one of providers) if (!connections.some(({ provider }) => provider === one.id)) offered.push([key(one.id, null), say(`${one.name} (none yet)`, `${one.name} (ingen endnu)`)]);
  if (!offered.some(([value]) => value === key(id, name))) offered.push([key(id, name), [nameOf(id), name].filter(Boolean).join(": ")]);
  const chip = selectChip("connection", say("Integration", "Integration"), key(id, name), offered, (value) => {
    const [provider, ...rest] = value.split("/");
    change({ provider, connection: rest.join("/") || null, tab: null });
    start();
  }, false);
  replace(choice, chip);
}

function drawTabs() {
  const { tab } = wanted();
  const names = { monitoring: say("Monitoring", "Overvågning"), logs: say("Live Logs", "Live-log"), dlq: "DLQ" };
  const one = (/** @type {Tab} */ id) =>
    h(
      "button",
      {
        type: "button",
        id: `tab-${id}`,
        role: "tab",
        "data-testid": `tab-${id}`,
        "aria-selected": String(id === tab),
        "aria-controls": "panel",
        tabindex: id === tab ? "0" : "-1",
        onclick: () => goTo(id),
        onkeydown: (/** @type {KeyboardEvent} */ event) => step(event, id),
      },
      names[id],
      id === "dlq" && h("span", { class: "count" }, shown?.letterCount() ?? ""),
    );
  const had = tabs.contains(document.activeElement);
  replace(tabs, TABS.map(one));
  panel.setAttribute("aria-labelledby", `tab-${tab}`);
  if (had) /** @type {HTMLElement | null} */ (tabs.querySelector('[aria-selected="true"]'))?.focus();
}

/** @param {KeyboardEvent} event @param {Tab} id */
function step(event, id) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  goTo(TABS[(TABS.indexOf(id) + by + TABS.length) % TABS.length]);
}

/** A drawer is loaded with what opens it. */
const closeDrawer = () => document.querySelector(".drawer") && import("../modules/drawer.js").then((drawer) => drawer.closeDrawer());

/** @param {Tab} tab */
function goTo(tab) {
  change({ tab: tab === "monitoring" ? null : tab });
  closeDrawer();
  drawTabs();
  shown?.place();
}

/** In place of what cannot be shown. @param {import("../modules/api.js").ApiError} error */
async function gate(error) {
  const { gated } = await import("../modules/control-gate.js");
  const { provider, id, name } = meant();
  const add = may(who, "connections:write") && tenantOf() !== null && provider ? () => edit(true) : null;
  replace(panel, gated(error, { name: provider?.name ?? id, control: controlOf(id, name), add, again: start }));
}

const tenantOf = () => chosenTenant() ?? who?.tenant ?? null;

/** @param {boolean} isNew */
async function edit(isNew) {
  const { provider, name } = meant();
  const tenant = tenantOf();
  if (!provider || !tenant) return;
  const { editConnection } = await import("../modules/control-edit.js");
  const done = async () => {
    if (!isNew) return shown?.changed();
    await loadConnections();
    start();
  };
  editConnection(provider, { tenant, name: name ?? MAIN, isNew, done });
}

function redraw() {
  drawTabs();
  shown?.redraw();
}

/** Shows the connection that the address names. */
async function start() {
  shown?.end();
  shown = null;
  closeDrawer();
  const { provider, id, name } = meant();
  const named = connections.find((one) => one.provider === id && one.name === name)?.displayName;
  // Of one that nobody gave a name the vendor's says more.
  replace(title, named && named !== name ? named : (provider?.name ?? id));
  replace(mark, markOf(provider));
  replace(pill);
  replace(updated);
  replace(acts);
  replace(old);
  drawChoice(id, name);
  drawTabs();
  replace(panel, h("p", { class: "ink-3", role: "status" }, say("Loading…", "Indlæser…")));
  try {
    const status = await controlOf(id, name).status();
    // Another one was asked for since.
    const now = meant();
    if (now.id !== id || now.name !== name || shown) return;
    shown = pageOf({ provider, id, name }, status, { pill, updated, acts, old, panel, who, start, drawTabs, goTo, tab: () => wanted().tab, edit: () => edit(false) });
    drawTabs();
  } catch (thrown) {
    const now = meant();
    if (now.id === id && now.name === name && !shown) gate(asError(thrown));
  }
}

/** What may be chosen. Who may not see that is told so by what they ask for next. */
async function loadConnections() {
  const tenant = tenantOf();
  const query = new URLSearchParams({ limit: String(CONNECTIONS_MAX), ...(tenant && { tenant }) });
  const answer = await ask(`/api/admin/connections?${query}`, { stay: true }).catch(() => null);
  const pulled = new Set(providers.map(({ id }) => id));
  connections = (answer?.items ?? []).filter((/** @type {Named} */ one) => pulled.has(one.provider));
}

addKeys([
  { key: "p", text: say("Pause the log", "Sæt loggen på pause"), run: () => shown?.pause() },
  { key: "1", text: say("Monitoring", "Overvågning"), run: () => goTo("monitoring") },
  { key: "2", text: say("Live Logs", "Live-log"), run: () => goTo("logs") },
  { key: "3", text: "DLQ", run: () => goTo("dlq") },
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close the drawer", "Luk panelet"), run: () => closeDrawer() },
]);
addEventListener("popstate", () => start());

document.title = say("Systems › Integrations › Health", "Systemer › Integrationer › Helbred");
drawTabs();
replace(panel, h("p", { class: "ink-3", role: "status" }, say("Loading…", "Indlæser…")));
who = await whoever();
const told = await ask("/api/admin/connections/providers", { stay: true }).catch(() => null);
providers = (told?.items ?? []).filter((/** @type {Provider} */ one) => one.pull);
await loadConnections();
await start();
poll(() => shown?.tick(), RUNNING_MS);
