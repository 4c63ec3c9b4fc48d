// `/vendor-sync/registry`: the vendors, the tests of their sources, and how they are reached.

import { change, parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { openDialog } from "../modules/dialog.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { closeDrawer, openDrawer, section } from "../modules/drawer.js";
import { startPage } from "../modules/frame.js";
import { addKeys, rowKeys } from "../modules/keyboard.js";
import { dateTime, duration, number, say } from "../modules/language.js";
import { blank, callout, copied, fact, failed, stale, toast } from "../modules/messages.js";
import { lastSegment } from "../modules/runs.js";
import { may, whoever } from "../modules/session.js";
import { status } from "../modules/status.js";
import { syncHead, syncTabs } from "../modules/sync-tabs.js";
import { table } from "../modules/table.js";

/**
 * @typedef {{
 *   id: string, type: string, scraperPath: string | null, apiBaseUrl: string | null, apiKey: string | null,
 *   lastTestAt: string | null, lastTestOk: boolean | null, error: string | null,
 *   meta: { sourcePath?: string | null, totalItems?: number | null } | null,
 * }} Integration
 * @typedef {{
 *   totalItems: number | null, lastRunAt: string | null, lastDurationMs: number | null, lastSource: string | null,
 *   lastRunBy: string | null, lastError: string | null, lastHash: string | null,
 * }} Snapshot
 * @typedef {{
 *   id: string, slug: string, name: string, configured?: boolean, integration: Integration | null, state: Snapshot | null,
 * }} Vendor `configured`: the deployment's `VENDORS` names it, and so it is changed there alone.
 */

const PATH = "/api/catalog/vendor-sync/registry";

const main = startPage({ redraw: () => draw() });
let mayTest = false;
let mayChange = false;
/** @type {Vendor[] | null} */
let vendors = null;
/** @type {Date | null} */
let shownAt = null;
/** @type {import("../modules/api.js").ApiError | null} */
let problem = null;

const testSlot = h("span");
const head = h("div", { class: "card-head" });
const content = h("div");

const list = table(
  [
    {
      name: say("Vendor", "Leverandør"),
      sort: ["name", (vendor) => vendor.name],
      cell: (/** @type {Vendor} */ vendor) => [h("b", { class: "font-medium" }, vendor.name), " ", h("span", { class: "ink-3" }, vendor.slug)],
    },
    {
      name: say("Source", "Kilde"),
      cell: (vendor) => (vendor.integration ? lastSegment(vendor.integration.scraperPath ?? vendor.integration.apiBaseUrl) : "—"),
      title: (vendor) => vendor.integration?.scraperPath ?? vendor.integration?.apiBaseUrl ?? null,
      narrow: "more",
      kind: "short",
    },
    { name: say("Latest test", "Seneste test"), cell: tested, narrow: "end" },
    { name: say("Items", "Varer"), sort: ["items", (vendor) => vendor.state?.totalItems ?? null], cell: (vendor) => number(vendor.state?.totalItems), narrow: "more", kind: "number" },
    { name: say("Latest run", "Seneste kørsel"), sort: ["run", (vendor) => vendor.state?.lastRunAt ?? null], cell: (vendor) => dateTime(vendor.state?.lastRunAt), narrow: "more" },
    { name: say("Actions", "Handlinger"), cell: tools, narrow: "wide", kind: "number" },
  ],
  { key: (vendor) => vendor.slug, open: (vendor) => openVendor(vendor.slug) },
);

replace(
  main,
  syncHead(
    say("The vendors, the tests of their sources, and how they are reached", "Leverandørerne, test af deres kilder, og hvordan de nås"),
    [testSlot, button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() })],
  ),
  syncTabs("registry"),
  h("section", { class: "card", "aria-label": say("Vendors", "Leverandører") }, head, content),
);

/** @param {Vendor} vendor */
function tested(vendor) {
  const integration = vendor.integration;
  if (!integration) return status("idle", say("Not configured", "Ikke konfigureret"));
  if (integration.lastTestOk === null || integration.lastTestOk === undefined) {
    return status("idle", say("Not tested", "Ikke testet"));
  }
  return integration.lastTestOk
    ? status("ok", say("Latest test passed", "Seneste test godkendt"))
    : status("bad", say("Latest test failed", "Seneste test fejlede"));
}

/** @param {Vendor} vendor */
function tools(vendor) {
  const test = button(say("Test connection", "Test forbindelse"), { kind: "small", onclick: () => openTest(vendor) });
  const details = button(say("Details", "Detaljer"), { kind: "small", onclick: () => openVendor(vendor.slug, true) });
  return h("span", { class: "flex gap-1 tools" }, mayTest && vendor.integration && test, details);
}

