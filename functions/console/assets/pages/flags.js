// `/settings/admin/flags`: what is on, why, and for whom.

import { change, parameters } from "../modules/address.js";
import { asError } from "../modules/api.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { searchField } from "../modules/filter-fields.js";
import { flagText, sourceText } from "../modules/flag-words.js";
import { startPage } from "../modules/frame.js";
import { addKeys } from "../modules/keyboard.js";
import { say } from "../modules/language.js";
import { copied, toast } from "../modules/messages.js";
import { pageHead } from "../modules/page-head.js";
import { askPlatform } from "../modules/platform.js";
import { may, whoever } from "../modules/session.js";
import { status } from "../modules/status.js";
import { chosenTenant } from "../modules/tenant.js";
import { unavailable } from "../modules/unavailable.js";

/** @typedef {import("../modules/flag-words.js").FlagView} FlagView */

const main = startPage({ redraw: () => {}, ofAll: true });
const content = h("div", { class: "grid gap-3" });
/** @type {FlagView[] | null} */
let flags = null;
/** @type {FlagView[] | null} The same for the tenant that was asked for. */
let ofTenant = null;
/** @type {import("../modules/api.js").ApiError | null} */
let tenantProblem = null;
let mayChange = false;
/** Whether something was changed a moment ago. */
let isSettling = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settled;
/** By then every instance goes by what was changed. */
const SETTLED_MS = 31_000;

const tenant = () => parameters().get("tenant") ?? chosenTenant() ?? "";
const search = searchField(say("Tenant", "Lejer"), (name) => {
  change({ tenant: name || null });
  load();
});

replace(
  main,
  pageHead(say("Flags", "Flag"), say("What is on, why, and for whom; a change holds everywhere within half a minute", "Hvad der er slået til, hvorfor, og for hvem; en ændring gælder overalt inden for et halvt minut"), [
    button(say("Refresh", "Opdater"), { icon: "refresh", onclick: () => load() }),
  ]),
  h("div", { class: "filters mb-3 tenant-search", role: "search", "aria-label": say("A tenant", "En lejer") }, search.element),
  content,
);

const onOff = (/** @type {boolean} */ on, pill = false) => status(on ? "ok" : "idle", on ? say("On", "Til") : say("Off", "Fra"), { pill });

/**
 * On, off, or nobody's word.
 * @param {string} label
 * @param {boolean | undefined} now
 * @param {boolean} disabled
 * @param {(value: boolean | null, name: string) => void} chosen
 */
function override(label, now, disabled, chosen) {
  const choices = /** @type {[boolean | null, string][]} */ ([[true, say("On", "Til")], [false, say("Off", "Fra")], [null, say("None", "Ingen")]]);
  const one = (/** @type {[boolean | null, string]} */ [value, name]) =>
    h("button", { type: "button", disabled, "aria-pressed": String((now ?? null) === value), onclick: () => (now ?? null) !== value && chosen(value, name) }, name);
  return h("div", { class: "setting" }, h("span", { class: "ink-2" }, label), h("div", { class: "segmented", role: "group", "aria-label": label }, choices.map(one)));
}

/** @param {string} title @param {string} text @param {string} path @param {boolean | null} value */
async function askOverride(title, text, path, value) {
  const { openConfirm } = await import("../modules/confirm.js");
  openConfirm(title, {
    body: h("p", { class: "ink-2" }, text),
    go: value === null ? say("Take it back", "Tag den tilbage") : value ? say("Turn it on", "Slå til") : say("Turn it off", "Slå fra"),
    kind: value === false ? "danger" : "primary",
    failed: say("The flag was not changed", "Flaget blev ikke ændret"),
    run: async () => {
      take((await askPlatform(path, { method: "POST", body: { value } })).data);
    },
  });
}

