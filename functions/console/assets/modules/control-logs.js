// The live log: lines as they are written, what is shown of them, and where they can be taken.

import { button, h, icon, replace } from "./dom.js";
import { selectChip } from "./filter-fields.js";
import { clock, number, say } from "./language.js";
import { blank } from "./messages.js";
import { readable } from "./moment.js";
import { status as statusMark } from "./status.js";

/**
 * @typedef {{
 *   id: string, type: string, ts: string, entity: string | null, page: number | null, rows: number | null, level: string | null,
 *   msg: string, runId: string | null, total?: number | null, waitingFor?: string | null, until?: string | null,
 *   rateLimit?: { limit?: number, remaining?: number, reset?: string },
 * }} Line
 */

const KEPT_MAX = 1_000;
/**
 * After how long it asks again, by how often it was in vain since it was let in last. The browser's own next try would be at the address
 * that it was sent on to, with a ticket that is used up.
 */
const AGAIN_MS = [1_000, 1_000, 2_000, 10_000, 30_000, 60_000];
/** After so often in vain it is said that the log cannot be reached: a stream ends each minute, and one try may fail. */
const IN_VAIN_MAX = 3;
const LEVELS = ["info", "warn", "error", "progress"];

/** @type {Record<string, [import("./status.js").Tone, [string, string]]>} */
const TYPES = {
  info: ["idle", ["info", "info"]],
  progress: ["run", ["page", "side"]],
  warn: ["warn", ["warn", "advarsel"]],
  error: ["bad", ["error", "fejl"]],
};

/** What takes lines elsewhere is loaded with the first that are. */
const taken = () => import("./control-log-text.js");

/** @param {MessageEvent} event @returns {Line | null} What is no line is passed over. */
function parsed(event) {
  try {
    const line = JSON.parse(event.data);
    if (typeof line !== "object" || line === null) return null;
    const text = String(line.msg ?? line.message ?? "");
    const ts = typeof line.ts === "string" ? line.ts : new Date(Number(line.ts ?? line.timestamp ?? Date.now())).toISOString();
    return { ...line, id: event.lastEventId, ts, msg: text, type: String(line.type ?? line.level ?? "info"), entity: line.entity ?? null, runId: line.runId ?? null };
  } catch {
    return null;
  }
}

/** How many lines are seen, of how many there are. @param {number} count @param {number} all */
function countText(count, all) {
  const of = all === KEPT_MAX ? say(`the newest ${number(all)}`, `de nyeste ${number(all)}`) : number(all);
  if (count < all) return say(`${number(count)} of ${of} lines`, `${number(count)} af ${of} linjer`);
  if (all === 0) return null;
  return all === 1 ? say("1 line", "1 linje") : say(`${of} lines`, `${of} linjer`);
}

/**
 * @param {string[]} entities
 * @param {{ url: (after: string | null) => string, heard: (line: Line) => void, name: string }} options
 */