/** @param {Vendor} vendor */
function openTest(vendor) {
  const path = h("input", { class: "input", id: "test-source", type: "text", placeholder: vendor.integration?.scraperPath, autocomplete: "off" });
  const result = h("div", { role: "status", "aria-live": "polite" });
  const run = button(say("Run the test", "Kør test"), { kind: "primary", type: "submit", form: "test-form" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    run.disabled = true;
    run.prepend(icon("run"));
    const body = path.value.trim() ? { sourcePath: path.value.trim() } : {};
    try {
      const { data } = await ask(`${PATH}/${encodeURIComponent(vendor.slug)}/test`, { method: "POST", body });
      if (data.ok) {
        const found = say(`${number(data.meta?.totalItems)} items`, `${number(data.meta?.totalItems)} varer`);
        toast("ok", say("The connection was tested", "Forbindelsestest gennemført"), found);
        dialog.close();
      } else {
        toast("bad", say("The test of the connection failed", "Forbindelsestest mislykkedes"), data.meta?.error);
      }
      load();
    } catch (thrown) {
      const error = asError(thrown);
      toast("bad", say("The test of the connection failed", "Forbindelsestest mislykkedes"), error.details.join(" "));
    } finally {
      run.querySelector("svg")?.remove();
      run.disabled = false;
    }
  };
  const label = h("label", { for: "test-source" }, say("Path of a source (optional)", "Kildesti (valgfri)"));
  const hint = say("Reads the source from end to end, and changes nothing.", "Læser kilden fra ende til anden og ændrer intet.");
  const form = h("form", { id: "test-form", class: "field", onsubmit: submit }, label, path, h("p", { class: "note" }, hint));
  const dialog = openDialog(say("Test of the connection", "Forbindelsestest"), {
    body: [h("p", { class: "ink-2" }, vendor.name), form, result],
    foot: [button(say("Cancel", "Annuller"), { onclick: () => dialog.close() }), run],
  });
  path.focus();
}

/** @param {string} slug @param {boolean} [focus] */
function openVendor(slug, focus = false) {
  const vendor = vendors?.find((one) => one.slug === slug);
  if (!vendor) return;
  change({ vendor: slug }, { replace: true });
  list.select(slug);
  const from = document.activeElement;
  openDrawer(
    {
      title: vendor.name,
      summary: tested(vendor),
      tools: [button(say("Copy link", "Kopiér link"), { icon: "link", iconOnly: true, kind: "quiet small", onclick: () => copied(location.href) })],
      body: [lastTest(vendor), stateOf(vendor), credentials(vendor)],
      foot: h("a", { class: "button", href: `/vendor-sync?vendor=${encodeURIComponent(slug)}` }, say("See its runs", "Se kørsler")),
    },
    {
      focus,
      closed: () => {
        change({ vendor: null }, { replace: true });
        list.select(null);
        if (from instanceof HTMLElement && from.isConnected) from.focus();
        else list.focus(slug);
      },
    },
  );
}

/** @param {Vendor} vendor */
function lastTest(vendor) {
  const integration = vendor.integration;
  if (!integration) {
    const why = say("Nothing says how this vendor is reached.", "Intet siger, hvordan leverandøren nås.");
    return callout("idle", say("Not configured", "Ikke konfigureret"), why);
  }
  const wrong = integration.lastTestOk === false ? callout("bad", say("It could not be read", "Den kunne ikke læses"), integration.error) : null;
  return section(
    say("Latest test", "Seneste test"),
    wrong,
    h(
      "dl",
      { class: "facts" },
      fact(say("When", "Hvornår"), dateTime(integration.lastTestAt)),
      fact(say("Source", "Kilde"), integration.meta?.sourcePath ?? integration.scraperPath ?? "—"),
      fact(say("Items", "Varer"), number(integration.meta?.totalItems)),
      fact("Type", integration.type),
    ),
  );
}

/** @param {Vendor} vendor */
function stateOf(vendor) {
  const state = vendor.state;
  if (!state) return section(say("Snapshot", "Øjebliksbillede"), h("p", { class: "ink-3" }, say("No run has been applied yet.", "Ingen kørsel er anvendt endnu.")));
  return section(
    say("Snapshot", "Øjebliksbillede"),
    h(
      "dl",
      { class: "facts" },
      fact(say("Items", "Varer"), number(state.totalItems)),
      fact(say("Latest run", "Seneste kørsel"), dateTime(state.lastRunAt)),
      fact(say("Duration", "Varighed"), duration(state.lastDurationMs)),
      fact(say("User", "Bruger"), state.lastRunBy ?? "—"),
      state.lastError && fact(say("Latest error", "Seneste fejl"), state.lastError),
    ),
  );
}

/** @param {Vendor} vendor */
function credentials(vendor) {
  if (!mayChange) return null;
  if (vendor.configured) {
    const where = say("Set by the deployment's configuration, VENDORS: it is changed there.", "Sat af driftens konfiguration, VENDORS: det ændres dér.");
    return section(say("Credentials", "Legitimationsoplysninger"), h("p", { class: "ink-2" }, where));
  }
  const api = vendor.integration?.type === "API";
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string | null | undefined} */ value, type = "text") => {
    const input = h("input", { class: "input", id: `field-${name}`, name, type, value, autocomplete: "off" });
    return h("div", { class: "field" }, h("label", { for: `field-${name}` }, label), input);
  };
  const fields = api
    ? [
        field("apiBaseUrl", say("Address of the API", "API adresse"), vendor.integration?.apiBaseUrl),
        field("apiKey", say("API key", "API nøgle"), null, "password"),
      ]
    : [field("scraperPath", say("Default source", "Standard kilde"), vendor.integration?.scraperPath)];
  const save = button(say("Save", "Gem"), { kind: "primary", type: "submit" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    save.disabled = true;
    const entries = Array.from(form.querySelectorAll("input"), (input) => [input.name, input.value.trim() || null]);
    try {
      const body = { credentials: Object.fromEntries(entries) };
      await ask(`${PATH}/${encodeURIComponent(vendor.slug)}/credentials`, { method: "POST", body });
      toast("ok", say("Saved", "Gemt"));
      await load();
      openVendor(vendor.slug);
    } catch (thrown) {
      toast("bad", say("The change failed", "Opdatering mislykkedes"), asError(thrown).details.join(" "));
    } finally {
      save.disabled = false;
    }
  };
  const cancel = button(say("Cancel", "Annuller"), { onclick: closeDrawer });
  const form = h("form", { class: "grid gap-3", onsubmit: submit }, fields, h("div", { class: "flex gap-2" }, save, cancel));
  return section(say("Credentials", "Legitimationsoplysninger"), form);
}