/** @param {FlagView} flag */
function platformPart(flag) {
  const id = encodeURIComponent(flag.flag);
  const chosen = (/** @type {boolean | null} */ value, /** @type {string} */ name) =>
    askOverride(
      `${flag.flag}: ${name}`,
      value === null
        ? say("The override of the platform is taken back: what is set below decides again.", "Platformens tilsidesættelse tages tilbage: det, der er sat nedenfor, afgør det igen.")
        : value
          ? say("It is on for the platform, whatever is set below.", "Det er slået til for platformen, uanset hvad der er sat nedenfor.")
          : say("It is off for the platform, and its rollout stops. Tenants that were overridden by hand keep that.", "Det er slået fra for platformen, og udrulningen stopper. Lejere, der er tilsidesat med hånden, beholder det."),
      `/api/admin/flags/override/platform/${id}`,
      value,
    );
  return h(
    "div",
    { class: "grid gap-2" },
    h("h3", {}, say("Platform", "Platform")),
    h("p", { class: "flex wrap gap-2" }, onOff(flag.effectiveOn, true), h("span", { class: "ink-2" }, sourceText(flag.effectiveSource, flag.why))),
    override(say("Override", "Tilsidesættelse"), flag.sources.platform_override, !mayChange || flag.locked, chosen),
    flag.locked && h("p", { class: "note flex gap-1" }, icon("lock", "small"), say("The environment turns it on: it is changed with a deployment.", "Miljøet slår det til: det ændres med en udrulning af tjenesten.")),
  );
}

/** @param {FlagView} flag */
function tenantPart(flag) {
  const name = tenant();
  const title = h("h3", {}, name ? say(`Tenant ${name}`, `Lejer ${name}`) : say("Tenant", "Lejer"));
  if (!name) return h("div", { class: "grid gap-2" }, title, h("p", { class: "ink-3" }, say("Name a tenant above to see what holds for it.", "Skriv en lejer ovenfor for at se, hvad der gælder for den.")));
  if (tenantProblem) return h("div", { class: "grid gap-2" }, title, h("p", { class: "bad" }, tenantProblem.details.join(" ")));
  const own = ofTenant?.find((one) => one.flag === flag.flag);
  if (!own) return h("div", { class: "grid gap-2" }, title, h("span", { class: "skeleton middle" }));
  const chosen = (/** @type {boolean | null} */ value, /** @type {string} */ choice) =>
    askOverride(
      `${flag.flag}: ${name}, ${choice}`,
      value === null
        ? say(`The override of ${name} is taken back: it goes by the rollout and the platform again.`, `Tilsidesættelsen for ${name} tages tilbage: den følger udrulningen og platformen igen.`)
        : value
          ? say(`It is on for ${name}, whatever the platform says.`, `Det er slået til for ${name}, uanset hvad platformen siger.`)
          : say(`It is off for ${name}, whatever the platform says.`, `Det er slået fra for ${name}, uanset hvad platformen siger.`),
      `/api/admin/flags/override/tenant/${encodeURIComponent(name)}/${encodeURIComponent(flag.flag)}`,
      value,
    );
  const rollout = own.tenantSources?.rollout;
  const how = rollout === "pilot" ? say("as a pilot", "som pilot") : rollout === "percentage" ? say("by the percentage", "ved procentsatsen") : null;
  return h(
    "div",
    { class: "grid gap-2" },
    title,
    h("p", { class: "flex wrap gap-2" }, onOff(own.tenantEffectiveOn ?? false, true), h("span", { class: "ink-2" }, [sourceText(own.tenantEffectiveSource, own.tenantWhy), how].filter(Boolean).join(", "))),
    override(say(`Override of ${name}`, `Tilsidesættelse for ${name}`), own.tenantSources?.tenant_override, !mayChange || !flag.sources.allow_override, chosen),
    isSettling && h("p", { class: "note" }, say("As it was before the change; it is told anew in half a minute.", "Som det var før ændringen; det vises igen om et halvt minut.")),
    !flag.sources.allow_override && h("p", { class: "note" }, say("No tenant may differ about this flag.", "Ingen lejer må afvige om dette flag.")),
  );
}

