// What the list of deliveries is filtered by: it stands in the address, and is chosen from tabs and chips.

import { parameters } from "./address.js";
import { ask } from "./api.js";
import { reasonText } from "./delivery-words.js";
import { button, h, icon, replace } from "./dom.js";
import { searchField, selectChip } from "./filter-fields.js";
import { number, say } from "./language.js";
import { blank } from "./messages.js";
import { whoever } from "./session.js";
import { timeField } from "./time-field.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {ReturnType<typeof wantedDeliveries>} Now */

/** @type {Record<string, [string, string]>} */
const STATUSES = {
  all: ["All", "Alle"],
  processed: ["Processed", "Behandlet"],
  rejected: ["Rejected", "Afvist"],
  dead: ["Dead", "Døde"],
};
/** @type {Record<string, { milliseconds: number, name: [string, string] }>} */
export const PERIODS = {
  "15m": { milliseconds: 900_000, name: ["Last 15 minutes", "Sidste 15 minutter"] },
  "1h": { milliseconds: 3_600_000, name: ["Last hour", "Sidste time"] },
  "24h": { milliseconds: 86_400_000, name: ["Last 24 hours", "Sidste 24 timer"] },
  "7d": { milliseconds: 604_800_000, name: ["Last 7 days", "Sidste 7 dage"] },
  "14d": { milliseconds: 1_209_600_000, name: ["Last 14 days", "Sidste 14 dage"] },
  "90d": { milliseconds: 7_776_000_000, name: ["Last 90 days", "Sidste 90 dage"] },
};
const DEFAULT_PERIOD = "24h";
/** Providers whose deliveries are not told apart by connection, or that send none. */
const OWN_DOORS = ["catalogue", "pos", "trackstar"];
/** In place of a period: from one moment to another. */
const BETWEEN = "between";

/** What the address asks for. */
export function wantedDeliveries() {
  const query = parameters();
  const status = query.get("status") ?? "all";
  const last = query.get("last") ?? DEFAULT_PERIOD;
  const bound = query.has("from") || query.has("to");
  return {
    status: status in STATUSES ? status : "all",
    reason: status === "rejected" ? (query.get("reason") ?? "") : "",
    source: query.get("source") ?? "",
    tenant: query.get("tenant") ?? "",
    text: (query.get("q") ?? "").trim(),
    last: bound ? null : last in PERIODS ? last : DEFAULT_PERIOD,
    from: query.get("from"),
    to: query.get("to"),
    open: query.get("open"),
  };
}

/** What a choice offers: what is known, and what is chosen. @param {(string | null | undefined)[]} values @param {string} value */
const offered = (values, value) => [...new Set([...values.filter(Boolean), value].filter(Boolean))].map(String).sort();

/** @param {string} value @param {string} name @returns {[string, string]} */
const choice = (value, name) => [value, name];

/** @param {Now} now */
const isFiltered = (now) =>
  now.status !== "all" || now.source !== "" || now.tenant !== "" || now.text !== "" || now.last !== DEFAULT_PERIOD;

/** @param {string} period */
const at = (period) => say(`the ${period}`, `de ${period}`);

/**
 * The tabs of statuses, the chips, and what is said where nothing fits.
 * @param {(changes: Record<string, string | null>) => void} filter Applies a change.
 */
