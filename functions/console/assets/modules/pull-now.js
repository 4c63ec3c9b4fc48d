// A pull by hand, beside how an integration does.

import { asError, ask } from "./api.js";
import { button, h } from "./dom.js";
import { say } from "./language.js";
import { toast } from "./messages.js";

/** @typedef {import("./health-words.js").Integration} Integration */

/**
 * Starts a pull of what changed. It goes on in the background: the page shows what came of it as it looks anew.
 * @param {Integration} one
 * @param {string} provider
 * @param {string[]} entities What is pulled of the provider; what the integration's own settings name goes before.
 * @param {() => void} after
 */
export function pullNow(one, provider, entities, after) {
  const pressed = button(say("Pull now", "Hent nu"), { icon: "play", kind: "small", onclick: () => start() });
  const place = new URLSearchParams({ provider, connection: one.brandId, for: one.tenantId });
  const watch = () => h("a", { class: "link", href: `/systems/integrations?${place}` }, say("Watch it, its log and its dead letters", "Følg den, dens log og dens dead letters"));
  return h("div", { class: "card-foot" }, pressed, watch());

  async function start() {
    pressed.disabled = true;
    const query = new URLSearchParams({ provider, connection: one.brandId, tenant: one.tenantId });
    try {
      const body = { entities: one.config.settings?.entities ?? entities };
      const { results } = await ask(`/api/admin/sync/run?${query}`, { method: "POST", body, tenant: null });
      const what = results.map((/** @type {{ entity: string }} */ { entity }) => entity).join(", ");
      toast("ok", say(`${one.brandName} is pulled`, `${one.brandName} hentes`), [say(`What changed of ${what}, in the background. `, `Det ændrede af ${what}, i baggrunden. `), watch()]);
      after();
    } catch (thrown) {
      const error = asError(thrown);
      if (error.code === "sync_in_progress") return toast("run", say(`A run of ${one.brandName} is in progress`, `En kørsel af ${one.brandName} er i gang`), watch());
      const { error: why } = error.body;
      toast("bad", say("No pull was started", "Intet blev sat i gang"), typeof why === "string" ? why : error.details.join(" "));
    } finally {
      pressed.disabled = false;
    }
  }
}
