// A count in a table: nothing is grey.

import { h } from "./dom.js";
import { number } from "./language.js";

/** @param {number | null | undefined} count */
export const greyCount = (count) => (count ? number(count) : h("span", { class: "ink-3" }, count === 0 ? "0" : "—"));
