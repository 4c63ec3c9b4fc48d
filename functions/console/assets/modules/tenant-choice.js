// Choosing a tenant: one of several that are a person's, or any by its name.

import { asError, ask } from "./api.js";
import { openDialog } from "./dialog.js";
import { button, h, replace } from "./dom.js";
import { say } from "./language.js";
import { chooseTenant, chosenTenant } from "./tenant.js";

/** @typedef {import("./session.js").Who} Who */

/**
 * What is chosen with.
 * @param {Who} who
 * @param {(tenant: string | null) => void} chosen
 */
export function tenantChoice(who, chosen) {
  if (who.anyTenant) return anyTenant(chosen);
  const current = chosenTenant();
  // A link of another's tenant leads back to one's own.
  const own = who.tenants.length > 0 ? who.tenants : [null];
  const one = (/** @type {string | null} */ tenant) =>
    button(tenant ?? say(`Back to ${who.tenant}`, `Tilbage til ${who.tenant}`), {
      "aria-current": tenant !== null && tenant === current ? "true" : null,
      onclick: () => chosen(tenant),
    });
  return h("div", { class: "choices", role: "group", "aria-label": say("Tenants", "Lejere") }, own.map(one));
}

/** @param {(tenant: string | null) => void} chosen */
function anyTenant(chosen) {
  const field = h("input", {
    class: "input",
    id: "tenant",
    value: chosenTenant(),
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 64,
    "aria-describedby": "tenant-hint",
  });
  const wrong = h("p", { class: "field-error", role: "alert" });
  const enter = button(say("Enter", "Gå ind"), { kind: "primary", type: "submit" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const tenant = field.value.trim().toLowerCase();
    if (!tenant) return chosen(null);
    enter.disabled = true;
    try {
      // What can be no tenant's name is told here, and not by each list.
      await ask("/api/auth/session", { stay: true, tenant });
      chosen(tenant);
    } catch (thrown) {
      replace(wrong, asError(thrown).details.join(" "));
      field.focus();
    } finally {
      enter.disabled = false;
    }
  };
  return h(
    "form",
    { class: "grid gap-3", onsubmit: submit },
    h(
      "div",
      { class: "field" },
      h("label", { for: "tenant" }, say("Tenant", "Lejer")),
      field,
      wrong,
      h(
        "p",
        { class: "note", id: "tenant-hint" },
        say(
          "What you do in a tenant is on its record. Without one, the overview and health are of all tenants, and lists of your own.",
          "Hvad du gør hos en lejer, står i dens hændelseslog. Uden en er overblik og helbred for alle lejere, og lister for din egen.",
        ),
      ),
    ),
    h(
      "div",
      { class: "flex gap-2" },
      enter,
      button(say("Without a tenant", "Uden en lejer"), { onclick: () => chosen(null) }),
    ),
  );
}

/** @param {Who} who */
export function openTenantDialog(who) {
  const title = say("Whose data?", "Hvis data?");
  const dialog = openDialog(title, { body: tenantChoice(who, chooseTenant) });
  for (const way of ["[aria-current]", "input", ".choices button"]) {
    const first = dialog.querySelector(way);
    if (first instanceof HTMLElement) return first.focus();
  }
}