async function openTestAll() {
  const { testAll } = await import("../modules/test-all.js");
  const named = (vendors ?? []).map(({ slug, name, integration }) => ({ slug, name, configured: integration !== null }));
  testAll(named, load);
}

function draw() {
  const all = mayTest && vendors !== null && vendors.length > 0;
  if (all !== (testSlot.childElementCount > 0)) {
    replace(testSlot, all && button(say("Test all", "Test alle"), { icon: "shield", onclick: openTestAll }));
  }
  replace(
    head,
    h("h2", { class: "grow" }, say("Vendors", "Leverandører")),
    vendors && h("span", { class: "note" }, number(vendors.length)),
  );
  if (!vendors && problem) {
    replace(content, failed(say("The data could not be fetched", "Kunne ikke hente data"), problem, load));
    return;
  }
  if (!vendors) {
    list.caption(say("Loading vendors…", "Indlæser leverandører…"));
    list.skeleton(4);
    replace(content, list.element);
    return;
  }
  if (vendors.length === 0) {
    const how = say("A vendor is a connection of the provider catalogue, or one of VENDORS.", "En leverandør er en forbindelse med udbyderen catalogue, eller en af VENDORS.");
    replace(content, blank(say("There are no vendors", "Der er ingen leverandører"), how, { icon: "plug" }));
    return;
  }
  const old = problem && shownAt ? h("div", { class: "card-body" }, stale(shownAt, problem, load)) : null;
  const count = vendors.length;
  list.caption(count === 1 ? say("1 vendor shown", "Viser 1 leverandør") : say(`${count} vendors shown`, `Viser ${count} leverandører`));
  list.rows(vendors);
  list.select(parameters().get("vendor"));
  replace(content, old, list.element);
}

async function load() {
  try {
    const answer = await ask(PATH);
    vendors = Array.isArray(answer.data) ? answer.data : [];
    shownAt = new Date();
    problem = null;
  } catch (thrown) {
    problem = asError(thrown);
  }
  draw();
}

addKeys([
  ...rowKeys((step) => void list.move(step)),
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close", "Luk"), run: closeDrawer },
]);

draw();
const named = parameters().get("vendor");
Promise.all([load(), whoever()]).then(([, who]) => {
  mayTest = may(who, "catalog:sync:write");
  mayChange = may(who, "connections:write");
  draw();
  if (named) openVendor(named);
});
