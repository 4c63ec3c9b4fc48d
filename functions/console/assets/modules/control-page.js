// The page of one connection: its cards, and what fills them. Those that are no part of the first view come right behind it, wherever
// they stand: who searches the page, listens to it or goes through it by keyboard misses nothing.

import { ApiError, asError } from "./api.js";
import { controlOf, toldBy } from "./control-api.js";
import { fillLater } from "./control-card.js";
import { progressCard } from "./control-progress.js";
import { runCard } from "./control-run.js";
import { amiss, standingPill } from "./control-standing.js";
import { statusCard } from "./control-status.js";
import { button, h, replace } from "./dom.js";
import { clock, number, say } from "./language.js";
import { stale, toast } from "./messages.js";

/** @typedef {import("./control-words.js").Provider} Provider */
/** @typedef {import("./control-words.js").Status} Status */
/** @typedef {import("./control-words.js").Config} Config */
/** @typedef {import("./control-words.js").EntityRun} EntityRun */
/** @typedef {"monitoring" | "logs" | "dlq"} Tab */
/**
 * What is around it.
 * @typedef {{
 *   pill: HTMLElement, updated: HTMLElement, acts: HTMLElement, old: HTMLElement, panel: HTMLElement, tab: () => Tab, goTo: (tab: Tab) => void,
 *   edit: () => void, start: () => void, drawTabs: () => void, who: import("./session.js").Who | null,
 * }} Around
 */

/** While a run is open, and while none is. */
export const RUNNING_MS = 2_000;
const QUIET_MS = 10_000;
/** What seldom changes by itself. */
const SELDOM_MS = 60_000;

/**
 * @param {{ provider: Provider | null, id: string, name: string | null }} of
 * @param {Status} first
 * @param {Around} around
 */