export function deliveryFilters(filter) {
  const tabs = h("div", { class: "tabs mb-3", role: "group", "aria-label": "Status" });
  const element = h("div", { class: "filters mb-2", role: "search", "aria-label": say("Filters", "Filtre") });
  const resetAll = () => filter({ status: null, reason: null, source: null, tenant: null, q: null, last: null, from: null, to: null });
  /** What was met so far, so that a filter does not take away the others. @type {{ sources: Set<string>, tenants: Set<string> }} */
  const met = { sources: new Set(["pos", "trackstar", "unknown"]), tenants: new Set() };

  /** Whose data a list is of where no other tenant is asked for. @type {string | null} */
  let own = null;
  /** Draws again what is shown. */
  let redraw = () => {};
  const offer = async () => {
    const [who, answer] = await Promise.all([whoever(), ask("/api/admin/overview?limit=50", { stay: true }).catch(() => null)]);
    own = who?.tenant ?? null;
    for (const { tenant, provider, name } of answer?.items ?? []) {
      met.tenants.add(tenant);
      if (!OWN_DOORS.includes(provider)) met.sources.add(`${provider}/${name}`);
    }
    redraw();
  };
  offer();

  const timeFrom = timeField("from", say("From", "Fra"), (from) => filter({ from, last: null }));
  const timeTo = timeField("to", say("To", "Til"), (to) => filter({ to, last: null }));
  const search = searchField(say("Key, trace or text", "Nøgle, spor eller tekst"), (text) => filter({ q: text || null }));

  /** @param {Delivery[]} shown @param {import("./delivery-feed.js").ReasonCount[]} reasons */
  function drawFilters(shown, reasons) {
    if (timeFrom.isTouched() || timeTo.isTouched()) return;
    const now = wantedDeliveries();
    const held = element.contains(document.activeElement) ? document.activeElement : null;
    const heldName = held?.closest("[data-filter]")?.getAttribute("data-filter");
    for (const one of shown) {
      if (one.source) met.sources.add(one.source);
      if (one.tenant) met.tenants.add(one.tenant);
    }
    search.show(now.text);
    const any = say("Any", "Alle");
    const period = selectChip(
      "last",
      say("Time", "Tid"),
      now.last ?? BETWEEN,
      [...Object.entries(PERIODS).map(([value, { name }]) => choice(value, say(...name))), choice(BETWEEN, say("Between…", "Mellem…"))],
      (last) => {
        const begin = last === BETWEEN ? new Date(Date.now() - 86_400_000).toISOString() : null;
        filter({ last: begin || last === DEFAULT_PERIOD ? null : last, from: begin, to: null });
      },
      now.last !== DEFAULT_PERIOD,
    );
    timeFrom.show(now.from);
    timeTo.show(now.to);
    const source = selectChip(
      "source",
      say("Source", "Kilde"),
      now.source,
      [choice("", any), ...offered([...met.sources], now.source).map((one) => choice(one, one))],
      (value) => filter({ source: value || null }),
    );
    const tenants = offered([...met.tenants], now.tenant);
    const tenant =
      (tenants.length > 1 || now.tenant) &&
      selectChip(
        "tenant",
        say("Tenant", "Lejer"),
        now.tenant,
        // Refused ones alone are listed of all tenants.
        [choice("", now.status === "rejected" ? any : (own ?? any)), ...tenants.filter((one) => one !== own || one === now.tenant || now.status === "rejected").map((one) => choice(one, one))],
        (value) => filter({ tenant: value || null }),
      );
    const counted = reasons.map(({ reason, count }) => choice(reason, `${reasonText(reason)} (${number(count)})`));
    if (now.reason && !counted.some(([reason]) => reason === now.reason)) counted.push(choice(now.reason, reasonText(now.reason)));
    const why =
      now.status === "rejected" &&
      selectChip("reason", say("Reason", "Grund"), now.reason, [choice("", any), ...counted], (reason) => filter({ reason: reason || null }));
    const between = now.last === null && [timeFrom.element, timeTo.element];
    const reset = isFiltered(now) && button(say("Reset", "Nulstil"), { kind: "quiet", onclick: resetAll });
    replace(element, search.element, period, between, why, source, tenant, reset);
    if (held === search.input) search.input.focus();
    else if (heldName)
      /** @type {HTMLElement | null} */ (
        element.querySelector(`[data-filter="${heldName}"] :is(select, input)`)
      )?.focus();
  }

  function drawTabs() {
    const now = wantedDeliveries();
    const held = tabs.contains(document.activeElement) ? document.activeElement?.getAttribute("data-status") : null;
    /** @type {Record<string, SVGElement>} */
    const marks = { processed: icon("ok", "ok"), rejected: icon("bad", "bad"), dead: icon("dead", "held") };
    replace(
      tabs,
      Object.entries(STATUSES).map(([status, name]) =>
        h(
          "button",
          {
            type: "button",
            "data-status": status,
            "aria-pressed": String(status === now.status),
            onclick: () => filter({ status: status === "all" ? null : status, reason: null }),
          },
          marks[status],
          say(...name),
        ),
      ),
    );
    const again = held ? tabs.querySelector(`[data-status="${held}"]`) : null;
    if (again instanceof HTMLElement) again.focus();
  }

  /** @param {Now} now */
  function nothing(now) {
    const period = now.last ? say(...PERIODS[now.last].name).toLowerCase() : say("that time", "den tid");
    const from = now.source ? say(` from ${now.source}`, ` fra ${now.source}`) : "";
    const kind = now.status === "all" ? "" : ` ${say(...STATUSES[now.status]).toLowerCase()}`;
    const text = now.text
      ? say(` has “${now.text}” in its key, trace or text`, ` har “${now.text}” i nøgle, spor eller tekst`)
      : "";
    const sentence = text
      ? say(`Nothing${kind}${from} in ${at(period)}${text}.`, `Intet${kind}${from} i ${at(period)}${text}.`)
      : say(`Nothing${kind} came${from} in ${at(period)}.`, `Intet${kind} kom${from} i ${at(period)}.`);
    const wider =
      now.last &&
      now.last !== "90d" &&
      button(say("Search 90 days", "Søg i 90 dage"), { onclick: () => filter({ last: "90d", from: null, to: null }) });
    const reset =
      isFiltered(now) && button(say("Reset the filters", "Nulstil filtrene"), { kind: "primary", onclick: resetAll });
    const isDeadAlone = now.status === "dead" && !now.source && !now.tenant && !now.text;
    const title = isDeadAlone
      ? say("No dead letters wait for a decision", "Ingen døde leverancer venter på en afgørelse")
      : isFiltered(now)
      ? say("No delivery matches these filters", "Ingen leverance passer til filtrene")
      : say("No deliveries yet", "Ingen leverancer endnu");
    return blank(title, sentence, { actions: /** @type {HTMLElement[]} */ ([reset, wider].filter(Boolean)) });
  }

  return {
    tabs,
    element,
    /** @param {Delivery[]} shown @param {import("./delivery-feed.js").ReasonCount[]} reasons */
    draw(shown, reasons) {
      redraw = () => drawFilters(shown, reasons);
      drawTabs();
      drawFilters(shown, reasons);
    },
    nothing,
    /** Goes to the field for texts. */
    focus: () => search.input.focus(),
  };
}
