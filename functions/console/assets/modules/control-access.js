// Who is at the page, and signing in with the admin token. It is exchanged for a session at once, and kept nowhere.

import { asError, ask } from "./api.js";
import { controlCard, pair, pairs, whenOther } from "./control-card.js";
import { toldBy } from "./control-api.js";
import { button, h, replace } from "./dom.js";
import { dateTime, say } from "./language.js";
import { callout } from "./messages.js";
import { set } from "./settings.js";

/** @typedef {import("./session.js").Who} Who */

/** @param {() => void} done */
export function tokenForm(done) {
  const problem = h("div", { role: "alert" });
  const field = h("input", { class: "input", id: "admin-token", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "admin-token-hint", "data-testid": "input-admin-token" });
  const enter = button(say("Sign in", "Log ind"), { kind: "small", type: "submit", "data-testid": "button-admin-token" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    enter.disabled = true;
    try {
      await ask("/api/auth/session", { method: "POST", body: { token: field.value.trim() }, stay: true, tenant: null });
      set("tenant", null);
      done();
    } catch (thrown) {
      replace(problem, callout("bad", say("The token is not taken", "Tokenet godtages ikke"), toldBy(asError(thrown))));
    } finally {
      // Whatever came of it, it is not left in the page.
      field.value = "";
      enter.disabled = false;
    }
  };
  const hint = say("Exchanged for a session that ends by itself. It is not kept.", "Byttes til en session, der slutter af sig selv. Det gemmes ikke.");
  return h(
    "form",
    { class: "grid gap-2", onsubmit: submit },
    h("div", { class: "field" }, h("label", { for: "admin-token" }, say("Admin token", "Admin-token")), h("div", { class: "flex gap-2" }, field, enter), h("p", { class: "note", id: "admin-token-hint" }, hint)),
    problem,
  );
}

export function accessCard() {
  const card = controlCard(say("Access", "Adgang"));
  return {
    element: card.element,
    show: whenOther((/** @type {Who | null} */ who) => {
      replace(
        card.body,
        who && pairs(pair(say("Signed in as", "Logget ind som"), h("span", { class: "break-words" }, who.actor)), pair(say("Tenant", "Lejer"), who.tenant ?? "—"), who.expiresAt && pair(say("Until", "Til"), dateTime(who.expiresAt))),
        h("details", {}, h("summary", {}, say("Another token", "Et andet token")), tokenForm(() => location.reload())),
      );
    }),
  };
}
