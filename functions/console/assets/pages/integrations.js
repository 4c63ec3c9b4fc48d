// `/systems/integrations`: the control centre of a connection that is pulled: how it does, a run by hand, its log, its dead letters.

import { change, parameters } from "../modules/address.js";
import { ApiError, asError, ask } from "../modules/api.js";
import { controlOf, toldBy } from "../modules/control-api.js";
import { whenSeen } from "../modules/control-card.js";
import { logCard } from "../modules/control-logs.js";
import { progressCard } from "../modules/control-progress.js";
import { runCard } from "../modules/control-run.js";
import { statusCard } from "../modules/control-status.js";
import { healthPill, markOf } from "../modules/control-words.js";
import { button, h, replace } from "../modules/dom.js";
import { selectChip } from "../modules/filter-fields.js";
import { startPage } from "../modules/frame.js";
import { addKeys } from "../modules/keyboard.js";
import { clock, number, say } from "../modules/language.js";
import { copied, stale, toast } from "../modules/messages.js";
import { poll } from "../modules/poll.js";
import { may, whoever } from "../modules/session.js";
import { chosenTenant } from "../modules/tenant.js";

/** @typedef {import("../modules/control-words.js").Provider} Provider */
/** @typedef {import("../modules/control-words.js").Status} Status */
/** @typedef {import("../modules/control-words.js").Config} Config */
/** @typedef {import("../modules/control-words.js").EntityRun} EntityRun */
/** @typedef {{ provider: string, name: string, displayName: string }} Named */
/** @typedef {"monitoring" | "logs" | "dlq"} Tab */

/** While a run is open, and while none is. */
const RUNNING_MS = 2_000;
const QUIET_MS = 10_000;
/** What seldom changes by itself. */
const SELDOM_MS = 60_000;
const CONNECTIONS_MAX = 200;
const FIRST = "doorloop";
const MAIN = "main";
/** @type {Tab[]} */
const TABS = ["monitoring", "logs", "dlq"];

const main = startPage({ redraw: () => redraw() });
const title = h("h1", { class: "truncate" });
const mark = h("span");
const pill = h("span");
const updated = h("span", { class: "note not-narrow" });
const choice = h("span");
const acts = h("div", { class: "flex wrap gap-2" });
const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": say("Views", "Visninger") });
const panel = h("div", { id: "panel", class: "control-panel", role: "tabpanel", tabindex: "-1" });
const old = h("div");
replace(
  main,
  h("div", { class: "control-head" }, h("div", { class: "flex wrap gap-2 control-title" }, mark, title, pill, updated, h("span", { class: "grow" }), choice, acts), tabs),
  old,
  panel,
);

/** @type {Provider[]} */
let providers = [];
/** @type {Named[]} */
let connections = [];
/** @type {import("../modules/session.js").Who | null} */
let who = null;
/** @type {ReturnType<typeof pageOf> | null} */
let shown = null;

const wanted = () => {
  const tab = /** @type {Tab} */ (parameters().get("tab"));
  return { provider: parameters().get("provider"), connection: parameters().get("connection"), tab: TABS.includes(tab) ? tab : "monitoring" };
};

/** Which connection is meant: the one that the address names, or the first of the first provider that has one. */
function meant() {
  const now = wanted();
  const provider = now.provider ?? (connections.find((one) => one.provider === FIRST) ?? connections[0])?.provider ?? FIRST;
  const own = connections.filter((one) => one.provider === provider);
  const name = now.connection ?? (own.find((one) => one.name === MAIN) ?? own[0])?.name ?? null;
  return { provider: providers.find((one) => one.id === provider) ?? null, id: provider, name };
}

