// `/sign-in`: a token is exchanged for a session, which this page never sees, and the token is forgotten.

import { parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { button, byId, h, replace, s } from "../modules/dom.js";
import { say, translate } from "../modules/language.js";
import { callout } from "../modules/messages.js";

translate();

/** Where one was going: a path of ours, and no other address. */
function next() {
  const wanted = parameters().get("next") ?? "/";
  const address = new URL(wanted, location.origin);
  return address.origin === location.origin && wanted.startsWith("/") ? address.pathname + address.search : "/";
}

const problem = h("div", { role: "alert" });
const field = h("input", {
  class: "input",
  id: "token",
  type: "password",
  autocomplete: "off",
  spellcheck: "false",
  required: true,
  "aria-describedby": "token-hint",
});
const enter = button(say("Sign in", "Log ind"), { kind: "primary", type: "submit" });
const mark = s(
  "svg",
  { class: "mark", viewBox: "0 0 24 24", "aria-hidden": "true" },
  s("rect", { class: "plate", width: 24, height: 24, rx: 6 }),
  s("path", { class: "line", d: "M7 4.5h2.5v15H7zM9.5 8.1 17 4.9l1.7 3.9-9.2 3.9zM5 18h6.5v2H5z" }),
);

/** @param {Event} event */
async function submit(event) {
  event.preventDefault();
  enter.disabled = true;
  try {
    await ask("/api/auth/session", { method: "POST", body: { token: field.value.trim() }, stay: true });
    location.assign(next());
  } catch (thrown) {
    const error = asError(thrown);
    replace(problem, callout("bad", say("The token is not taken", "Tokenet godtages ikke"), error.details.join(" ")));
    field.value = "";
    field.focus();
  } finally {
    enter.disabled = false;
  }
}

const hint = h("p", { class: "note", id: "token-hint" }, say("Made with ", "Lavet med "), h("code", { class: "font-mono" }, "signalbox token"));
const input = h("div", { class: "field" }, h("label", { for: "token" }, "Token"), field, hint);
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
    h("form", { class: "grid gap-3", onsubmit: submit }, input, enter),
  ),
);
field.focus();
