// `/components`: every component in every state, side by side, to look at and to be tested.

import { ApiError } from "../modules/api.js";
import { dateField } from "../modules/date-field.js";
import { dayStrip } from "../modules/days.js";
import { openDialog } from "../modules/dialog.js";
import { button, h, icon, replace } from "../modules/dom.js";
import { openDrawer, section } from "../modules/drawer.js";
import { searchField, selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys } from "../modules/keyboard.js";
import { lagChart } from "../modules/lag-chart.js";
import { blank, callout, fact, failed, stale, toast } from "../modules/messages.js";
import { pageHead } from "../modules/page-head.js";
import { paging } from "../modules/paging.js";
import { stats } from "../modules/stats.js";
import { status } from "../modules/status.js";
import { table } from "../modules/table.js";
import { sparkline, timeChart } from "../modules/time-chart.js";
import { timeline } from "../modules/timeline.js";

const main = startPage({ redraw: () => {} });
const problem = new ApiError(500, "internal_error", ["Something failed that is ours to mend; try again later."], "1-670d1cb2-91f0aa73e4", {});
const nothing = () => {};

/** @param {string} title @param {...import("../modules/dom.js").Child} children */
const card = (title, ...children) =>
  h("section", { class: "card mb-3", "aria-label": title }, h("div", { class: "card-head" }, h("h2", {}, title)), h("div", { class: "card-body grid gap-3" }, children));

const row = (/** @type {import("../modules/dom.js").Child[]} */ ...children) => h("div", { class: "flex wrap gap-2" }, children);

const busy = button("Saving", { disabled: true });
busy.prepend(icon("run"));

/** @typedef {{ id: string, name: string, count: number }} Line */
/** @returns {import("../modules/table.js").Column<Line>[]} */
const columns = () => [
  { name: "Name", cell: (line) => line.name },
  { name: "Status", cell: () => status("ok", "Healthy"), narrow: "end" },
  { name: "Count", cell: (line) => line.count, kind: "number", narrow: "hide" },
];
const filled = table(columns(), { key: (line) => line.id, open: () => drawer() });
filled.caption("2 lines shown");
filled.rows([{ id: "a", name: "moscot", count: 127 }, { id: "b", name: "acme", count: 3 }]);
filled.select("a");
const waiting = table(columns());
waiting.caption("Loading…");
waiting.skeleton(3);
const pages = paging();
pages.show("cursor", { next: null, text: "All lines are shown.", onward: nothing });

const day = (/** @type {number} */ index) => ({
  day: `2026-01-${String(5 + index).padStart(2, "0")}`,
  success: index % 5,
  error: index === 3 ? 1 : 0,
  running: index === 6 ? 1 : 0,
});

function drawer() {
  openDrawer({
    title: "A drawer",
    summary: status("ok", "Completed", { pill: true }),
    body: section("Facts", h("dl", { class: "facts" }, fact("Path", "moscot.catalog.json"), fact("Hash", "9f2c41d07b"))),
    foot: button("Run again", { icon: "play" }),
  });
}

const dialog = () => openDialog("A dialog", { body: h("p", {}, "What would happen, and then a button that carries the count."), foot: button("Replay 7", { kind: "primary" }) });

const invalid = h("div", { class: "field" }, h("label", { for: "invalid" }, "Since"), h("input", { class: "input", id: "invalid", value: "32-10-2025", "aria-invalid": "true", "aria-describedby": "invalid-why" }), h("p", { class: "field-error", id: "invalid-why" }, icon("bad", "small"), "October has 31 days"));
const plain = h("div", { class: "field" }, h("label", { for: "plain" }, "Since"), h("input", { class: "input", id: "plain", placeholder: "dd-mm-yyyy" }));

/** @type {[import("../modules/status.js").Tone, string][]} */
const tones = [["ok", "Healthy"], ["warn", "Degraded"], ["bad", "Failed"], ["run", "Running"], ["held", "Held"], ["idle", "Idle"]];

