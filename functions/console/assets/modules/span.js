// How long something takes, with its units apart: `532 ms`, `20 s`, `5 min 12 s`, `1 h 4 min`.

import { say } from "./language.js";

/** A number and its unit stay on one line. @param {number} value @param {string} unit */
const of = (value, unit) => `${value}\u00a0${unit}`;

/** @param {number | null | undefined} milliseconds */
export function span(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || !(milliseconds >= 0)) return "—";
  if (milliseconds < 1_000) return of(Math.round(milliseconds), "ms");
  const all = Math.round(milliseconds / 1_000);
  const [hours, minutes, seconds] = [Math.floor(all / 3_600), Math.floor(all / 60) % 60, all % 60];
  const parts = [hours > 0 && of(hours, say("h", "t")), minutes > 0 && of(minutes, "min"), hours === 0 && seconds > 0 && of(seconds, "s")];
  return parts.filter(Boolean).join(" ");
}
