// Changing how a vendor is reached, or making a connection to it. What is not asked for here stays as it is.

import { asError, ask, ofTenant } from "./api.js";
import { toldBy } from "./control-api.js";
import { toldWith } from "./control-labels.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, replace } from "./dom.js";
import { say } from "./language.js";
import { callout, toast } from "./messages.js";

/** @typedef {import("./control-words.js").Provider} Provider */
/** @typedef {{ tenant: string, provider: string, name: string, displayName: string, settings: Record<string, unknown>, schedule: unknown, version: number }} Stored */

const NUMBERS = /** @type {const} */ (["pageSize", "requestsPerMinute", "requestsPerHour", "breakerFailures"]);

/**
 * @param {Provider} provider
 * @param {{ tenant: string, name: string, isNew: boolean, done: () => void }} options
 */
export async function editConnection(provider, { tenant, name, isNew, done }) {
  const path = `/api/admin/connections/${[tenant, provider.id, name].map(encodeURIComponent).join("/")}`;
  /** @type {Stored | null} */
  let stored = null;
  if (!isNew) {
    try {
      stored = (await ask(ofTenant(path, null), { stay: true })).data;
    } catch (thrown) {
      return toast("bad", say("The connection could not be fetched", "Forbindelsen kunne ikke hentes"), toldBy(asError(thrown)));
    }
  }
  const settings = stored?.settings ?? {};
  const names = {
    pageSize: say("Page size", "Sidestørrelse"),
    requestsPerMinute: say("Requests a minute", "Forespørgsler i minuttet"),
    requestsPerHour: say("Requests an hour", "Forespørgsler i timen"),
    breakerFailures: say("Failures that open the breaker", "Fejl, der åbner afbryderen"),
  };
  const usual = { pageSize: provider.pull?.pageSize, requestsPerMinute: provider.pull?.requestsPerMinute, requestsPerHour: provider.pull?.requestsPerHour, breakerFailures: 5 };
  const labels = { baseUrl: say("Base URL", "Base-URL"), current: say("API key", "API-nøgle"), entities: say("Entities", "Entiteter") };
  const url = h("input", { class: "input", id: "edit-url", type: "url", placeholder: provider.pull?.baseUrl, value: text(settings.baseUrl), autocomplete: "off", spellcheck: "false", "data-testid": "input-base-url" });
  const key = h("input", { class: "input", id: "edit-key", type: "password", autocomplete: "off", spellcheck: "false", required: isNew, "data-testid": "input-api-key" });
  const numbers = NUMBERS.map((one) => [one, h("input", { class: "input", id: `edit-${one}`, type: "number", min: 1, step: 1, inputmode: "numeric", placeholder: usual[one], value: text(settings[one]) })]);
  const problem = h("div", { role: "alert" });
  const keep = button(isNew ? say("Add", "Tilføj") : say("Save", "Gem"), { kind: "primary", type: "submit", form: "edit-form", "data-testid": "button-save-connection" });
  const field = (/** @type {HTMLElement} */ input, /** @type {string} */ label, /** @type {string} */ hint = "") =>
    h("div", { class: "field" }, h("label", { for: input.id }, label), input, hint && h("p", { class: "note" }, hint));
  const form = h(
    "form",
    { id: "edit-form", class: "grid gap-3", novalidate: true, onsubmit: (/** @type {Event} */ event) => save(event) },
    field(url, labels.baseUrl, say("Empty: the vendor's own. A key is sent to the host that it was given with, and to no other.", "Tom: leverandørens egen. En nøgle sendes til den vært, den blev givet sammen med, og ingen anden.")),
    field(key, labels.current, isNew ? provider.secretAbout : say("Empty: the one that is stored. It cannot be read back.", "Tom: den, der er gemt. Den kan ikke læses igen.")),
    h("div", { class: "grid cols-2 gap-3" }, numbers.map(([one, input]) => field(/** @type {HTMLElement} */ (input), names[/** @type {keyof typeof names} */ (one)]))),
    problem,
  );
  const title = isNew ? say(`A connection to ${provider.name}`, `En forbindelse til ${provider.name}`) : say(`Change ${stored?.displayName ?? name}`, `Ændr ${stored?.displayName ?? name}`);
  const dialog = openDialog(title, { body: form, foot: [button(say("Cancel", "Annuller"), { onclick: () => dialog.close() }), keep] });
  url.focus();

  /** @param {Event} event */
  async function save(event) {
    event.preventDefault();
    keep.disabled = true;
    keep.prepend(icon("run"));
    /** @type {Record<string, unknown>} */
    const changed = { ...settings, baseUrl: url.value.trim() || undefined };
    for (const [one, input] of numbers) {
      const { value } = /** @type {HTMLInputElement} */ (input);
      changed[/** @type {string} */ (one)] = value === "" ? undefined : Number(value);
    }
    const body = {
      settings: changed,
      ...(stored && { displayName: stored.displayName, schedule: stored.schedule }),
      ...(key.value && { secrets: { current: key.value.trim() } }),
    };
    try {
      // Whoever else changed it meanwhile is not overwritten.
      /** @type {Record<string, string>} */
      const more = stored ? { "if-match": `"${stored.version}"` } : { "if-none-match": "*" };
      await ask(path, { method: "PUT", body, more, stay: true });
      dialog.close();
      toast("ok", isNew ? say("The connection is made", "Forbindelsen er lavet") : say("The connection is changed", "Forbindelsen er ændret"));
      done();
    } catch (thrown) {
      replace(problem, callout("bad", say("It was not saved", "Den blev ikke gemt"), toldWith(asError(thrown), { ...names, ...labels })));
      keep.querySelector("svg")?.remove();
      keep.disabled = false;
    } finally {
      key.value = "";
    }
  }
}

/** @param {unknown} value */
const text = (value) => (typeof value === "string" || typeof value === "number" ? String(value) : null);
