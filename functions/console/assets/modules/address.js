// Filters live in the address, so that any view can be sent to a colleague.

/** @returns {URLSearchParams} */
export const parameters = () => new URLSearchParams(location.search);

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
