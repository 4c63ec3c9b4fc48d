// Danish and English, and how each writes dates, numbers and durations.

import { change, parameters } from "./address.js";
import { set, setting } from "./settings.js";

/** @typedef {"da" | "en"} Language */

const root = document.documentElement;

/** The language of this page: the person's choice, or the page's own. @returns {Language} */
export function language() {
  const chosen = setting("language") ?? root.dataset.language;
  return chosen === "da" ? "da" : "en";
}

/**
 * Whichever of two texts is in the page's language. They stand beside each other where they are used, so that none is forgotten.
 * @template Text
 * @param {Text} english
 * @param {Text} danish
 * @returns {Text}
 */
export function say(english, danish) {
  return language() === "da" ? danish : english;
}

/** Chooses a language for all pages. @param {Language} chosen */
export function choose(chosen) {
  set("language", chosen);
}

/** Puts the shell's texts into the page's language. */
export function translate() {
  const now = language();
  root.lang = now;
  for (const element of document.querySelectorAll("[data-da]")) {
    element.textContent = element.getAttribute(`data-${now}`);
  }
}

const locale = () => say("en-GB", "da-DK");

/** Whether times are shown in UTC: as the address says, so that a link shows what its sender saw, else as the person chose. */
export const isUtc = () => (parameters().get("zone") ?? setting("zone")) === "utc";

/** @param {boolean} utc */
export function showUtc(utc) {
  set("zone", utc ? "utc" : null);
  change({ zone: utc ? "utc" : null }, { replace: true });
}

/** Has the address say that times are in UTC. Local ones are each reader's own, and so they are not said. */
export function tellZone() {
  if (isUtc()) change({ zone: "utc" }, { replace: true });
}

/**
 * @param {Intl.DateTimeFormatOptions} options
 * @param {string | number | Date} at
 */
function written(options, at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "—";
  return new Intl.DateTimeFormat(locale(), { ...options, timeZone: isUtc() ? "UTC" : undefined }).format(date);
}

/** `14. okt. 2025, 14.31` @param {string | null | undefined} at */
export const dateTime = (at) => (at ? written({ dateStyle: "medium", timeStyle: "short" }, at) : "—");
/** `14.31.40` @param {string | number | Date} at */
export const clock = (at) => written({ hour: "2-digit", minute: "2-digit", second: "2-digit" }, at);
/** `14.31` @param {string | number | Date} at */
export const clockShort = (at) => written({ hour: "2-digit", minute: "2-digit" }, at);
/** `14. okt.` @param {string | number | Date} at */
export const dayMonth = (at) => written({ day: "numeric", month: "short" }, at);

/**
 * A day that is no time: `8. okt. 2025` of `2025-10-08`.
 * @param {string} day
 * @param {Intl.DateTimeFormatOptions} [options]
 */
export function dayText(day, options = { dateStyle: "medium" }) {
  return new Intl.DateTimeFormat(locale(), { ...options, timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

/** Whether a time is today, as times are shown. @param {string} at */
export const isToday = (at) => dayMonth(at) === dayMonth(new Date());

/** @param {number | null | undefined} value */
export const number = (value) =>
  value === null || value === undefined ? "—" : new Intl.NumberFormat(locale()).format(value);

/**
 * `532 ms`, `42s`, `5m 12s`, `1t 4m 3s`; hours are `t` in Danish, and seconds of none are left out beside hours.
 * @param {number | null | undefined} milliseconds
 */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || !(milliseconds >= 0)) return "—";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const all = Math.round(milliseconds / 1000);
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  if (hours > 0) return [`${hours}${say("h", "t")}`, `${minutes}m`, seconds > 0 && `${seconds}s`].filter(Boolean).join(" ");
  return minutes > 0 ? `${minutes}m ${seconds}s` : `${seconds}s`;
}

/** `2 minutes ago`, `for 2 minutter siden` @param {string | number | Date} at */
export function ago(at) {
  const seconds = (new Date(at).getTime() - Date.now()) / 1000;
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(Math.round(seconds / size), unit);
}
