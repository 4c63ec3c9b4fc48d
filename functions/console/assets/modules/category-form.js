// A category, to be made or changed, to be mapped to one of Google's, and to be deleted.

import { asError } from "./api.js";
import { slugOf, tree, within } from "./category-tree.js";
import { openConfirm } from "./confirm.js";
import { button, h, replace } from "./dom.js";
import { section } from "./drawer.js";
import { dateTime, number, say } from "./language.js";
import { callout, fact, toast } from "./messages.js";
import { askPlatform } from "./platform.js";
import { status } from "./status.js";

/** @typedef {import("./category-tree.js").Category} Category */
/** @typedef {{ tenant: string, all: Category[], mayChange: boolean, changed: (id: string | null) => Promise<void> }} Place */

/** @param {string} tenant @param {string} [id] @param {string} [what] */
const path = (tenant, id, what) =>
  `/api/v1/tenants/${encodeURIComponent(tenant)}/categories${id ? `/${encodeURIComponent(id)}` : ""}${what ? `/${what}` : ""}`;

/** What is compared, so that nobody's change is lost. @param {Category} one */
const unchanged = (one) => ({ "if-match": `"${one.version}"` });

/** What was refused, each field by itself. @param {unknown} thrown */
function refusal(thrown) {
  const error = asError(thrown);
  const { body } = error;
  const details = Array.isArray(body.details) ? body.details.map((/** @type {any} */ one) => `${one.path?.join(".")}: ${one.message}`) : error.details;
  const title = error.code === "duplicate_slug" ? say("Another category has this address", "En anden kategori har denne adresse")
    : error.code === "precondition_failed" ? say("Somebody has changed it meanwhile: refresh", "Nogen har ændret den imens: opdater")
    : error.code === "category_has_children" ? say("It has categories below it", "Den har kategorier under sig")
    : say("It was not saved", "Det blev ikke gemt");
  return { title, text: details.join(" ") };
}

/** @param {string} id @param {string} label @param {HTMLElement} input @param {string} [note] */
const field = (id, label, input, note) => h("div", { class: "field" }, h("label", { for: id }, label), input, note && h("p", { class: "note" }, note));

/** @param {string} id @param {import("./dom.js").Attributes} [more] */
const text = (id, more = {}) => h("input", { class: "input", id, autocomplete: "off", spellcheck: "false", ...more });

/** How long nobody types before Google's categories are looked through. */
const TYPING_MS = 250;

/**
 * Where one of Google's categories is named, by its id or by what Google calls it: what matches is offered. Where Google cannot be asked, the
 * ids that the tenant has mapped already are.
 * @param {Place} place @param {HTMLInputElement} input
 */
function picker(place, input) {
  const known = [...new Set(place.all.map((one) => one.googleCategoryId).filter(Boolean))].sort().map((id) => ({ id, name: "" }));
  const options = h("datalist", { id: `${input.id}-ids` });
  const told = h("p", { class: "note", role: "status" });
  input.setAttribute("list", options.id);
  /** @param {{ id: any, name: string }[]} all */
  const offer = (all) => replace(options, ...all.map(({ id, name }) => h("option", { value: id, label: name ? `${name} · ${id}` : id })));
  let timer = 0;
  const look = async () => {
    const search = input.value.trim();
    try {
      const query = new URLSearchParams({ limit: "20", ...(search && { search }) });
      const { data } = await askPlatform(`/api/v1/tenants/${encodeURIComponent(place.tenant)}/google-categories?${query}`, { more: { "x-signalbox-request": "1" } });
      replace(told);
      if (search === input.value.trim()) offer(data);
    } catch (thrown) {
      offer(known);
      replace(told, say("Google's categories cannot be listed now: ", "Googles kategorier kan ikke hentes nu: "), asError(thrown).details.join(" "));
    }
  };
  offer(known);
  input.addEventListener("focus", () => look(), { once: true });
  input.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(look, TYPING_MS);
  });
  return [options, told];
}

