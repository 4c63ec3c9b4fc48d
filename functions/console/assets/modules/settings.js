// What a person has set, kept in this browser. Storage may be forbidden or full: a setting then lasts as long as the page.

/** @type {Map<string, string>} */
const here = new Map();

/**
 * @param {"theme" | "language" | "zone" | "tenant"} name
 * @returns {string | null}
 */
export function setting(name) {
  try {
    return localStorage.getItem(`signalbox.${name}`) ?? here.get(name) ?? null;
  } catch {
    return here.get(name) ?? null;
  }
}

/**
 * @param {"theme" | "language" | "zone" | "tenant"} name
 * @param {string | null} value Null forgets it.
 */
export function set(name, value) {
  try {
    if (value === null) localStorage.removeItem(`signalbox.${name}`);
    else localStorage.setItem(`signalbox.${name}`, value);
  } catch {
    // Kept below.
  }
  if (value === null) here.delete(name);
  else here.set(name, value);
}
