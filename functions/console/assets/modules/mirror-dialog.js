// Starting a mirror by hand: which way, whose, and whether for real.

import { asError } from "./api.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, replace } from "./dom.js";
import { say } from "./language.js";
import { callout } from "./messages.js";
import { strategyText, whose } from "./mirror-words.js";
import { askPlatform } from "./platform.js";

/** @param {string | null} tenant Whose at first. @param {(said: string) => void} started */
export function openMirrorDialog(tenant, started) {
  const strategy = h(
    "select",
    { class: "select", id: "mirror-strategy" },
    ["platform_to_gbp", "gbp_to_platform"].map((one) => h("option", { value: one }, strategyText(one))),
  );
  const name = h("input", { class: "input", id: "mirror-tenant", value: tenant, autocomplete: "off", spellcheck: "false", maxlength: 64, "aria-describedby": "mirror-whose" });
  const dry = h("input", { class: "check", id: "mirror-dry", type: "checkbox" });
  const meaning = h("p", { class: "note", role: "status" });
  const told = h("div", { role: "status", "aria-live": "polite" });
  const go = button("", { kind: "primary", type: "submit", form: "mirror-form" });

  const describe = () => {
    const id = name.value.trim();
    const whom = id || say("all tenants that have the feature on", "alle lejere, der har funktionen slået til");
    const way = dry.checked ? say(`The categories of ${whom} and those of their locations are compared.`, `Kategorierne hos ${whom} og stedernes sammenlignes.`)
      : strategy.value === "platform_to_gbp"
      ? say(`The locations of ${whom} are given the tenant's categories.`, `Stederne hos ${whom} får lejerens kategorier.`)
      : say(`The categories of ${whom} become those of the locations.`, `Kategorierne hos ${whom} bliver stedernes.`);
    const real = dry.checked
      ? say(" Nothing is changed. The next sync the same way may start a minute later.", " Intet ændres. Den næste synkronisering samme vej kan starte et minut senere.")
      : say(" One that would remove much waits for approval.", " En, der ville fjerne meget, venter på godkendelse.");
    replace(meaning, way + real);
    replace(go, dry.checked ? say("Start the dry run", "Start prøvekørslen") : say("Start the sync", "Start synkroniseringen"));
  };

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    go.disabled = true;
    go.prepend(icon("run"));
    try {
      const tenantId = name.value.trim();
      const body = { strategy: strategy.value, ...(tenantId && { tenantId }), dryRun: dry.checked };
      const answer = await askPlatform("/api/categories/mirror", { method: "POST", body });
      dialog.close();
      started([whose(answer.tenantId), strategyText(answer.strategy), answer.dryRun && say("dry run", "prøvekørsel")].filter(Boolean).join(", "));
    } catch (thrown) {
      const error = asError(thrown);
      replace(told, callout("bad", refusal(error), error.details.join(" ")));
    } finally {
      go.querySelector("svg")?.remove();
      go.disabled = false;
    }
  };

  const field = (/** @type {string} */ of, /** @type {string} */ label, /** @type {HTMLElement} */ input, /** @type {HTMLElement | null} */ note = null) =>
    h("div", { class: "field" }, h("label", { for: of }, label), input, note);
  const form = h(
    "form",
    { id: "mirror-form", class: "grid gap-3", onsubmit: submit, oninput: describe },
    field("mirror-strategy", say("Strategy", "Strategi"), strategy),
    field("mirror-tenant", say("Tenant", "Lejer"), name, h("p", { class: "note", id: "mirror-whose" }, say("Leave it empty for all tenants.", "Lad det stå tomt for alle lejere."))),
    h("label", { class: "flex gap-2" }, dry, say("Dry run: nothing is changed", "Prøvekørsel: intet ændres")),
    meaning,
  );
  const dialog = openDialog(say("Trigger Manual Sync", "Start en synkronisering"), {
    body: [form, told],
    foot: [button(say("Cancel", "Annullér"), { onclick: () => dialog.close() }), go],
  });
  describe();
  strategy.focus();
}

/** What was refused, in words. @param {import("./api.js").ApiError} error */
function refusal(error) {
  if (error.code === "feature_disabled") return say(`${error.body.flag ?? "The feature"} is off`, `${error.body.flag ?? "Funktionen"} er slået fra`);
  if (error.code === "platform_admin_required") return say("Only the platform's administrators may", "Kun platformens administratorer må");
  return say("The sync was not queued", "Synkroniseringen kom ikke i kø");
}
