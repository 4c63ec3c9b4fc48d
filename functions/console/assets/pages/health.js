// `/health`: every integration, and the threshold that made its status what it is.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { button, h, replace } from "../modules/dom.js";
import { searchField, selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { healthDetail } from "../modules/health-detail.js";
import { columns } from "../modules/health-rows.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { clock, number, say } from "../modules/language.js";
import { blank, copied } from "../modules/messages.js";
import { drawList } from "../modules/list-view.js";
import { pageHead } from "../modules/page-head.js";
import { paging } from "../modules/paging.js";
import { poll } from "../modules/poll.js";
import { hasWebhooks } from "../modules/provider.js";
import { pullNow } from "../modules/pull-now.js";
import { may, whoever } from "../modules/session.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";

/** @typedef {import("../modules/health-words.js").Integration} Integration */

const POLL_MS = 30_000;
/** That of links to warehouses, which the route tells of where none is named. */
const TRACKSTAR = "trackstar";
const KINDS = ["unhealthy", "degraded", "healthy", "idle"];

const main = startPage({ redraw: () => draw(), ofAll: true });

const wanted = () => {
  const query = parameters();
  return {
    kinds: query.getAll("status").filter((one) => KINDS.includes(one)),
    text: (query.get("q") ?? "").trim(),
    provider: query.get("provider") || TRACKSTAR,
    cursor: query.get("cursor"),
    open: query.get("open"),
  };
};

/** @type {Integration[]} */
let integrations = [];
/** @type {[string, string][]} */
let providers = [[TRACKSTAR, "Trackstar"]];
/** What is pulled of each, where anything is. @type {Map<string, string[]>} */
let pulled = new Map();
let mayPull = false;
/** @type {string | null} */
let next = null;
let isLoaded = false;
/** Whether the first view was of a provider that nobody named, and so may be of another one. */
let mayMove = true;
let shownPath = "";
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** Of the one that is looked at. @type {(import("../modules/health-detail.js").Measured & { of: string }) | null} */
let measured = null;

/** @param {Integration} one */
const identity = (one) => `${one.tenantId}/${one.brandId}`;
/** @param {Integration} one */
const kindOf = (one) => (one.status === "healthy" && one.idle ? "idle" : one.status);

const updated = h("div", { class: "flex wrap gap-2" });
const filters = h("div", { class: "filters mb-3", role: "search", "aria-label": say("Filters", "Filtre") });
const content = h("div");
const pages = paging();
const detail = h("div", { class: "health-detail mt-3" });
const search = searchField(say("Integration, tenant or brand", "Integration, lejer eller mærke"), (text) => {
  change({ q: text || null });
  draw();
});

const rows = table(columns(), { key: identity, open: (one) => open(identity(one)) });

replace(
  main,
  pageHead(
    say("Health", "Helbred"),
    say("Every integration, and the threshold that made it so", "Hver integration, og grænsen der gjorde den sådan"),
    updated,
  ),
  filters,
  h("section", { class: "card two-lines", "aria-label": say("Integrations", "Integrationer") }, content, pages.element),
  detail,
);

/** The worst first, then those with the most failures. */
function sorted() {
  const now = wanted();
  const text = now.text.toLowerCase();
  const matches = (/** @type {Integration} */ one) =>
    (now.kinds.length === 0 || now.kinds.includes(kindOf(one))) &&
    (!text ||
      [one.brandId, one.brandName, one.tenantName, one.connectionId].some((value) =>
        value?.toLowerCase().includes(text),
      ));
  return integrations
    .filter(matches)
    .sort(
      (left, right) =>
        KINDS.indexOf(kindOf(left)) - KINDS.indexOf(kindOf(right)) ||
        right.recentFailures - left.recentFailures ||
        identity(left).localeCompare(identity(right)),
    );
}

/** @param {string} id */
function open(id) {
  look(id);
  // Below a list of cards it is out of sight.
  if (matchMedia("(max-width: 48rem)").matches) detail.scrollIntoView({ block: "start" });
}

/** @param {string} id */
function look(id) {
  change({ open: id }, { replace: true });
  rows.select(id);
  drawDetail();
  loadLag();
}

/** @returns {Record<string, [import("../modules/status.js").Tone, string]>} */
const kindNames = () => ({
  unhealthy: ["bad", say("Unhealthy", "Fejler")],
  degraded: ["warn", say("Degraded", "Svækket")],
  healthy: ["ok", say("Healthy", "Sund")],
  idle: ["idle", say("Idle", "Stille")],
});

function drawFilters() {
  const now = wanted();
  const had =
    document.activeElement instanceof HTMLElement && filters.contains(document.activeElement)
      ? document.activeElement
      : null;
  const name = had?.closest("[data-filter]")?.getAttribute("data-filter");
  const names = kindNames();
  const toggles = KINDS.map((kind) => {
    const count = integrations.filter((one) => kindOf(one) === kind).length;
    const pressed = now.kinds.includes(kind);
    const next = pressed ? now.kinds.filter((one) => one !== kind) : [...now.kinds, kind];
    const attributes = {
      type: "button",
      class: pressed ? "chip set" : "chip",
      "data-filter": kind,
      "aria-pressed": String(pressed),
    };
    return h(
      "button",
      {
        ...attributes,
        onclick: () => {
          change({ status: next });
          draw();
        },
      },
      status(...names[kind]),
      isLoaded && h("span", { class: "key" }, number(count)),
    );
  });
  search.show(now.text);
  const offered = providers.some(([id]) => id === now.provider)
    ? providers
    : [...providers, /** @type {[string, string]} */ ([now.provider, now.provider])];
  const provider = selectChip(
    "provider",
    say("Provider", "Udbyder"),
    now.provider,
    offered,
    (id) => {
      change({ provider: id, cursor: null, open: null });
      load();
    },
    now.provider !== TRACKSTAR,
  );
  const reset =
    (now.kinds.length > 0 || now.text) && button(say("Reset", "Nulstil"), { kind: "quiet", onclick: resetAll });
  replace(filters, provider, toggles, search.element, reset);
  if (had === search.input) search.input.focus();
  else if (name === "provider") provider.querySelector("select")?.focus();
  else if (name) /** @type {HTMLElement | null} */ (filters.querySelector(`[data-filter="${name}"]`))?.focus();
  replace(
    updated,
    shownAt && h("span", { class: "note" }, say(`Updated ${clock(shownAt)}`, `Opdateret ${clock(shownAt)}`)),
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
  );
}

function resetAll() {
  change({ status: null, q: null });
  draw();
}

function drawRows() {
  const { cursor } = wanted();
  pages.element.hidden = !isLoaded || (next === null && cursor === null);
  pages.show(cursor, {
    next,
    text: next ? say("There are more.", "Der er flere.") : say("These are the last.", "Det er de sidste."),
    onward: (other) => {
      change({ cursor: other, open: null });
      load();
    },
  });
  const list = sorted();
  const first = parameters().has("sort") ? "" : say(", the worst first", ", de værste først");
  const shown = drawList(content, rows, {
    items: isLoaded ? list : null,
    problem,
    shownAt,
    again: load,
    failed: say("The health could not be fetched", "Helbredet kunne ikke hentes"),
    loading: say("Loading integrations…", "Indlæser integrationer…"),
    lines: 6,
    none,
    caption: () => say(`${number(list.length)} shown`, `${number(list.length)} vist`) + first,
  });
  if (shown) rows.select(chosen() ? identity(/** @type {Integration} */ (chosen())) : null);
}

function none() {
  if (integrations.length === 0) {
    const text = say(
      "An integration is here once a connection of this provider is active. Others have their own list: choose the provider above.",
      "En integration er her, når en forbindelse hos denne udbyder er aktiv. Andre har deres egen liste: vælg udbyderen ovenfor.",
    );
    return blank(say("No integrations yet", "Ingen integrationer endnu"), text, { icon: "plug" });
  }
  const now = wanted();
  const names = kindNames();
  const kinds = now.kinds.map((kind) => names[kind][1].toLowerCase());
  const what = [kinds.join(", "), now.text && `“${now.text}”`].filter(Boolean).join(", ");
  return blank(say("No integration matches these filters", "Ingen integration passer til filtrene"), what, {
    actions: [button(say("Reset the filters", "Nulstil filtrene"), { kind: "primary", onclick: resetAll })],
  });
}

/** The one that is looked at: as the address says, or the worst. */
const chosen = () => {
  const list = sorted();
  return list.find((one) => identity(one) === wanted().open) ?? list[0];
};

function drawDetail() {
  const one = isLoaded ? chosen() : undefined;
  if (!one) return replace(detail);
  const known = measured?.of === identity(one) ? measured : null;
  const { provider } = wanted();
  const pull = pullOf(one, provider);
  replace(detail, healthDetail(one, { provider, measured: known, again: () => loadLag(), pull }));
}

/** What starts a pull. What sends webhooks may have no key to pull with: it was pulled before. @param {Integration} one @param {string} provider */
function pullOf(one, provider) {
  const entities = pulled.get(provider);
  const is = mayPull && entities && (!hasWebhooks(provider) || one.lastSyncedAt !== null);
  return is && pullNow(one, provider, entities, () => load());
}

function draw() {
  drawFilters();
  drawRows();
  drawDetail();
  if (isLoaded) loadLag();
}

/** @param {ReturnType<typeof wanted>} now */
function path({ provider, cursor }) {
  const query = new URLSearchParams();
  if (provider !== TRACKSTAR) query.set("provider", provider);
  if (cursor) query.set("cursor", cursor);
  return query.size > 0 ? `/api/sync/health?${query}` : "/api/sync/health";
}

async function load() {
  const address = path(wanted());
  if (address !== shownPath) {
    [shownPath, integrations, next, isLoaded, problem] = [address, [], null, false, null];
    draw();
  } else {
    rows.refreshing(isLoaded);
  }
  try {
    const answer = await ask(address);
    // Another one is asked for since.
    if (address !== shownPath) return;
    if (answer.integrations.length === 0 && (await moved())) return;
    // Of what has no webhooks it says nothing that none came.
    const idle = hasWebhooks(wanted().provider) ? {} : { idle: false };
    integrations = answer.integrations.map((/** @type {Integration} */ one) => ({ ...one, ...idle }));
    next = answer.nextCursor;
    [isLoaded, shownAt, problem, measured] = [true, new Date(), null, null];
  } catch (thrown) {
    problem = asError(thrown);
  }
  rows.refreshing(false);
  draw();
}

/** Goes to the first provider that has something, where nobody named one; whether it did. */
async function moved() {
  const query = parameters();
  const isFirst = mayMove && !query.has("provider") && !query.has("cursor");
  mayMove = false;
  if (!isFirst) return false;
  const worst = await ask("/api/admin/overview?limit=1", { stay: true }).catch(() => null);
  const provider = worst?.items[0]?.provider;
  if (!provider || parameters().has("provider")) return false;
  change({ provider }, { replace: true });
  load();
  return true;
}

/** How long processing takes, of the one that is looked at. */
async function loadLag() {
  const one = chosen();
  if (!one || (measured?.of === identity(one) && !measured.problem)) return;
  const of = identity(one);
  // The route tells of brands at Trackstar alone.
  if (wanted().provider !== TRACKSTAR) {
    measured = { of, lag: null, problem: null };
    return drawDetail();
  }
  try {
    const tenant = new URLSearchParams({ tenantId: one.tenantId });
    const answer = await ask(`/api/sync/lag/${encodeURIComponent(one.brandId)}?${tenant}`);
    measured = { of, lag: answer.lag.processingLag, problem: null };
  } catch (thrown) {
    measured = { of, lag: null, problem: asError(thrown) };
  }
  const still = chosen();
  if (still && identity(still) === of) drawDetail();
}

/** Of which providers there are lists; who may not see that has the first. */
async function loadProviders() {
  try {
    const answer = await ask("/api/admin/connections/providers", { stay: true });
    const named = answer.items.filter((/** @type {{ id: string | null }} */ { id }) => id !== null);
    providers = named.map((/** @type {{ id: string, name: string }} */ { id, name }) => [id, name]);
    // Catalogues are synced on a page of their own.
    const lists = named.filter((/** @type {{ id: string, entities: string[] }} */ one) => one.id !== "catalogue" && one.entities.length > 0);
    pulled = new Map(lists.map((/** @type {{ id: string, entities: string[] }} */ { id, entities }) => [id, entities]));
  } catch {
    return;
  }
  drawFilters();
  drawDetail();
}

const walk = (/** @type {number} */ step) => {
  const one = rows.move(step);
  if (one) look(identity(one));
};
addKeys([
  { key: "/", text: say("Filter", "Filter"), run: () => search.input.focus() },
  ...rowKeys(walk),
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
]);
addEventListener("popstate", () => load());

load();
loadProviders();
whoever().then((who) => {
  mayPull = may(who, "connections:write");
  drawDetail();
});
poll(load, POLL_MS);
