// `/settings/admin/categories`: a tenant's categories, and which of Google's each stands for.

import { change, parameters } from "../modules/address.js";
import { asError } from "../modules/api.js";
import { tree } from "../modules/category-tree.js";
import { button, h, replace } from "../modules/dom.js";
import { closeDrawer, isDrawerOpen, openDrawer } from "../modules/drawer.js";
import { searchField, selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { number, say } from "../modules/language.js";
import { drawList } from "../modules/list-view.js";
import { blank, copied } from "../modules/messages.js";
import { pageHead } from "../modules/page-head.js";
import { askPlatform } from "../modules/platform.js";
import { may, whoever } from "../modules/session.js";
import { stats } from "../modules/stats.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";
import { chosenTenant } from "../modules/tenant.js";

/** @typedef {import("../modules/category-tree.js").Category} Category */
/** @typedef {import("../modules/category-tree.js").Line} Line */

const PAGE = 50;
/** A tenant has 1,000 at most. */
const PAGES_MAX = 20;
const NEW = "new";

const main = startPage({ redraw: () => draw() });
/** @type {string | null} */
let tenant = null;
let isKnown = false;
let mayChange = false;
/** @type {Category[] | null} */
let all = null;
/** @type {{ total: number, mapped: number, unmapped: number, mappingCoverage: number } | null} */
let coverage = null;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;
/** @type {AbortController | null} */
let asking = null;

const wanted = () => {
  const query = parameters();
  return { search: query.get("search") ?? "", mapped: query.get("mapped") ?? "", deleted: query.get("deleted") === "yes", open: query.get("open") };
};

const actions = h("div", { class: "flex gap-2" });
const figures = h("div", { class: "mb-3" });
const filters = h("div", { class: "filters mb-3", role: "search", "aria-label": say("Filters", "Filtre") });
const content = h("div");
const search = searchField(say("Name or slug", "Navn eller slug"), (text) => filter({ search: text || null }));

const list = table(
  [
    {
      name: say("Category", "Kategori"),
      cell: (/** @type {Line} */ { category, depth, found }) =>
        h(
          "span",
          { class: `branch depth-${depth}` },
          depth > 0 && h("span", { class: "sr-only" }, say(`Level ${depth + 1}: `, `Niveau ${depth + 1}: `)),
          h("span", { class: found ? "font-medium" : "ink-3" }, category.name),
          " ",
          h("span", { class: "ink-3 font-mono" }, category.slug),
        ),
      title: ({ category }) => category.name,
      narrow: "wide",
    },
    {
      name: say("Google category", "Googles kategori"),
      cell: ({ category }) =>
        !category.isActive
          ? status("idle", say("Deleted", "Slettet"))
          : category.googleCategoryId
            ? h("span", { class: "font-mono" }, category.googleCategoryId)
            : status("warn", say("Not mapped", "Ikke knyttet")),
      narrow: "end",
    },
    { name: say("Sort order", "Rækkefølge"), cell: ({ category }) => number(category.sortOrder), kind: "number", narrow: "hide" },
  ],
  { key: ({ category }) => category.id, open: ({ category }) => open(category.id) },
);
list.element.classList.add("category-tree");

replace(
  main,
  pageHead(say("Categories", "Kategorier"), say("A tenant's own, and which of Google's each stands for", "En lejers egne, og hvilken af Googles hver står for"), actions),
  figures,
  filters,
  h("section", { class: "card", "aria-label": say("Categories", "Kategorier") }, content),
);

/** @param {Record<string, string | null>} changes @param {boolean} [again] */
function filter(changes, again = false) {
  change({ open: null, ...changes });
  closeDrawer();
  if (again) load();
  else draw();
}

function lines() {
  const { search: text, mapped } = wanted();
  const low = text.toLowerCase();
  return tree(
    all ?? [],
    (one) =>
      (one.name.toLowerCase().includes(low) || one.slug.includes(low)) &&
      (mapped === "" || (one.googleCategoryId !== null) === (mapped === "yes")),
  );
}

function drawHead() {
  replace(
    actions,
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
    mayChange && tenant && !problem && button(say("New category", "Ny kategori"), { icon: "plus", kind: "primary", onclick: () => open(NEW) }),
  );
  const none = "—";
  const rate = coverage && say(`${number(coverage.mappingCoverage)}%`, `${number(coverage.mappingCoverage)} %`);
  const isWhole = coverage !== null && coverage.total > 0 && coverage.unmapped === 0;
  replace(
    figures,
    stats([
      { label: say("Categories", "Kategorier"), value: coverage ? number(coverage.total) : none },
      { label: say("Mapped", "Knyttet"), value: coverage ? number(coverage.mapped) : none },
      { label: say("Not mapped", "Ikke knyttet"), value: coverage ? (coverage.unmapped > 0 ? status("warn", number(coverage.unmapped)) : "0") : none },
      { label: say("Coverage", "Dækning"), value: coverage && rate ? status(isWhole ? "ok" : coverage.total > 0 ? "warn" : "idle", rate) : none },
    ]),
  );
}

function drawFilters() {
  const now = wanted();
  const active = document.activeElement instanceof HTMLElement && filters.contains(document.activeElement) ? document.activeElement : null;
  const name = active?.closest("[data-filter]")?.getAttribute("data-filter");
  search.show(now.search);
  const yesNo = /** @type {[string, string][]} */ ([["", say("All", "Alle")], ["yes", say("Mapped", "Knyttet")], ["no", say("Not mapped", "Ikke knyttet")]]);
  const shown = /** @type {[string, string][]} */ ([["", say("Left out", "Udeladt")], ["yes", say("Shown", "Vist")]]);
  replace(
    filters,
    search.element,
    selectChip("mapped", "Google", now.mapped, yesNo, (mapped) => filter({ mapped: mapped || null })),
    selectChip("deleted", say("Deleted", "Slettede"), now.deleted ? "yes" : "", shown, (deleted) => filter({ deleted: deleted || null }, true)),
  );
  if (active === search.input) active.focus();
  else if (name) /** @type {HTMLElement | null} */ (filters.querySelector(`[data-filter="${name}"] select`))?.focus();
}

function drawRows() {
  if (isKnown && !tenant) {
    replace(content, blank(say("Choose a tenant", "Vælg en lejer"), say("Each tenant has categories of its own.", "Hver lejer har sine egne kategorier.")));
    return;
  }
  if (problem?.code === "feature_disabled" && !all) {
    const flags = h("a", { class: "button", href: `/settings/admin/flags?tenant=${encodeURIComponent(tenant ?? "")}` }, say("Look at its flags", "Se dens flag"));
    replace(content, blank(say("Categories are off for this tenant", "Kategorier er slået fra for denne lejer"), problem.details.join(" "), { icon: "lock", actions: [flags] }));
    return;
  }
  const found = all ? lines() : null;
  const shown = drawList(content, list, {
    items: found,
    problem,
    shownAt,
    again: load,
    failed: say("The categories could not be fetched", "Kategorierne kunne ikke hentes"),
    loading: say("Loading…", "Indlæser…"),
    lines: 8,
    none,
    caption: () => {
      const count = found?.filter((line) => line.found).length;
      return say(`${number(count)} shown, as a tree`, `${number(count)} vist, som et træ`);
    },
  });
  if (shown) list.select(wanted().open);
}

function none() {
  if (all && all.length > 0) {
    const reset = button(say("Reset the filters", "Nulstil filtrene"), { kind: "primary", onclick: () => filter({ search: null, mapped: null }) });
    return blank(say("Nothing matches these filters", "Intet passer til filtrene"), wanted().search, { actions: [reset] });
  }
  return blank(
    say("No categories yet", "Ingen kategorier endnu"),
    say("Make one, or let a sync from Google make those of the locations.", "Opret en, eller lad en synkronisering fra Google oprette stedernes."),
  );
}

async function drawDrawer() {
  const { open: id } = wanted();
  if (!id || !all || !tenant) return;
  const one = all.find((category) => category.id === id);
  if (!one && !(id === NEW && mayChange)) return;
  const { categoryDrawer, categoryForm } = await import("../modules/category-form.js");
  const place = {
    tenant,
    all,
    mayChange,
    changed: async (/** @type {string | null} */ next) => {
      change({ open: next }, { replace: true });
      if (!next) closeDrawer();
      await load();
    },
  };
  const drawn = one ? categoryDrawer(place, one) : { title: say("New category", "Ny kategori"), body: categoryForm(place, null) };
  const drawer = openDrawer(drawn, {
    closed: () => {
      change({ open: null }, { replace: true });
      list.select(null);
      if (one) list.focus(one.id);
    },
  });
  if (!one) drawer.querySelector("input")?.focus();
}

/** @param {string} id */
function open(id) {
  change({ open: id }, { replace: isDrawerOpen() });
  list.select(id);
  drawDrawer();
}

function draw() {
  drawHead();
  drawFilters();
  drawRows();
}

async function load() {
  if (!tenant) return draw();
  asking?.abort();
  const controller = new AbortController();
  asking = controller;
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (wanted().deleted) query.set("includeInactive", "true");
  /** @type {Category[]} */
  const found = [];
  try {
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const answer = await askPlatform(`/api/v1/tenants/${encodeURIComponent(tenant)}/categories?${query}`, { signal: controller.signal });
      found.push(...answer.data);
      coverage = answer.stats;
      if (!answer.nextCursor) break;
      query.set("cursor", answer.nextCursor);
    }
    all = found;
    shownAt = new Date();
    problem = null;
  } catch (thrown) {
    if (controller.signal.aborted) return;
    problem = asError(thrown);
  }
  draw();
  await drawDrawer();
}

const walk = (/** @type {number} */ step) => {
  const line = list.move(step);
  if (line && isDrawerOpen()) open(line.category.id);
};
addKeys([
  { key: "/", text: say("Search", "Søg"), run: () => search.input.focus() },
  ...rowKeys(walk),
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close", "Luk"), run: closeDrawer },
]);
addEventListener("popstate", () => load());

draw();
whoever().then((who) => {
  tenant = chosenTenant() ?? who?.tenant ?? null;
  isKnown = true;
  mayChange = may(who, "connections:write");
  load();
});
