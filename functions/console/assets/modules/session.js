// Who is at the page, and what they may. In local mode a session is had for nothing.

import { asError, ask } from "./api.js";
import { set } from "./settings.js";
import { chosenTenant } from "./tenant.js";

/**
 * @typedef {{
 *   actor: string, tenant: string | null, tenants: string[], anyTenant: boolean, scopes: string[], expiresAt: string | null,
 *   local: boolean,
 * }} Who `tenant` is null until one of `tenants` is chosen.
 */

const SESSION = "/api/auth/session";

/** @type {Promise<Who | null> | undefined} */
let asked;

/** Who is signed in, asked once a page; null if that cannot be told. @returns {Promise<Who | null>} */
export function whoever() {
  asked ??= find();
  return asked;
}

async function find() {
  try {
    const who = await ask(SESSION, { stay: true });
    if (!who.local || who.expiresAt) return who;
    await ask("/api/auth/dev-mint", { stay: true });
    return await ask(SESSION, { stay: true });
  } catch (thrown) {
    if (asError(thrown).status !== 403 || !chosenTenant()) return null;
    // The tenant that was chosen is not theirs: who they are is known all the same.
    return ask(SESSION, { stay: true, tenant: null }).catch(() => null);
  }
}

/** Whether there is a tenant to choose, or one to leave: a link may have named one's own. @param {Who} who */
export const mayChoose = (who) => who.anyTenant || who.tenants?.length > 0 || ![null, who.tenant].includes(chosenTenant());

/**
 * Whether they may do what takes any one of these scopes. It decides what is shown; the route decides what is done.
 * @param {Who | null} who
 * @param {...string} scopes
 */
export const may = (who, ...scopes) => who !== null && scopes.some((scope) => who.scopes.includes(scope));

export async function signOut() {
  await ask(SESSION, { method: "DELETE", stay: true });
  set("tenant", null);
  location.assign("/sign-in");
}
