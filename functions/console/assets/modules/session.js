// Who is at the page, and what they may. In local mode a session is had for nothing.

import { ask } from "./api.js";

/** @typedef {{ actor: string, tenant: string, scopes: string[], expiresAt: string | null, local: boolean }} Who */

/** @type {Promise<Who | null> | undefined} */
let asked;

/** Who is signed in, asked once a page; null if that cannot be told. @returns {Promise<Who | null>} */
export function whoever() {
  asked ??= find();
  return asked;
}

async function find() {
  try {
    const who = await ask("/api/auth/session", { stay: true });
    if (!who.local || who.expiresAt) return who;
    await ask("/api/auth/dev-mint", { stay: true });
    return await ask("/api/auth/session", { stay: true });
  } catch {
    return null;
  }
}

/**
 * Whether they may do what takes any one of these scopes. It decides what is shown; the route decides what is done.
 * @param {Who | null} who
 * @param {...string} scopes
 */
export const may = (who, ...scopes) => who !== null && scopes.some((scope) => who.scopes.includes(scope));

export async function signOut() {
  await ask("/api/auth/session", { method: "DELETE", stay: true });
  location.assign("/sign-in");
}
