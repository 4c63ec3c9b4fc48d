// `/sign-in`: a token is exchanged for a session, which this page never sees, and the token is forgotten.

import { parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { button, byId, h, replace, s } from "../modules/dom.js";
import { say, translate } from "../modules/language.js";
import { callout } from "../modules/messages.js";
import { set } from "../modules/settings.js";

translate();

/** Where one was going: a page of ours. The whole address, as a path of it (`//example.org`) may be another address by itself. */
function next() {
  const wanted = parameters().get("next") ?? "/";
  const address = new URL(wanted, location.origin);
  return address.origin === location.origin && wanted.startsWith("/") ? address.href : "/";
}

const problem = h("div", { role: "alert" });
/** No browser is to keep a token. @param {string} id @param {Record<string, string>} [more] */
const tokenField = (id, more = {}) =>
  h("input", {
    class: "input",
    id,
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": `${id}-hint`,
    ...more,
  });

const field = tokenField("token");
const adminField = tokenField("admin-token", { "data-testid": "input-admin-token" });
const mark = s(
  "svg",
  { class: "mark", viewBox: "0 0 24 24", "aria-hidden": "true" },
  s("rect", { class: "plate", width: 24, height: 24, rx: 6 }),
  s("path", { class: "line", d: "M7 4.5h2.5v15H7zM9.5 8.1 17 4.9l1.7 3.9-9.2 3.9zM5 18h6.5v2H5z" }),
);

/** @param {Event} event @param {HTMLInputElement} field @param {HTMLButtonElement} enter */
async function submit(event, field, enter) {
  event.preventDefault();
  enter.disabled = true;
  try {
    const body = { token: field.value.trim() };
    const who = await ask("/api/auth/session", { method: "POST", body, stay: true, tenant: null });
    set("tenant", null);
    if (who.tenant === null && !new URL(next(), location.origin).searchParams.has("for")) await choose(who);
    else location.assign(next());
  } catch (thrown) {
    const error = asError(thrown);
    replace(problem, callout("bad", say("The token is not taken", "Tokenet godtages ikke"), error.details.join(" ")));
    field.value = "";
    field.focus();
  } finally {
    enter.disabled = false;
  }
}

/** Who has several tenants says for which one. @param {import("../modules/session.js").Who} who */
async function choose(who) {
  const { tenantChoice } = await import("../modules/tenant-choice.js");
  const chosen = (/** @type {string | null} */ tenant) => {
    set("tenant", tenant);
    location.assign(next());
  };
  const choice = tenantChoice(who, chosen);
  const title = h("h1", { tabindex: "-1" }, say("Whose data?", "Hvis data?"));
  const text = say("You have several tenants. The choice is at the top of each page.", "Du har flere lejere. Valget står øverst på hver side.");
  replace(byId("main"), h("div", { class: "door-card" }, mark, title, h("p", { class: "ink-2" }, text), choice));
  title.focus();
}

/** @param {HTMLInputElement} field @param {string} name @param {import("../modules/dom.js").Child} hint @param {"primary" | ""} kind */
function form(field, name, hint, kind) {
  const enter = button(say("Sign in", "Log ind"), { kind, type: "submit" });
  const label = h("label", { for: field.id }, name);
  const input = h("div", { class: "field" }, label, field, h("p", { class: "note", id: `${field.id}-hint` }, hint));
  return h("form", { class: "grid gap-3", onsubmit: (/** @type {Event} */ event) => submit(event, field, enter) }, input, enter);
}

const made = [
  say("A service's or a user's, made with ", "En tjenestes eller en brugers, lavet med "),
  h("code", { class: "font-mono" }, "signalbox token"),
];
const admin = say("ADMIN_SYNC_TOKEN, for connections alone. It is not kept.", "ADMIN_SYNC_TOKEN, kun til forbindelser. Det gemmes ikke.");
const intro = say("Your session may what the token may, and ends when it does.", "Din session må det, tokenet må, og slutter, når det gør.");
replace(
  byId("main"),
  h(
    "div",
    { class: "door-card" },
    mark,
    h("h1", {}, say("Sign in to Signalbox", "Log ind på Signalbox")),
    h("p", { class: "ink-2" }, intro),
    problem,
    form(field, "Token", made, "primary"),
    h(
      "details",
      {},
      h("summary", { class: "mb-3" }, say("With the admin token instead", "Med admin-tokenet i stedet")),
      form(adminField, say("Admin token", "Admin-token"), admin, ""),
    ),
  ),
);
field.focus();
