// `/unsubscribe`: the link of a mail, for who does not want the weekly digest any more. It needs no session: the link says who.

import { parameters } from "../modules/address.js";
import { asError, ask } from "../modules/api.js";
import { button, byId, h, replace } from "../modules/dom.js";
import { say, translate } from "../modules/language.js";
import { callout } from "../modules/messages.js";

translate();
const main = byId("main");
const told = h("div", { role: "status", "aria-live": "polite" });
const leave = button(say("No more of this", "Ikke mere af det"), { kind: "primary", onclick: () => tell(false) });
const again = button(say("I want it again", "Jeg vil gerne have det igen"), { onclick: () => tell(true) });
const actions = h("div", { class: "flex wrap gap-2" }, leave);

replace(
  main,
  h("div", { class: "card" }, h("div", { class: "card-body grid gap-3" }, h("h1", {}, say("Weekly digest", "Ugebrev")), h("p", { class: "ink-2" }, say("It comes each Monday, and says how the mirrors of categories did.", "Det kommer hver mandag og siger, hvordan det gik med kategorierne.")), told, actions)),
);

/** @param {boolean} wanted */
async function tell(wanted) {
  leave.disabled = again.disabled = true;
  const query = new URLSearchParams({ token: parameters().get("token") ?? "", ...(wanted && { again: "1" }) });
  try {
    const { address, subscribed } = await ask(`/api/digests/unsubscribe?${query}`, { method: "POST", stay: true, tenant: null });
    const title = subscribed ? say(`${address} gets it again`, `${address} får det igen`) : say(`${address} does not get it any more`, `${address} får det ikke mere`);
    replace(told, callout("ok", title));
    replace(actions, subscribed ? leave : again);
  } catch (thrown) {
    const error = asError(thrown);
    const title = error.code === "invalid_ticket" ? say("This link is not whole", "Linket er ikke helt") : say("That failed", "Det mislykkedes");
    replace(told, callout("bad", title, error.details.join(" "), { role: "alert" }));
  } finally {
    leave.disabled = again.disabled = false;
  }
}