/** @param {string} id @param {string | null} name */
function drawChoice(id, name) {
  const key = (/** @type {string} */ provider, /** @type {string | null} */ one) => `${provider}/${one ?? ""}`;
  const nameOf = (/** @type {string} */ provider) => providers.find((one) => one.id === provider)?.name ?? provider;
  /** @type {[string, string][]} */
  const offered = connections.map((one) => [key(one.provider, one.name), one.displayName.startsWith(nameOf(one.provider)) ? one.displayName : `${nameOf(one.provider)}: ${one.displayName}`]);
  // A vendor without a connection is where one is made.
  for (const one of providers) if (!connections.some(({ provider }) => provider === one.id)) offered.push([key(one.id, null), say(`${one.name} (none yet)`, `${one.name} (ingen endnu)`)]);
  if (!offered.some(([value]) => value === key(id, name))) offered.push([key(id, name), [nameOf(id), name].filter(Boolean).join(": ")]);
  const chip = selectChip("connection", say("Integration", "Integration"), key(id, name), offered, (value) => {
    const [provider, ...rest] = value.split("/");
    change({ provider, connection: rest.join("/") || null, tab: null });
    start();
  }, false);
  replace(choice, chip);
}

function drawTabs() {
  const { tab } = wanted();
  const names = { monitoring: say("Monitoring", "Overvågning"), logs: say("Live Logs", "Live-log"), dlq: "DLQ" };
  const one = (/** @type {Tab} */ id) =>
    h(
      "button",
      {
        type: "button",
        id: `tab-${id}`,
        role: "tab",
        "data-testid": `tab-${id}`,
        "aria-selected": String(id === tab),
        "aria-controls": "panel",
        tabindex: id === tab ? "0" : "-1",
        onclick: () => goTo(id),
        onkeydown: (/** @type {KeyboardEvent} */ event) => step(event, id),
      },
      names[id],
      id === "dlq" && h("span", { class: "count" }, shown?.letterCount() ?? ""),
    );
  const had = tabs.contains(document.activeElement);
  replace(tabs, TABS.map(one));
  panel.setAttribute("aria-labelledby", `tab-${tab}`);
  if (had) /** @type {HTMLElement | null} */ (tabs.querySelector('[aria-selected="true"]'))?.focus();
}

/** @param {KeyboardEvent} event @param {Tab} id */
function step(event, id) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  goTo(TABS[(TABS.indexOf(id) + by + TABS.length) % TABS.length]);
}

/** A drawer is loaded with what opens it. */
const closeDrawer = () => document.querySelector(".drawer") && import("../modules/drawer.js").then((drawer) => drawer.closeDrawer());

/** @param {Tab} tab */
function goTo(tab) {
  change({ tab: tab === "monitoring" ? null : tab });
  closeDrawer();
  drawTabs();
  shown?.place();
}

/** In place of what cannot be shown. @param {ApiError} error */
async function gate(error) {
  const { gated } = await import("../modules/control-gate.js");
  const { provider, id } = meant();
  const add = may(who, "connections:write") && tenantOf() !== null && provider ? () => edit(true) : null;
  replace(panel, gated(error, { name: provider?.name ?? id, add, again: start }));
}

const tenantOf = () => chosenTenant() ?? who?.tenant ?? null;

/** @param {boolean} isNew */
async function edit(isNew) {
  const { provider, name } = meant();
  const tenant = tenantOf();
  if (!provider || !tenant) return;
  const { editConnection } = await import("../modules/control-edit.js");
  const done = async () => {
    if (!isNew) return shown?.changed();
    await loadConnections();
    start();
  };
  editConnection(provider, { tenant, name: name ?? MAIN, isNew, done });
}

/**
 * The page of one connection: its cards, and what fills them.
 * @param {Provider | null} provider
 * @param {string} id
 * @param {string | null} name
 * @param {Status} first
 */
