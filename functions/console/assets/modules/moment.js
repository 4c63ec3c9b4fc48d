// When something is, as near as one needs to know: today without its day.

import { clock, clockShort, dayMonth, isToday } from "./language.js";

/** @param {string} at @param {boolean} [short] */
export const momentText = (at, short = false) => `${isToday(at) ? "" : `${dayMonth(at)}, `}${short ? clockShort(at) : clock(at)}`;
