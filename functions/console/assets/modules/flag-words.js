// What a flag says, in words.

import { say } from "./language.js";

/**
 * @typedef {{
 *   flag: string, effectiveOn: boolean, effectiveSource: string, why: string, locked: boolean,
 *   sources: { platform_env: boolean, platform_db: boolean, allow_override: boolean, platform_override?: boolean },
 *   rollout?: { percentage: number, pilots: string[] },
 *   tenantId?: string, tenantEffectiveOn?: boolean, tenantEffectiveSource?: string, tenantWhy?: string,
 *   tenantSources?: { tenant_db: boolean, tenant_override?: boolean, rollout?: string },
 * }} FlagView
 */

/** @type {Record<string, [string, string]>} Flags: what each turns on. */
const FLAGS = {
  FF_CATEGORY_MIRRORING: ["Starting mirrors of categories", "At starte spejling af kategorier"],
  FF_TENANT_PLATFORM_CATEGORY: ["Tenants' categories", "Lejernes kategorier"],
  FF_TENANT_GBP_CATEGORY_SYNC: ["Mirrors of a tenant's categories, and their page", "Spejling af en lejers kategorier, og siden om den"],
};

/** @param {string} flag */
export const flagText = (flag) => (FLAGS[flag] ? say(...FLAGS[flag]) : "");

/** @type {Record<string, [string, string]>} What decided: English, Danish. */
const SOURCES = {
  env: ["The environment turns it on", "Miljøet slår det til"],
  override: ["Somebody has overridden it for the platform", "Nogen har tilsidesat det for platformen"],
  platform_db: ["It is enabled for all", "Det er slået til for alle"],
  off: ["Nothing turns it on", "Intet slår det til"],
  tenant_override: ["Somebody has overridden it for the tenant", "Nogen har tilsidesat det for lejeren"],
  tenant_db: ["The rollout has reached the tenant", "Udrulningen er nået til lejeren"],
  blocked: ["The platform is off, and no tenant may differ", "Platformen er slået fra, og ingen lejer må afvige"],
};

/** @param {string | undefined} source @param {string | undefined} why */
export const sourceText = (source, why) => (source && SOURCES[source] ? say(...SOURCES[source]) : (why ?? ""));
