// Filters live in the address, so that any view can be sent to a colleague.

/** @returns {URLSearchParams} */
export const parameters = () => new URLSearchParams(location.search);

/** `08-10-2025`, also with dots, slashes or one digit, and `2025-10-08`: `2025-10-08`; null if it is no day. @param {string} text */
export function parseDay(text) {
  const danish = /^(\d{1,2})[-./ ](\d{1,2})[-./ ](\d{4})$/.exec(text.trim());
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text.trim());
  const parts = danish ? [danish[3], danish[2], danish[1]] : iso?.slice(1);
  if (!parts) return null;
  const [year, month, day] = parts.map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.toISOString().slice(0, 10) : null;
}

/** A day of the address; null where it is none. @param {string} name */
export const dayOf = (name) => parseDay(parameters().get(name) ?? "");

/**
 * Changes some parameters; null and "" take one away.
 * @param {Record<string, string | string[] | null>} changes
 * @param {{ replace?: boolean }} [options] `replace`: without a step that one could go back.
 */
export function change(changes, options = {}) {
  const next = parameters();
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) if (one) next.append(name, one);
  }
  const query = next.toString();
  const address = location.pathname + (query ? `?${query}` : "");
  if (address === location.pathname + location.search) return;
  if (options.replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}
