// Lines of the log, taken elsewhere.

import { h } from "./dom.js";
import { copied } from "./messages.js";

/** @typedef {import("./control-logs.js").Line} Line */

/** @param {Line} line */
const asText = (line) => [line.ts, line.type, line.entity ?? "-", line.msg, line.runId].filter(Boolean).join(" ");

/** @param {Line[]} lines */
export const copyLines = (lines) => copied(lines.map(asText).join("\n"));

/** As a file, a line of JSON each. @param {Line[]} lines @param {string} name */
export function saveLines(lines, name) {
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  const address = URL.createObjectURL(new Blob([text, "\n"], { type: "application/x-ndjson" }));
  const link = h("a", { href: address, download: `${name}-${new Date().toISOString().replace(/[:.]/g, "-")}.ndjson` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1_000);
}
