// Whose data the pages are of, where a person may choose. It is kept in this browser, named with each call, and in the address,
// so that a view that is sent to a colleague is of the same tenant.

import { change, parameters } from "./address.js";
import { set, setting } from "./settings.js";

/** The tenant that was chosen; null where none was. @returns {string | null} */
export const chosenTenant = () => parameters().get("for") || setting("tenant");

/** Shows everything of another one; null: as without a choice. @param {string | null} tenant */
export function chooseTenant(tenant) {
  set("tenant", tenant);
  // What was open, or where a list was, is the other one's.
  change({ for: tenant, cursor: null, open: null, run: null });
  location.reload();
}

/** Has the address say what was chosen. */
export function tellTenant() {
  const tenant = chosenTenant();
  if (tenant) change({ for: tenant }, { replace: true });
}