export function logCard(entities, options) {
  const title = say("Live logs", "Live-log");
  /** The newest last. @type {Line[]} */
  let lines = [];
  let held = 0;
  let isPaused = false;
  const filter = { entity: "", level: "", run: "" };
  /** @type {EventSource | null} */
  let source = null;
  /** @type {string | null} */
  let last = null;
  let inVain = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** Lines that wait for the next frame. @type {Line[]} */
  let fresh = [];

  const state = h("span", { role: "status" });
  const tally = h("span", { class: "note", "data-testid": "count-logs" });
  const list = h("ol", { class: "log", tabindex: "0", "aria-label": title });
  const empty = h("div");
  const told = h("p", { class: "note log-told", role: "status" });
  const select = (/** @type {"entity" | "level"} */ name, /** @type {string} */ label, /** @type {string[]} */ values) => {
    const choices = /** @type {[string, string][]} */ ([["", say("All", "Alle")], ...values.map((one) => [one, one])]);
    const chip = selectChip(name, label, "", choices, (value) => {
      filter[name] = value;
      chip.classList.toggle("set", value !== "");
      draw();
    });
    chip.querySelector("select")?.setAttribute("data-testid", `select-filter-${name}`);
    return chip;
  };
  const run = h("input", { type: "search", class: "input run-filter", placeholder: say("Run id", "Kørsels-id"), "aria-label": say("Run id", "Kørsels-id"), autocomplete: "off", spellcheck: "false", maxlength: 64, "data-testid": "input-filter-run-id" });
  run.addEventListener("input", () => {
    filter.run = run.value.trim().toLowerCase();
    draw();
  });
  const tool = (/** @type {string} */ text, /** @type {import("./dom.js").IconName} */ mark, /** @type {string} */ id, /** @type {() => void} */ act) =>
    button(text, { icon: mark, iconOnly: true, kind: "quiet small", "data-testid": id, onclick: act });
  const pause = tool(say("Pause", "Pause"), "pause", "button-toggle-pause", () => turn());
  const tools = h(
    "div",
    { class: "flex ml-auto" },
    pause,
    tool(say("Copy", "Kopiér"), "copy", "button-copy-logs", async () => (await taken()).copyLines(shown())),
    tool(say("Clear", "Ryd"), "drop", "button-clear-logs", () => clear()),
    tool(say("Export", "Eksportér"), "export", "button-export-logs", async () => (await taken()).saveLines(shown(), options.name)),
  );
  const head = h("div", { class: "card-head" }, h("h2", {}, title), state, tally, tools);
  const filters = h("div", { class: "filters log-filters", role: "search", "aria-label": say("Filters of the log", "Loggens filtre") }, select("entity", say("Entity", "Entitet"), entities), select("level", say("Level", "Niveau"), LEVELS), run);
  const element = h("section", { class: "card logs", "aria-label": title }, head, filters, told, list, empty);

  /** @param {Line} line */
  const fits = (line) =>
    (!filter.entity || line.entity === filter.entity) && (!filter.level || line.type === filter.level) && (!filter.run || (line.runId ?? "").toLowerCase().includes(filter.run));
  /** What is looked at: while it is paused, without what came since. */
  const shown = () => (held > 0 ? lines.slice(0, -held) : lines).filter(fits);

  /** @param {Line} line */
  function row(line) {
    const [tone, words] = TYPES[line.type] ?? ["idle", [line.type, line.type]];
    const waits = line.waitingFor ? /** @type {const} */ (["held", say("wait", "venter")]) : null;
    return h(
      "li",
      { "data-type": line.type },
      h("time", { datetime: line.ts, title: line.runId ?? undefined }, clock(line.ts), h("span", { class: "ink-3" }, `.${line.ts.slice(20, 23)}`)),
      h("span", { class: waits ? waits[0] : tone }, waits ? waits[1] : say(words[0], words[1])),
      h("b", {}, line.entity ?? "—"),
      h("span", { class: "text" }, readable(line.msg, line.ts)),
    );
  }

  function draw() {
    const found = shown();
    // The newest is on top, so that nobody has to scroll to it.
    replace(list, found.toReversed().map(row));
    drawAround(found.length);
  }

  /** @param {number} count */
  function drawAround(count) {
    list.hidden = count === 0;
    replace(told, held > 0 && say(`Paused: ${number(held)} new ${held === 1 ? "line" : "lines"} held back`, `På pause: ${number(held)} ${held === 1 ? "ny linje" : "nye linjer"} holdes tilbage`));
    told.hidden = held === 0;
    replace(tally, countText(count, lines.length - held));
    if (count > 0) return replace(empty);
    const text = lines.length > 0 ? say("No line fits the filters.", "Ingen linje passer til filtrene.") : say("A run writes a line for each page that it reads.", "En kørsel skriver en linje for hver side, den læser.");
    if (!empty.firstChild || empty.textContent !== text) replace(empty, blank(lines.length > 0 ? say("Nothing to show", "Intet at vise") : say("No lines yet", "Ingen linjer endnu"), text));
  }

  function flush() {
    const came = fresh;
    fresh = [];
    lines = [...lines, ...came].slice(-KEPT_MAX);
    if (isPaused) {
      held = Math.min(held + came.length, lines.length);
      return drawAround(shown().length);
    }
    const fitting = came.filter(fits);
    list.prepend(...fitting.toReversed().map(row));
    while (list.childElementCount > KEPT_MAX) list.lastElementChild?.remove();
    drawAround(list.childElementCount);
  }

  /** @param {MessageEvent} event */
  function heard(event) {
    last = event.lastEventId || last;
    const line = parsed(event);
    if (!line) return;
    options.heard(line);
    fresh.push(line);
    if (fresh.length === 1) setTimeout(flush, 100);
  }

  function turn() {
    isPaused = !isPaused;
    drawState();
    const text = isPaused ? say("Go on", "Fortsæt") : say("Pause", "Pause");
    replace(pause, icon(isPaused ? "play" : "pause"), h("span", { class: "sr-only" }, text));
    pause.title = text;
    pause.setAttribute("aria-pressed", String(isPaused));
    if (isPaused) return;
    held = 0;
    draw();
  }

  function clear() {
    lines = [];
    held = 0;
    draw();
  }

  /** @param {"open" | "waits" | "away" | "off"} next */
  function tell(next) {
    if (state.dataset.now === next) return;
    // Read out is what is out of the ordinary, and that it is over: a stream ends each minute.
    state.setAttribute("aria-live", [state.dataset.now, next].includes("away") ? "polite" : "off");
    state.dataset.now = next;
    state.title = next === "away" ? say("The status is asked every few seconds instead.", "Status spørges hvert par sekunder i stedet.") : "";
    drawState();
  }

  /** What comes while it is paused is kept, and not shown. */
  function drawState() {
    const now = /** @type {"open" | "waits" | "away" | "off" | undefined} */ (state.dataset.now) ?? "waits";
    const marks = {
      open: () => statusMark("ok", say("Streaming", "Modtager"), { icon: "pulse" }),
      waits: () => statusMark("idle", say("Connecting…", "Forbinder…"), { icon: "clock" }),
      away: () => statusMark("warn", say("The log cannot be reached", "Loggen kan ikke nås")),
      off: () => statusMark("idle", say("Stopped while nobody looks", "Standset, mens ingen ser"), { icon: "pause" }),
    };
    replace(state, isPaused && now !== "away" ? statusMark("held", say("Paused", "På pause")) : marks[now]());
  }

  function open() {
    close();
    if (document.hidden) return tell("off");
    if (inVain < IN_VAIN_MAX) tell("waits");
    const made = new EventSource(options.url(last));
    source = made;
    made.addEventListener("open", () => {
      inVain = -1;
      tell("open");
    });
    made.addEventListener("connected", (event) => {
      last = event.lastEventId || last;
    });
    made.addEventListener("log", heard);
    made.addEventListener("error", () => {
      close();
      inVain += 1;
      tell(inVain < IN_VAIN_MAX ? "waits" : "away");
      timer = setTimeout(open, AGAIN_MS[Math.min(inVain, AGAIN_MS.length - 1)]);
    });
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  // A stream that nobody reads is paid for all the same.
  const looked = () => (document.hidden ? (close(), tell("off")) : open());
  document.addEventListener("visibilitychange", looked);
  addEventListener("pagehide", close);
  draw();
  open();
  return {
    element,
    pause: turn,
    /** Shows one run's lines alone. @param {string} id */
    only(id) {
      run.value = id;
      filter.run = id.toLowerCase();
      draw();
    },
    redraw: draw,
    end() {
      close();
      document.removeEventListener("visibilitychange", looked);
      removeEventListener("pagehide", close);
    },
  };
}