/** Whoever is let in before all are. @param {FlagView} flag */
function rolloutPart(flag) {
  const rollout = flag.rollout ?? { percentage: 0, pilots: [] };
  const id = (/** @type {string} */ name) => `${name}-${flag.flag}`;
  const disabled = !mayChange;
  const enabled = h("input", { class: "check", type: "checkbox", checked: flag.sources.platform_db, disabled });
  const differ = h("input", { class: "check", type: "checkbox", checked: flag.sources.allow_override, disabled });
  const percentage = h("input", { class: "input", id: id("percentage"), type: "number", min: 0, max: 100, step: 1, required: true, value: rollout.percentage, disabled: disabled || !flag.sources.allow_override });
  const pilots = h("input", { class: "input", id: id("pilots"), value: rollout.pilots.join(", "), autocomplete: "off", spellcheck: "false", disabled: disabled || !flag.sources.allow_override });
  const save = button(say("Save", "Gem"), { kind: "small", type: "submit", disabled: true });
  const told = h("p", { class: "note", role: "status" });
  const wanted = () => {
    const names = pilots.value.split(/[\s,]+/).filter(Boolean);
    return {
      ...(enabled.checked !== flag.sources.platform_db && { enabled: enabled.checked }),
      ...(differ.checked !== flag.sources.allow_override && { allowOverride: differ.checked }),
      ...((percentage.valueAsNumber !== rollout.percentage || names.join() !== rollout.pilots.join()) && {
        rollout: {
          ...(percentage.valueAsNumber !== rollout.percentage && { percentage: percentage.valueAsNumber }),
          ...(names.join() !== rollout.pilots.join() && { pilots: names }),
        },
      }),
    };
  };
  const changed = () => {
    const could = mayChange && differ.checked;
    percentage.disabled = pilots.disabled = !could;
    save.disabled = Object.keys(wanted()).length === 0 || !percentage.checkValidity();
    const lower = percentage.valueAsNumber < rollout.percentage;
    replace(told, lower && say("A lower percentage drops the tenants that came last.", "En lavere procentsats slipper de lejere, der kom sidst."));
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    save.disabled = true;
    try {
      take((await askPlatform(`/api/admin/flags/${encodeURIComponent(flag.flag)}`, { method: "PUT", body: wanted() })).data);
    } catch (thrown) {
      toast("bad", say("The flag was not changed", "Flaget blev ikke ændret"), asError(thrown).details.join(" "));
      save.disabled = false;
    }
  };
  const field = (/** @type {HTMLInputElement} */ input, /** @type {string} */ label) => h("div", { class: "field" }, h("label", { for: input.id }, label), input);
  return h(
    "form",
    { class: "grid gap-2", onsubmit: submit, oninput: changed },
    h("h3", {}, say("Where nobody has overridden it", "Hvor ingen har tilsidesat det")),
    h("label", { class: "flex gap-2" }, enabled, say("Enabled for all", "Slået til for alle")),
    h("label", { class: "flex gap-2" }, differ, say("Tenants may differ", "Lejere må afvige")),
    h(
      "div",
      { class: "rollout" },
      field(percentage, say("Rollout, per cent", "Udrulning, procent")),
      field(pilots, say("Pilots", "Piloter")),
    ),
    h("div", { class: "flex gap-2" }, mayChange && save, told),
  );
}

/** @param {FlagView} flag */
function card(flag) {
  const id = `title-${flag.flag}`;
  return h(
    "section",
    { class: "card", "aria-labelledby": id },
    h("div", { class: "card-head" }, h("h2", { class: "font-mono break-words", id }, flag.flag), h("span", { class: "note grow" }, flagText(flag.flag)), onOff(flag.effectiveOn)),
    h("div", { class: "card-body flag-parts" }, platformPart(flag), rolloutPart(flag), tenantPart(flag)),
  );
}

function draw() {
  search.show(tenant());
  replace(content, (flags ?? []).map(card));
}

/** The flag as it is now: others may tell it as it was for half a minute, and are asked after that. @param {FlagView} now */
function take(now) {
  const into = (/** @type {FlagView[] | null} */ list) => list && list.map((one) => (one.flag === now.flag ? { ...one, ...now } : one));
  [flags, ofTenant] = [into(flags), into(ofTenant)];
  isSettling = now.tenantId === undefined;
  clearTimeout(settled);
  settled = setTimeout(load, SETTLED_MS);
  toast("ok", say("The flag was changed", "Flaget blev ændret"));
  draw();
}

async function load() {
  const name = tenant();
  try {
    isSettling = false;
    flags = (await askPlatform("/api/admin/effective-flags")).data;
    ofTenant = tenantProblem = null;
    if (name) {
      try {
        ofTenant = (await askPlatform(`/api/admin/effective-flags/${encodeURIComponent(name)}`)).data;
      } catch (thrown) {
        tenantProblem = asError(thrown);
      }
    }
    draw();
  } catch (thrown) {
    replace(content, unavailable(say("The flags could not be fetched", "Flagene kunne ikke hentes"), asError(thrown), load));
  }
}

addKeys([
  { key: "/", text: say("A tenant", "En lejer"), run: () => search.input.focus() },
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
]);
addEventListener("popstate", () => load());

replace(content, h("p", { class: "ink-3", role: "status" }, say("Loading…", "Indlæser…")));
search.show(tenant());
whoever().then((who) => {
  mayChange = may(who, "connections:write");
  load();
});