function pageOf(provider, id, name, first) {
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
  /** What the vendor said last of its limit. @type {import("../modules/control-rate.js").Said | null} */
  let said = null;

  const cards = {
    status: statusCard(title, { ping: control.ping, pinged: () => look() }),
    run: runCard(control, entities, { started, stopped: () => look() }),
    progress: progressCard(entities, () => look()),
  };
  /** What is out of sight at first is null until it is looked at. @type {ReturnType<typeof import("../modules/control-rail.js").controlRail> | null} */
  let side = null;
  /** @type {ReturnType<typeof import("../modules/control-rate.js").rateCard> | null} */
  let rate = null;
  /** @type {{ runs: ReturnType<typeof import("../modules/control-runs.js").runsCard>, errors: ReturnType<typeof import("../modules/control-runs.js").errorsCard> } | null} */
  let past = null;
  /** @type {ReturnType<typeof import("../modules/control-letters.js").letterList> | null} */
  let list = null;
  /** @type {import("../modules/control-words.js").Scheduler | import("../modules/api.js").ApiError | null} */
  let times = null;
  const log = logCard(entities, { url: control.logs, heard, name: `${id}-${name ?? MAIN}` });
  /** @type {[import("../modules/control-words.js").Letter[], number, boolean]} */
  let set = [[], first.dlqCount, first.dlqMore];

  const late = h("div", { class: "control-late" });
  const left = h("div", { class: "control-left" }, cards.status.element, cards.run.element, late);
  const middle = h("div", { class: "control-middle" });
  const below = h("div", { class: "control-below" });
  const rail = h("aside", { class: "control-rail", "aria-label": say("Schedule, configuration and alerts", "Tidsplan, konfiguration og alarmer") });
  const monitoring = h("div", { class: "control" }, left, middle, below, rail);
  whenSeen(late, async () => {
    rate = (await import("../modules/control-rate.js")).rateCard();
    replace(late, rate.element);
    draw();
  });
  whenSeen(below, async () => {
    const { errorsCard, runsCard } = await import("../modules/control-runs.js");
    past = { runs: runsCard(openRun), errors: errorsCard(openRun) };
    replace(below, past.runs.element, past.errors.element);
    if (runsOf) drawRuns();
  });
  whenSeen(rail, async () => {
    const { controlRail } = await import("../modules/control-rail.js");
    side = controlRail(control, { look: () => look(), edit: () => edit(false), requeued: () => letters(true), all: () => goTo("dlq") });
    replace(rail, side.elements);
    side.loadAlerts();
    drawTimes();
    draw();
  });

  /** Puts what the tab has into the page. The log is one, and so what it shows is kept. */
  function place() {
    const { tab } = wanted();
    if (tab === "dlq") return letterTab();
    if (tab === "monitoring") replace(middle, cards.progress.element, log.element);
    log.element.classList.toggle("tall", tab === "logs");
    replace(panel, tab === "monitoring" ? monitoring : log.element);
    log.redraw();
  }

  async function letterTab() {
    const { letterList } = await import("../modules/control-letters.js");
    list ??= letterList(control, entities, () => letters(true));
    if (isOver || wanted().tab !== "dlq") return;
    replace(panel, list.element);
    list.load();
  }

  /** A line that says that a run began or ended is a reason to ask how it stands. @param {import("../modules/control-logs.js").Line} line */
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
    const drawer = await import("../modules/control-run-drawer.js");
    past?.runs.rows.select(run.id);
    const logs = (/** @type {string} */ runId) => {
      goTo("logs");
      log.only(runId);
    };
    const closed = () => {
      past?.runs.rows.select(null);
      if (from?.isConnected) from.focus();
      else past?.runs.rows.focus(run.id);
    };
    drawer.openRun(run, { closed, focus: !from?.matches("tr"), logs });
  }

  /** Says what became of the run that was started here. */
  async function ended() {
    if (!mine || status.lastRun.runId !== mine.id) return;
    const { id: runId, dry } = mine;
    const own = runs.filter((run) => run.runId === runId);
    if (own.length === 0) return;
    mine = null;
    const { tellEnd } = await import("../modules/control-told.js");
    tellEnd(status, own, dry);
  }

  function draw() {
    const health = Object.values(status.integrations)[0];
    const pageRows = config?.pageSize ?? provider?.pull?.pageSize ?? 100;
    replace(pill, healthPill(health.health));
    replace(updated, say(`Updated ${clock(at)}`, `Opdateret ${clock(at)}`));
    cards.status.show(status, config, provider);
    cards.run.show(status);
    const pull = provider?.pull;
    const words = pull && say(`${title} documents ${number(pull.requestsPerMinute)} a minute and ${number(pull.requestsPerHour)} an hour.`, `${title} dokumenterer ${number(pull.requestsPerMinute)} i minuttet og ${number(pull.requestsPerHour)} i timen.`);
    rate?.show(health.rateLimit, words || "", said);
    cards.progress.show(status, pageRows);
    drawSide();
    stop.hidden = !status.isRunning && status.lock === null;
    stop.disabled = status.lock?.stoppedBy != null;
  }

  const ping = () => {
    // What comes of it is told there.
    if (wanted().tab !== "monitoring") goTo("monitoring");
    cards.status.ping();
  };
  const stop = button(say("Stop run", "Stop kørsel"), { icon: "stop", kind: "danger", "data-testid": "button-stop-top", onclick: () => cards.run.stop() });
  replace(
    acts,
    stop,
    button("Ping", { icon: "pulse", "data-testid": "button-ping-top", onclick: ping }),
    button(say("Refresh", "Opdater"), { icon: "refresh", iconOnly: true, "data-testid": "button-refresh", onclick: () => changed() }),
  );

  function drawSide() {
    const [letters, total, more] = set;
    side?.show({ breaker: Object.values(status.integrations)[0].circuitBreaker, config, provider, letters, total, more, who });
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
    drawTabs();
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
      replace(old);
    } catch (thrown) {
      const error = asError(thrown);
      if (isOver) return;
      // Nothing is asked any more then, and nobody who types a token is disturbed.
      if (error.status === 401 || error.status === 403) return start();
      return replace(old, stale(at, error, () => look()));
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
  return {
    place,
    changed,
    letterCount: () => (set[1] > 0 ? number(set[1]) + (set[2] ? "+" : "") : ""),
    pause: log.pause,
    ping: () => cards.status.ping(),
    redraw() {
      draw();
      drawRuns();
      drawTimes();
      log.redraw();
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
      log.end();
    },
  };
}