export function pageOf({ provider, id, name }, first, around) {
  const control = controlOf(id, name);
  const entities = provider?.entities ?? first.entities;
  const title = provider?.name ?? id;
  let status = first;
  /** @type {Config | null} */
  let config = null;
  /** @type {EntityRun[]} */
  let runs = [];
  let at = new Date();
  let isOver = false;
  /** Whose end is waited for. @type {{ id: string, dry: boolean } | null} */
  let mine = null;
  let lettersOf = -1;
  let runsOf = "";
  let seldomAt = 0;
  /** What the vendor said last of its limit. @type {import("./control-rate.js").Said | null} */
  let said = null;
  /** @type {import("./control-words.js").Scheduler | ApiError | null} */
  let times = null;
  /** @type {[import("./control-words.js").Letter[], number, boolean]} */
  let set = [[], first.dlqCount, first.dlqMore];

  const cards = {
    status: statusCard(title, { ping: control.ping, pinged: () => look() }),
    run: runCard(control, entities, { started, stopped: () => look() }),
    progress: progressCard(entities, () => look()),
  };
  /** Null until it is loaded, as those below. @type {ReturnType<typeof import("./control-rail.js").controlRail> | null} */
  let side = null;
  /** @type {ReturnType<typeof import("./control-rate.js").rateCard> | null} */
  let rate = null;
  /** @type {{ runs: ReturnType<typeof import("./control-runs.js").runsCard>, errors: ReturnType<typeof import("./control-runs.js").errorsCard> } | null} */
  let past = null;
  /** @type {ReturnType<typeof import("./control-letters.js").letterList> | null} */
  let list = null;
  /** @type {ReturnType<typeof import("./control-logs.js").logCard> | null} */
  let log = null;

  const late = h("div", { class: "control-late" });
  const left = h("div", { class: "control-left" }, cards.status.element, cards.run.element, late);
  const middle = h("div", { class: "control-middle" });
  const below = h("div", { class: "control-below" });
  const rail = h("aside", { class: "control-rail", "aria-label": say("Schedule, configuration and alerts", "Tidsplan, konfiguration og alarmer") });
  const monitoring = h("div", { class: "control" }, left, middle, below, rail);
  const lines = h("div", { class: "control-log" });
  const loaded = {
    log: async () => {
      const { logCard } = await import("./control-logs.js");
      if (isOver) return [];
      log = logCard(entities, { url: control.logs, heard, name: `${id}-${name ?? "main"}` });
      return [log.element];
    },
    rail: async () => {
      const { controlRail } = await import("./control-rail.js");
      side = controlRail(control, { look: () => look(), edit: around.edit, requeued: () => letters(true), all: () => around.goTo("dlq") });
      side.loadAlerts();
      drawTimes();
      drawSide();
      return side.elements;
    },
    past: async () => {
      const { errorsCard, runsCard } = await import("./control-runs.js");
      past = { runs: runsCard(openRun), errors: errorsCard(openRun) };
      if (runsOf) drawRuns();
      return [past.runs.element, past.errors.element];
    },
    rate: async () => {
      rate = (await import("./control-rate.js")).rateCard();
      drawRate();
      return [rate.element];
    },
  };

  /** Puts what the tab has into the page. The log is one, and so what it shows is kept. */
  function place() {
    const tab = around.tab();
    if (tab === "dlq") return letterTab();
    if (tab === "monitoring") replace(middle, cards.progress.element, lines);
    lines.classList.toggle("tall", tab === "logs");
    replace(around.panel, tab === "monitoring" ? monitoring : lines);
    log?.redraw();
  }

  async function letterTab() {
    const { letterList } = await import("./control-letters.js");
    list ??= letterList(control, entities, () => letters(true));
    if (isOver || around.tab() !== "dlq") return;
    replace(around.panel, list.element);
    list.load();
  }

  /** A line that says that a run began or ended is a reason to ask how it stands. @param {import("./control-logs.js").Line} line */
  function heard(line) {
    if (line.rateLimit) said = { ...line.rateLimit, at: line.ts };
    if (line.type !== "progress" && Date.now() - at.getTime() > RUNNING_MS) look();
  }

  /** @param {string} runId @param {boolean} dry */
  function started(runId, dry) {
    mine = { id: runId, dry };
    toast("run", dry ? say("The dry run is started", "Prøvekørslen er sat i gang") : say("The run is started", "Kørslen er sat i gang"), say("It goes on if you leave.", "Den fortsætter, hvis du går."));
    look();
  }

  /** @param {EntityRun} run @param {HTMLElement | null} from */
  async function openRun(run, from) {
    const drawer = await import("./control-run-drawer.js");
    past?.runs.rows.select(run.id);
    const logs = (/** @type {string} */ runId) => {
      around.goTo("logs");
      log?.only(runId);
    };
    const closed = () => {
      past?.runs.rows.select(null);
      if (from?.isConnected) from.focus();
      else past?.runs.rows.focus(run.id);
    };
    drawer.openRun(run, { closed, focus: !from?.matches("tr"), logs });
  }

  const ofLast = () => runs.filter(({ runId }) => runId === status.lastRun.runId);

  /** Says what became of the run that was started here. */
  async function ended() {
    if (!mine || status.lastRun.runId !== mine.id) return;
    const own = ofLast();
    if (own.length === 0) return;
    const { dry } = mine;
    mine = null;
    const { tellEnd } = await import("./control-told.js");
    tellEnd(status, own, dry);
  }

  function draw() {
    const pageRows = config?.pageSize ?? provider?.pull?.pageSize ?? 100;
    drawHead();
    cards.status.show(status, config, provider);
    cards.run.show(status);
    drawRate();
    cards.progress.show(status, pageRows);
    drawSide();
    stop.hidden = !status.isRunning && status.lock === null;
    stop.disabled = status.lock?.stoppedBy != null;
  }

  function drawHead() {
    const wasStopped = ofLast().some((run) => run.fullDetails?.code === "stopped");
    const found = amiss(status, { answers: cards.status.answers(), wasStopped });
    const others = found.slice(1).map(([, words]) => words);
    replace(around.pill, standingPill(status, found), others.length > 0 && h("span", { class: "note" }, ` ${others.join(" · ")}`));
    replace(around.updated, say(`Updated ${clock(at)}`, `Opdateret ${clock(at)}`));
  }

  function drawRate() {
    const pull = provider?.pull;
    const words = pull && say(`${title} documents ${number(pull.requestsPerMinute)} a minute and ${number(pull.requestsPerHour)} an hour.`, `${title} dokumenterer ${number(pull.requestsPerMinute)} i minuttet og ${number(pull.requestsPerHour)} i timen.`);
    rate?.show(Object.values(status.integrations)[0].rateLimit, words || "", said);
  }

  const ping = () => {
    // What comes of it is told there.
    if (around.tab() !== "monitoring") around.goTo("monitoring");
    cards.status.ping();
  };
  const stop = button(say("Stop run", "Stop kørsel"), { icon: "stop", kind: "danger", "data-testid": "button-stop-top", onclick: () => cards.run.stop() });
  replace(
    around.acts,
    stop,
    button("Ping", { icon: "pulse", "data-testid": "button-ping-top", onclick: ping }),
    button(say("Refresh", "Opdater"), { icon: "refresh", iconOnly: true, "data-testid": "button-refresh", onclick: () => changed() }),
  );

  function drawSide() {
    const [letters, total, more] = set;
    side?.show({ breaker: Object.values(status.integrations)[0].circuitBreaker, config, provider, letters, total, more, who: around.who });
  }

  function drawRuns() {
    past?.runs.show(runs);
    past?.errors.show(runs);
  }

  function drawTimes() {
    if (times instanceof ApiError) side?.scheduler.fail(times);
    else if (times) side?.scheduler.show(times);
  }

  async function letters(force = false) {
    if (!force && lettersOf === status.dlqCount) return;
    lettersOf = status.dlqCount;
    try {
      const answer = await control.letters();
      set = [answer.items, answer.total, answer.more];
      if (!isOver) drawSide();
    } catch {
      // The status has their count; the tab says what is wrong.
    }
    around.drawTabs();
  }

  async function loadRuns() {
    const now = `${status.lastRun.runId} ${status.currentRun?.steps.filter(({ state }) => state === "done" || state === "failed").length ?? 0}`;
    if (now === runsOf) return ended();
    try {
      const answer = await control.runs();
      runsOf = now;
      runs = answer.runs;
      if (isOver) return;
      drawRuns();
      drawHead();
      ended();
    } catch (thrown) {
      past?.runs.rows.caption(toldBy(asError(thrown)));
    }
  }

  async function loadSeldom() {
    seldomAt = Date.now();
    side?.loadAlerts();
    const [stored, scheduled] = await Promise.allSettled([control.config(), control.scheduler()]);
    if (isOver) return;
    if (stored.status === "fulfilled") config = stored.value.integration;
    times = scheduled.status === "fulfilled" ? scheduled.value : asError(scheduled.reason);
    drawTimes();
    draw();
  }

  /** Asks how it stands. */
  async function look() {
    if (isOver) return;
    at = new Date();
    try {
      status = await control.status();
      replace(around.old);
    } catch (thrown) {
      const error = asError(thrown);
      if (isOver) return;
      // Nothing is asked any more then, and nobody who types a token is disturbed.
      if (error.status === 401 || error.status === 403) return around.start();
      return replace(around.old, stale(at, error, () => look()));
    }
    if (isOver) return;
    draw();
    await Promise.all([loadRuns(), letters()]);
  }

  /** Everything anew. */
  function changed() {
    runsOf = "";
    lettersOf = -1;
    loadSeldom();
    return look();
  }

  place();
  draw();
  loadSeldom();
  loadRuns();
  letters(true);
  fillLater(rail, loaded.rail);
  fillLater(lines, loaded.log);
  fillLater(below, loaded.past);
  fillLater(late, loaded.rate);
  return {
    place,
    changed,
    letterCount: () => (set[1] > 0 ? number(set[1]) + (set[2] ? "+" : "") : ""),
    pause: () => log?.pause(),
    redraw() {
      draw();
      drawRuns();
      drawTimes();
      log?.redraw();
      list?.redraw();
    },
    /** Asks as often as what is seen may change. */
    tick() {
      const pace = status.isRunning || status.lock !== null ? RUNNING_MS : QUIET_MS;
      if (Date.now() - seldomAt > SELDOM_MS) loadSeldom();
      return Date.now() - at.getTime() >= pace - 100 ? look() : undefined;
    },
    end() {
      isOver = true;
      log?.end();
    },
  };
}
