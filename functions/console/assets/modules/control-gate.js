// In place of a connection's page: whoever is not let in signs in, and a tenant without a connection begins with one.

import { tokenForm } from "./control-access.js";
import { alertsCard } from "./control-alerts.js";
import { toldBy } from "./control-api.js";
import { button, h } from "./dom.js";
import { say } from "./language.js";
import { blank } from "./messages.js";
import { unavailable } from "./unavailable.js";

/**
 * @param {import("./api.js").ApiError} error
 * @param {{ name: string, control: import("./control-api.js").Control, add: (() => void) | null, again: () => void }} options `add`: of
 *   who may make a connection.
 * @returns {HTMLElement}
 */
export function gated(error, { name, control, add, again }) {
  if (error.status === 401 || error.status === 403) return signIn(error.status === 401);
  if (error.status !== 404) return unavailable(say("The integration could not be fetched", "Integrationen kunne ikke hentes"), error, again);
  const press = add && button(say("Add a connection…", "Tilføj en forbindelse…"), { icon: "plus", kind: "primary", "data-testid": "button-add-connection", onclick: add });
  const none = blank(say(`No connection to ${name} yet`, `Ingen forbindelse til ${name} endnu`), toldBy(error), { icon: "plug", actions: press ? [press] : [] });
  // Alerts are the tenant's: one of a connection that has no page leads here.
  const alerts = alertsCard(control);
  alerts.load();
  return h("div", { class: "grid gap-3" }, none, h("div", { class: "gate" }, alerts.element));
}

/** @param {boolean} isNobody */
function signIn(isNobody) {
  const text = isNobody ? say("Sign in with the admin token, or ", "Log ind med admin-tokenet, eller ") : say("This page is for administrators. Sign in with the admin token, or ", "Siden er for administratorer. Log ind med admin-tokenet, eller ");
  const link = h("a", { class: "link", href: `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}` }, say("with another one", "med et andet"));
  const title = h("h2", {}, isNobody ? say("You are not signed in", "Du er ikke logget ind") : say("Not for this role", "Ikke for denne rolle"));
  return h("div", { class: "card gate" }, h("div", { class: "card-body grid gap-3" }, title, h("p", { class: "ink-2" }, text, link, "."), tokenForm(() => location.reload())));
}
