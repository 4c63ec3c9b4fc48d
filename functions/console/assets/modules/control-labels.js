// What is wrong with what somebody typed, by the names that they see: the service says its own names of fields.

import { readable } from "./moment.js";

/**
 * @param {import("./api.js").ApiError} error
 * @param {Record<string, string>} labels By the service's names.
 */
export function toldWith(error, labels) {
  const label = (/** @type {string} */ all, /** @type {string} */ before, /** @type {string} */ name) => (Object.hasOwn(labels, name) ? `${before}${labels[name]}` : all);
  // A name begins a sentence, and may stand within settings or secrets.
  return error.details.map((text) => readable(text).replace(/(^|[.;] )(?:settings\.|secrets\.)?([A-Za-z]+)\b/g, label)).join(" ");
}
