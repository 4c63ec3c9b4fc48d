// Going to a page, a connection, a run or a delivery, by keyboard alone.

import { asError, ask } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, icon, replace } from "./dom.js";
import { say } from "./language.js";
import { placeOf } from "./overview-words.js";

/** @typedef {{ mark: import("./dom.js").IconName, text: string, kind: string, place: string }} Target */

const CONNECTIONS_MAX = 100;
const SHOWN_MAX = 8;
/** A run is looked for with each of so many vendors. */
const VENDORS_MAX = 20;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** As the navigation has them. @returns {Target[]} */
function pages() {
  const links = Array.from(document.querySelectorAll(".nav a"), (link) => ({
    text: link.textContent?.trim() ?? "",
    place: link.getAttribute("href") ?? "/",
  }));
  links.push(
    { text: say("Vendor registry", "Leverandørregister"), place: "/vendor-sync/registry" },
    { text: say("Webhooks out", "Webhooks ud"), place: "/deliveries/out" },
    { text: "GBP Category Sync", place: "/settings/admin/gbp-sync" },
    { text: say("Categories", "Kategorier"), place: "/settings/admin/categories" },
    { text: say("Flags", "Flag"), place: "/settings/admin/flags" },
    { text: say("Weekly digest", "Ugebrev"), place: "/settings/admin/digests" },
  );
  return links.map((link) => ({ ...link, mark: "right", kind: say("Page", "Side") }));
}

/** @returns {Promise<Target[]>} */
async function connections() {
  const answer = await ask(`/api/admin/overview?limit=${CONNECTIONS_MAX}`, { stay: true });
  return answer.items.map((/** @type {import("./overview-words.js").Connection} */ one) => ({
    mark: "plug",
    text: `${one.displayName} · ${one.connection}`,
    kind: say("Connection", "Forbindelse"),
    place: placeOf(one),
  }));
}

/** The run of this id, whichever vendor's it is. @param {string} id @returns {Promise<Target[]>} */
async function run(id) {
  const answer = await ask("/api/catalog/vendor-sync/registry", { stay: true });
  const of = async (/** @type {{ slug: string, name: string }} */ vendor) => {
    const query = new URLSearchParams({ vendorId: vendor.slug, limit: "1", cursor: id });
    // Whose it is not says so.
    const found = await ask(`/api/catalog/vendor-sync/observability?${query}`, { stay: true }).catch(() => null);
    if (!found) return [];
    const place = `/vendor-sync?${new URLSearchParams({ vendor: vendor.slug, period: "all", run: id })}`;
    return [{ mark: /** @type {const} */ ("play"), text: `${vendor.name} · ${id}`, kind: say("Run", "Kørsel"), place }];
  };
  return (await Promise.all(answer.data.slice(0, VENDORS_MAX).map(of))).flat();
}

/** @param {string} text @returns {Target} */
const deliveries = (text) => ({
  mark: "search",
  text: say(`Deliveries with “${text}”`, `Leverancer med “${text}”`),
  kind: say("90 days", "90 dage"),
  place: `/deliveries?${new URLSearchParams({ last: "90d", q: text })}`,
});

export function openPalette() {
  if (document.querySelector("dialog[open]")) return;
  const label = say("Page, connection, run, key or trace", "Side, forbindelse, kørsel, nøgle eller spor");
  const field = h("input", {
    class: "input",
    type: "text",
    role: "combobox",
    placeholder: label,
    "aria-label": label,
    "aria-expanded": "true",
    "aria-controls": "palette",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 200,
  });
  const list = h("ul", { id: "palette", class: "palette", role: "listbox", "aria-label": say("Places", "Steder") });
  const told = h("p", { class: "note", role: "status" });
  openDialog(say("Go to", "Gå til"), { body: [field, list, told] });
  field.focus();

  const known = pages();
  /** @type {Target[]} */
  let found = [];
  /** Runs by the id that was typed. @type {Map<string, Target[]>} */
  const runs = new Map();
  let at = 0;

  const mark = (/** @type {number} */ next) => {
    at = Math.min(Math.max(next, 0), found.length - 1);
    for (const [index, line] of [...list.children].entries()) {
      line.setAttribute("aria-selected", String(index === at));
      if (index === at) line.scrollIntoView({ block: "nearest" });
    }
    if (at >= 0) field.setAttribute("aria-activedescendant", `place-${at}`);
    else field.removeAttribute("aria-activedescendant");
  };
  const draw = () => {
    const text = field.value.trim();
    const words = text.toLowerCase().split(/\s+/);
    const fits = (/** @type {Target} */ one) => words.every((word) => one.text.toLowerCase().includes(word));
    found = [...(runs.get(text) ?? []), ...known.filter(fits).slice(0, SHOWN_MAX)];
    if (text) found.push(deliveries(text));
    const line = (/** @type {Target} */ one, /** @type {number} */ index) =>
      h(
        "li",
        { role: "option", id: `place-${index}`, "aria-selected": "false", onclick: () => location.assign(one.place) },
        icon(one.mark),
        h("span", { class: "grow truncate" }, one.text),
        h("span", { class: "note" }, one.kind),
      );
    replace(list, found.map(line));
    mark(0);
  };
  const look = async (/** @type {string} */ id) => {
    runs.set(id, []);
    runs.set(id, await run(id).catch(() => []));
    if (field.value.trim() === id) draw();
  };
  field.addEventListener("input", () => {
    const text = field.value.trim();
    if (ID.test(text) && !runs.has(text)) look(text);
    draw();
  });
  field.addEventListener("keydown", (event) => {
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: at + 1, ArrowUp: at - 1 });
    if (event.key in steps) mark(steps[event.key]);
    else if (event.key === "Enter" && found[at]) location.assign(found[at].place);
    else return;
    event.preventDefault();
  });
  draw();
  connections()
    .then((more) => known.push(...more))
    .catch((thrown) => replace(told, say("Without connections: ", "Uden forbindelser: "), asError(thrown).details.join(" ")))
    .finally(draw);
}