/** @type {import("../modules/time-chart.js").Mark[]} */
const times = Array.from({ length: 12 }, (_, index) => ({ at: new Date(Date.UTC(2026, 0, 5, 14, index * index)).toISOString(), kind: index % 5 === 3 ? "bad" : index === 7 ? "held" : "run" }));
const lag = { count: 100, avgMs: 190, p50Ms: 142, p95Ms: 702, p99Ms: 2800, maxMs: 6100 };
const histogram = [25, 50, 100, 200, 400, 800, 1600, 3200].map((upToMs, index) => ({ upToMs, count: [1, 8, 30, 34, 16, 7, 3, 1][index] }));

const segmented = h("div", { class: "segmented", role: "group", "aria-label": "Choice" }, h("button", { type: "button", "aria-pressed": "true" }, "On"), h("button", { type: "button", "aria-pressed": "false" }, "Off"));

replace(
  main,
  pageHead("Components", "One of each, in each state, beside the others"),
  h("div", { class: "mb-3" }, stats([
    { label: "Runs", value: "25" },
    { label: "Success", value: status("ok", "21") },
    { label: "Failures", value: status("bad", "2") },
    { label: "Latest", value: ["14.31", h("small", {}, "today")] },
  ])),
  card("Buttons",
    row(button("Primary", { kind: "primary" }), button("Default"), button("Quiet", { kind: "quiet" }), button("Drop…", { kind: "danger" }), button("Disabled", { disabled: true }), busy, button("Small", { kind: "small" }), button("Refresh", { icon: "refresh", iconOnly: true })),
    row(segmented, dateField("Since", "2026-01-05", nothing), button("Drawer", { onclick: drawer }), button("Dialog", { onclick: dialog }), button("Toast", { onclick: () => toast("ok", "Copied") })),
  ),
  card("Status", row(tones.map(([tone, word]) => status(tone, word, { pill: true }))), row(status("held", "Waiting", { icon: "waiting" }), status("held", "Dead", { icon: "dead" }), status("idle", "Skipped", { icon: "skipped" }), status("warn", "Stale", { icon: "clock" }), status("ok", "New", { icon: "plus" }))),
  card("Fields", plain, invalid),
  card("Days", dayStrip(Array.from({ length: 7 }, (_, index) => day(index)), { chosen: "2026-01-08", choose: nothing }), dayStrip(Array.from({ length: 20 }, (_, index) => day(index)), { choose: nothing })),
  h("section", { class: "card mb-3", "aria-label": "Table" }, filled.element, pages.element),
  h("section", { class: "card mb-3", "aria-label": "Loading" }, waiting.element),
  h("section", { class: "card mb-3", "aria-label": "Empty" }, blank("No runs match the chosen filters.", "moscot, all periods, any status", { actions: [button("Reset the filters")] })),
  h("section", { class: "card mb-3", "aria-label": "Failed" }, failed("The runs could not be fetched", problem, nothing)),
  h("section", { class: "card mb-3", "aria-label": "No right" }, blank("Not for this role", "This takes the scope connections:read.", { icon: "lock" })),
  card("Filters", h("div", { class: "filters" }, searchField("Key, trace or text", nothing).element, selectChip("source", "Source", "", [["", "Any"], ["pos", "pos"]], nothing), selectChip("time", "Time", "1h", [["1h", "Last hour"]], nothing))),
  card("Charts", timeChart(times, { label: "12 shown by time" }), row(sparkline([4, 6, 3, 5, 8, 2], [0, 0, 1, 0, 0, 0]), sparkline([0, 0, 0])), lagChart(lag, 500), lagChart({ ...lag, histogram }, 500)),
  card("Timeline", timeline([{ mark: icon("empty", "ok"), at: "2026-01-05T14:30:51Z", text: "Received", more: "2,318 bytes" }, { mark: icon("bad", "bad"), at: "2026-01-05T14:30:53Z", text: "Attempt failed", more: "The SKU is not in the catalogue" }])),
  card("Messages", tones.map(([tone, word]) => callout(tone, word, "One line that says why.", { actions: [button("Act", { kind: "small" })] })), stale(new Date(), problem, nothing)),
);
addKeys([{ key: "j", text: "Next row", run: () => void filled.move(1) }, { key: "k", text: "Previous row", run: () => void filled.move(-1) }]);
