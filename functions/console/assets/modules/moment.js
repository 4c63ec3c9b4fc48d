// When something is, as near as one needs to know: today without its day.

import { clock, clockShort, dateTime, dayMonth, isToday } from "./language.js";

/** @param {string} at @param {boolean} [short] */
export const momentText = (at, short = false) => `${isToday(at) ? "" : `${dayMonth(at)}, `}${short ? clockShort(at) : clock(at)}`;

/** As APIs write times, and as sentences of the service do: `14:31:40 UTC` on the day of the sentence, `14 Oct 2025, 14:31 UTC`. */
const TIMES = /\b(?:\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)|(?:(\d{1,2} [A-Z][a-z]{2} \d{4}), )?(\d\d:\d\d(?::\d\d)?) UTC\b)/g;

/**
 * A sentence of the service, with its times as all others of the page. What only looks like a time stays as it is.
 * @param {string} text
 * @param {string} [said] When it was said.
 */
export const readable = (text, said = new Date().toISOString()) =>
  text.replace(TIMES, (all, day, time) => {
    const at = new Date(!time ? all : day ? `${day} ${time} UTC` : `${said.slice(0, 10)}T${time}Z`);
    if (Number.isNaN(at.getTime())) return all;
    const iso = at.toISOString();
    return at.getFullYear() === new Date().getFullYear() ? momentText(iso, day !== undefined) : dateTime(iso);
  });
