// How a vendor is reached, without its key, and what is likely to be wrong with that.

import { controlCard, pair, pairs, whenOther } from "./control-card.js";
import { refill } from "./control-fill.js";
import { button, h, replace } from "./dom.js";
import { number, say } from "./language.js";
import { callout } from "./messages.js";
import { readable } from "./moment.js";
import { status as statusMark } from "./status.js";

/** @typedef {import("./control-words.js").Config} Config */
/** @typedef {import("./control-words.js").Provider} Provider */

/** @param {string} text */
const hostOf = (text) => (URL.canParse(text) ? new URL(text).hostname : "");
const LOCAL = ["127.0.0.1", "localhost", "[::1]"];

/**
 * What is likely to be wrong, each in a line and what to do.
 * @param {Config} config
 * @param {Provider | null} provider
 * @returns {{ title: string, text: string }[]}
 */
export function warnings(config, provider) {
  const pull = provider?.pull;
  const found = [];
  if (!config.hasApiKey) {
    found.push({ title: say("The API key is missing", "API-nøglen mangler"), text: say("Nothing can be pulled without it.", "Intet kan hentes uden den.") });
  }
  if (config.baseUrl === null) {
    const text = say("A setting is another version's, or wrong: change the connection.", "En indstilling er en anden versions eller forkert: ændr forbindelsen.");
    found.push({ title: say("The settings cannot be read", "Indstillingerne kan ikke læses"), text });
  } else if (pull) {
    const host = hostOf(config.baseUrl);
    const isOfDocuments = pull.documentationHost !== null && host === pull.documentationHost;
    if (host !== hostOf(pull.baseUrl) && !isOfDocuments && !LOCAL.includes(host)) {
      found.push({ title: say("The base URL is not the vendor's own", "Base-URL'en er ikke leverandørens egen"), text: say(`It documents ${pull.baseUrl}. The key is sent to ${host}.`, `Den dokumenterer ${pull.baseUrl}. Nøglen sendes til ${host}.`) });
    }
  }
  const minute = config.requestsPerMinute ?? 0;
  if (pull && minute > pull.requestsPerMinute && !LOCAL.includes(hostOf(config.baseUrl ?? ""))) {
    found.push({ title: say("More requests than the vendor takes", "Flere forespørgsler, end leverandøren tager"), text: say(`${number(minute)} a minute are set; ${number(pull.requestsPerMinute)} are documented.`, `${number(minute)} i minuttet er sat; ${number(pull.requestsPerMinute)} er dokumenteret.`) });
  }
  // What the service says of it, in its own words, which the page has a title for.
  for (const text of config.warnings) {
    const isOfDocuments = pull?.documentationHost && text.startsWith(pull.documentationHost);
    found.push({ title: isOfDocuments ? say("The base URL is that of the documentation", "Base-URL'en er dokumentationens") : say("It will not work as it is set", "Det virker ikke, som det er sat op"), text: readable(text) });
  }
  return found;
}

/** @param {() => void} edit */
export function configCard(edit) {
  const card = controlCard(say("Configuration", "Konfiguration"));
  const body = h("div", { class: "grid gap-3" });
  const press = button(say("Change…", "Ændr…"), { kind: "small wide", "data-testid": "button-edit-connection", onclick: edit });
  replace(card.body, body, press);
  return {
    element: card.element,
    show: whenOther((/** @type {Config} */ config, /** @type {Provider | null} */ provider) => {
      const wrong = warnings(config, provider);
      const isLocked = config.keptBy === "configuration";
      press.hidden = isLocked;
      replace(card.beside, wrong.length > 0 && statusMark("warn", wrong.length === 1 ? say("1 warning", "1 advarsel") : say(`${wrong.length} warnings`, `${wrong.length} advarsler`)));
      refill(
        body,
        wrong.map(({ title, text }) => callout("warn", title, text)),
        pairs(
          pair(say("API key", "API-nøgle"), config.hasApiKey ? h("span", { class: "font-mono" }, config.apiKeyMasked ?? "••••") : statusMark("warn", say("missing", "mangler"))),
          pair(say("Page size", "Sidestørrelse"), number(config.pageSize)),
          pair(say("Requests", "Forespørgsler"), say(`${number(config.requestsPerMinute)} / min`, `${number(config.requestsPerMinute)} / min`)),
          pair("", say(`${number(config.requestsPerHour)} / h`, `${number(config.requestsPerHour)} / t`)),
          pair(say("Pulled", "Hentes"), h("span", { title: config.entities.join(", ") }, config.entities.length === 1 ? say("1 entity", "1 entitet") : say(`${config.entities.length} entities`, `${config.entities.length} entiteter`))),
          pair(say("Kept by", "Styres af"), isLocked ? statusMark("idle", say("the deployment", "udrulningen"), { icon: "lock" }) : say("operators", "operatører")),
        ),
        provider?.pull && endpoints(provider.pull),
      );
    }),
  };
}

/** @param {NonNullable<Provider["pull"]>} pull */
function endpoints(pull) {
  return h(
    "details",
    {},
    h("summary", {}, pull.endpoints.length === 1 ? say("1 endpoint", "1 endepunkt") : say(`${pull.endpoints.length} endpoints`, `${pull.endpoints.length} endepunkter`)),
    pairs(pull.endpoints.map(({ entity, path }) => pair(entity, h("span", { class: "font-mono" }, path)))),
  );
}
