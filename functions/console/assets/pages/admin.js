// `/settings/admin`: what the platform's administrators set, a tile for each.

import { asError } from "../modules/api.js";
import { h, icon, replace } from "../modules/dom.js";
import { startPage } from "../modules/frame.js";
import { number, say } from "../modules/language.js";
import { callout } from "../modules/messages.js";
import { pageHead } from "../modules/page-head.js";
import { askPlatform } from "../modules/platform.js";
import { whoever } from "../modules/session.js";
import { chosenTenant } from "../modules/tenant.js";
import { unavailable } from "../modules/unavailable.js";

/** @typedef {import("../modules/flag-words.js").FlagView} FlagView */

const main = startPage({ redraw: () => {}, ofAll: true });
const tiles = h("div", { class: "tiles" });
const told = h("div", { "aria-live": "polite" });
replace(main, pageHead("Admin", say("What is set for the platform and its tenants", "Hvad der er sat for platformen og dens lejere")), told, tiles);

/**
 * @param {string} href
 * @param {string} title
 * @param {string} text
 * @param {{ mark: import("../modules/dom.js").IconName, badge?: string, kind?: string, foot?: HTMLElement }} more
 */
const tile = (href, title, text, { mark, badge, kind = "", foot }) =>
  h(
    "a",
    { class: `card admin-tile ${kind}`.trim(), href },
    h("span", { class: "admin-mark", "aria-hidden": "true" }, icon(mark)),
    h("span", { class: "flex gap-2" }, h("b", { class: "font-medium" }, title), badge && h("span", { class: "badge" }, badge)),
    h("span", { class: "ink-2" }, text),
    foot,
  );

/** Where it is let in for some before it is on for all, whoever lets it in has to see it too. @param {FlagView} flag */
const isShown = (flag) => {
  if (flag.tenantEffectiveOn !== undefined) return flag.tenantEffectiveOn;
  const some = (flag.rollout?.percentage ?? 0) > 0 || (flag.rollout?.pilots.length ?? 0) > 0;
  return flag.effectiveOn || (some && flag.sources.platform_override !== false);
};

async function rate() {
  const foot = h("span", { class: "text-12 admin-figure", role: "status" }, say("Loading...", "Indlæser..."));
  askPlatform("/api/admin/sync-stats").then(
    ({ stats }) => replace(foot, say(`${number(stats.successRate)}% success rate`, `${number(stats.successRate)} % gennemført`)),
    () => replace(foot, say("The success rate is not known", "Andelen kendes ikke")),
  );
  return foot;
}

async function load() {
  const who = await whoever();
  const tenant = chosenTenant() ?? (who?.anyTenant ? null : who?.tenant);
  const others = [
    tile("/settings/admin/categories", say("Categories", "Kategorier"), say("A tenant's categories, and which of Google's each stands for", "En lejers kategorier, og hvilken af Googles hver står for"), { mark: "copy" }),
    tile("/settings/admin/flags", say("Flags", "Flag"), say("What is on, why, and for whom", "Hvad der er slået til, hvorfor, og for hvem"), { mark: "flag" }),
    tile("/settings/admin/digests", say("Weekly digest", "Ugebrev"), say("Who is told each Monday how the mirrors did", "Hvem der hver mandag får at vide, hvordan det gik"), { mark: "send" }),
  ];
  try {
    const answer = await askPlatform(`/api/admin/effective-flags${tenant ? `/${encodeURIComponent(tenant)}` : ""}`);
    const sync = answer.data.find((/** @type {FlagView} */ one) => one.flag === "FF_TENANT_GBP_CATEGORY_SYNC");
    const shown = sync && isShown(sync);
    const text = say("Monitor sync status and trigger manual syncs", "Følg synkroniseringen, og start en med hånden");
    replace(tiles, shown && tile("/settings/admin/gbp-sync", "GBP Category Sync", text, { mark: "refresh", badge: "M3", kind: "cyan", foot: await rate() }), others);
    replace(told, !shown && h("div", { class: "mb-3" }, callout("idle", say("GBP Category Sync is off", "GBP Category Sync er slået fra"), say("The flag FF_TENANT_GBP_CATEGORY_SYNC turns it on.", "Flaget FF_TENANT_GBP_CATEGORY_SYNC slår det til."))));
  } catch (thrown) {
    replace(tiles, others);
    replace(told, unavailable(say("The flags could not be fetched", "Flagene kunne ikke hentes"), asError(thrown), load));
  }
}

load();
