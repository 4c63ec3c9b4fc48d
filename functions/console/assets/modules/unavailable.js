// In place of what cannot be had: for want of a right, or as it failed.

import { say } from "./language.js";
import { blank, failed } from "./messages.js";

/**
 * @param {string} title
 * @param {import("./api.js").ApiError} error
 * @param {() => void} again
 */
export function unavailable(title, error, again) {
  if (error.status !== 403) return failed(title, error, again);
  const role = say("Not for this role", "Ikke for denne rolle");
  return blank(role, error.details.join(" "), { icon: "lock" });
}
