// The rows of `/vendor-sync`.

import { h } from "./dom.js";
import { dateTime, duration, say } from "./language.js";
import { lastSegment, runStatus } from "./runs.js";

/** @typedef {import("./runs.js").Run} Run */

/** @param {boolean | null | undefined} value */
function yesNo(value) {
  if (value === null || value === undefined) return "—";
  return value ? say("Yes", "Ja") : h("span", { class: "ink-3" }, say("No", "Nej"));
}

/** @param {string | null} hash */
const shortHash = (hash) => (hash ? `${hash.slice(0, 10)}…` : "—");

/** @returns {import("./table.js").Column<Run>[]} */
export const columns = () => [
  { name: say("Started", "Startet"), cell: (/** @type {Run} */ run) => dateTime(run.startedAt) },
  { name: say("Duration", "Varighed"), cell: (run) => duration(run.durationMs), narrow: "more" },
  { name: "Status", cell: (run) => runStatus(run), narrow: "end" },
  { name: "Dry-run", cell: (run) => yesNo(run.dryRun), narrow: "more" },
  { name: say("User", "Bruger"), cell: (run) => run.actor ?? "—", narrow: "below", kind: "short" },
  {
    name: say("Source", "Kilde"),
    cell: (run) => lastSegment(run.sourcePath),
    title: (run) => run.sourcePath,
    narrow: "hide",
    kind: "short",
  },
  {
    name: "Hash",
    cell: (run) => h("span", { class: "font-mono ink-2" }, shortHash(run.hash)),
    title: (run) => run.hash,
    narrow: "end",
  },
];