function redraw() {
  drawTabs();
  shown?.redraw();
}

/** Shows the connection that the address names. */
async function start() {
  shown?.end();
  shown = null;
  closeDrawer();
  const { provider, id, name } = meant();
  const named = connections.find((one) => one.provider === id && one.name === name)?.displayName;
  // Of one that nobody gave a name the vendor's says more.
  replace(title, named && named !== name ? named : (provider?.name ?? id));
  replace(mark, markOf(provider));
  replace(pill);
  replace(updated);
  replace(acts);
  replace(old);
  drawChoice(id, name);
  drawTabs();
  replace(panel, h("p", { class: "ink-3", role: "status" }, say("Loading…", "Indlæser…")));
  try {
    const status = await controlOf(id, name).status();
    // Another one was asked for since.
    const now = meant();
    if (now.id !== id || now.name !== name || shown) return;
    shown = pageOf(provider, id, name, status);
    drawTabs();
  } catch (thrown) {
    const now = meant();
    if (now.id === id && now.name === name && !shown) gate(asError(thrown));
  }
}

/** What may be chosen. Who may not see that is told so by what they ask for next. */
async function loadConnections() {
  const tenant = tenantOf();
  const query = new URLSearchParams({ limit: String(CONNECTIONS_MAX), ...(tenant && { tenant }) });
  const answer = await ask(`/api/admin/connections?${query}`, { stay: true }).catch(() => null);
  const pulled = new Set(providers.map(({ id }) => id));
  connections = (answer?.items ?? []).filter((/** @type {Named} */ one) => pulled.has(one.provider));
}

addKeys([
  { key: "p", text: say("Pause the log", "Sæt loggen på pause"), run: () => shown?.pause() },
  { key: "1", text: say("Monitoring", "Overvågning"), run: () => goTo("monitoring") },
  { key: "2", text: say("Live Logs", "Live-log"), run: () => goTo("logs") },
  { key: "3", text: "DLQ", run: () => goTo("dlq") },
  { key: "c", text: say("Copy a link to this view", "Kopiér link"), run: () => copied(location.href) },
  { key: "Escape", text: say("Close the drawer", "Luk panelet"), run: () => closeDrawer() },
]);
addEventListener("popstate", () => start());

document.title = say("Systems › Integrations › Health", "Systemer › Integrationer › Helbred");
drawTabs();
replace(panel, h("p", { class: "ink-3", role: "status" }, say("Loading…", "Indlæser…")));
who = await whoever();
const told = await ask("/api/admin/connections/providers", { stay: true }).catch(() => null);
providers = (told?.items ?? []).filter((/** @type {Provider} */ one) => one.pull);
await loadConnections();
await start();
poll(() => shown?.tick(), RUNNING_MS);