const GOOGLE_NOTE = () => say("Type to look through Google's categories.", "Skriv for at lede i Googles kategorier.");

/** @param {Place} place @param {Category | null} one @param {HTMLInputElement | null} [aligned] Where it may have been typed what it stands for. */
export function categoryForm(place, one, aligned = null) {
  const told = h("div", { role: "status", "aria-live": "polite" });
  const name = text("category-name", { required: true, maxlength: 100, value: one?.name });
  const slug = text("category-slug", { required: true, maxlength: 100, pattern: "[a-z0-9\\-]+", value: one?.slug });
  const google = text("category-google", { maxlength: 100, placeholder: say("A name, or gcid:restaurant", "Et navn eller gcid:restaurant") });
  const order = text("category-order", { type: "number", min: 0, max: 1_000_000, step: 1, value: one?.sortOrder });
  const barred = one ? within(place.all, one.id) : new Set();
  const parents = tree(place.all.filter(({ isActive }) => isActive), () => true).filter(({ category }) => !barred.has(category.id));
  const parent = h(
    "select",
    { class: "select", id: "category-parent" },
    h("option", { value: "" }, say("None", "Ingen")),
    parents.map(({ category, depth }) => h("option", { value: category.id, selected: category.id === one?.parentId }, `${"\u00a0\u00a0".repeat(depth)}${category.name}`)),
  );
  let typed = one !== null;
  slug.addEventListener("input", () => (typed = slug.value !== ""));
  name.addEventListener("input", () => {
    if (!typed) slug.value = slugOf(name.value);
  });
  const save = button(one ? say("Save", "Gem") : say("Create", "Opret"), { kind: "primary", type: "submit" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    save.disabled = true;
    const body = {
      name: name.value.trim(),
      slug: slug.value.trim(),
      parentId: parent.value || null,
      ...(order.value !== "" && { sortOrder: order.valueAsNumber }),
      ...(!one && google.value.trim() && { googleCategoryId: google.value.trim() }),
      // Typed and not aligned yet: what is saved is all that is seen.
      ...(one && aligned && aligned.value.trim() !== (one.googleCategoryId ?? "") && { googleCategoryId: aligned.value.trim() || null }),
    };
    try {
      const { data } = await askPlatform(path(place.tenant, one?.id), { method: one ? "PUT" : "POST", body, more: one ? unchanged(one) : {} });
      toast("ok", one ? say(`${data.name} was saved`, `${data.name} blev gemt`) : say(`${data.name} was made`, `${data.name} blev oprettet`));
      await place.changed(data.id);
    } catch (thrown) {
      const { title, text: why } = refusal(thrown);
      replace(told, callout("bad", title, why));
    } finally {
      save.disabled = false;
    }
  };
  return h(
    "form",
    { class: "grid gap-3", onsubmit: submit },
    field("category-name", say("Name", "Navn"), name),
    field("category-slug", say("Slug", "Slug"), slug, say("a to z, 0 to 9 and -; its own within the tenant", "a til z, 0 til 9 og -; ens egen hos lejeren")),
    field("category-parent", say("Below", "Under"), parent),
    field("category-order", say("Sort order", "Rækkefølge"), order, say("The first that is mapped is the primary one at Google.", "Den første, der er knyttet, er den primære hos Google.")),
    !one && [field("category-google", say("Google category", "Googles kategori"), google, GOOGLE_NOTE()), picker(place, google)],
    told,
    h("div", { class: "flex gap-2" }, save),
  );
}

/** Which of Google's it stands for. @param {Place} place @param {Category} one */
function alignment(place, one) {
  const told = h("div", { role: "status", "aria-live": "polite" });
  const google = text("align-google", { required: true, maxlength: 100, placeholder: say("A name, or gcid:restaurant", "Et navn eller gcid:restaurant"), value: one.googleCategoryId });
  const send = async (/** @type {string | null} */ googleCategoryId) => {
    try {
      await askPlatform(path(place.tenant, one.id, "align"), { method: "POST", body: { googleCategoryId }, more: unchanged(one) });
      toast("ok", googleCategoryId ? say(`${one.name} stands for ${googleCategoryId}`, `${one.name} står for ${googleCategoryId}`) : say(`${one.name} stands for none`, `${one.name} står for ingen`));
      await place.changed(one.id);
    } catch (thrown) {
      const { title, text: why } = refusal(thrown);
      replace(told, callout("bad", title, why));
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    send(google.value.trim());
  };
  const none = one.googleCategoryId && button(say("None", "Ingen"), { onclick: () => send(null) });
  const shown = section(
    say("Google category", "Googles kategori"),
    h("form", { class: "grid gap-2", onsubmit: submit }, field("align-google", say("Google's id of it", "Googles id for den"), google, GOOGLE_NOTE()), picker(place, google), told,
      h("div", { class: "flex gap-2" }, button(say("Align", "Knyt"), { type: "submit" }), none)),
  );
  return { shown, google };
}

/** @param {Place} place @param {Category} one */
export function categoryDrawer(place, one) {
  const facts = h(
    "dl",
    { class: "facts" },
    fact("Slug", h("span", { class: "font-mono" }, one.slug)),
    fact(say("Google category", "Googles kategori"), h("span", { class: "font-mono" }, one.googleCategoryId ?? "—")),
    fact(say("Sort order", "Rækkefølge"), number(one.sortOrder)),
    fact(say("Made", "Oprettet"), dateTime(one.createdAt)),
    fact(say("Changed", "Ændret"), dateTime(one.updatedAt)),
    fact(say("Version", "Version"), number(one.version)),
  );
  const aligned = alignment(place, one);
  const body = !place.mayChange
    ? [facts]
    : one.isActive
      ? [section(say("Category", "Kategori"), categoryForm(place, one, aligned.google)), aligned.shown, section(say("Facts", "Fakta"), facts)]
      : [callout("idle", say("It is deleted", "Den er slettet"), say("It keeps its slug, and comes back as it was.", "Den beholder sin slug og kommer tilbage, som den var.")), facts];
  const remove = button(say("Delete…", "Slet…"), { kind: "danger", icon: "drop", onclick: () => openRemoval(place, one) });
  const restore = button(say("Restore", "Gendan"), { kind: "primary", onclick: () => bringBack(place, one) });
  return {
    title: one.name,
    summary: one.isActive ? mapping(one) : status("idle", say("Deleted", "Slettet")),
    body,
    foot: place.mayChange && (one.isActive ? remove : restore),
  };
}

/** @param {Category} one */
export const mapping = (one) => (one.googleCategoryId ? status("ok", say("Mapped", "Knyttet")) : status("warn", say("Not mapped", "Ikke knyttet")));

/** @param {Place} place @param {Category} one */
function openRemoval(place, one) {
  openConfirm(say(`Delete ${one.name}`, `Slet ${one.name}`), {
    body: h("p", { class: "ink-2" }, say(
      "It goes out of lists, keeps its slug, and can be restored. The next sync to Google takes it from the locations.",
      "Den forsvinder fra lister, beholder sin slug og kan gendannes. Den næste synkronisering til Google tager den fra stederne.",
    )),
    go: say("Delete", "Slet"),
    kind: "danger",
    failed: say("It was not deleted", "Den blev ikke slettet"),
    run: async () => {
      await askPlatform(path(place.tenant, one.id), { method: "DELETE", more: unchanged(one) });
      toast("ok", say(`${one.name} was deleted`, `${one.name} blev slettet`));
      await place.changed(null);
    },
  });
}

/** @param {Place} place @param {Category} one */
async function bringBack(place, one) {
  try {
    await askPlatform(path(place.tenant, one.id), { method: "PUT", body: { isActive: true }, more: unchanged(one) });
    toast("ok", say(`${one.name} is back`, `${one.name} er tilbage`));
    await place.changed(one.id);
  } catch (thrown) {
    const { title, text: why } = refusal(thrown);
    toast("bad", title, why);
  }
}
