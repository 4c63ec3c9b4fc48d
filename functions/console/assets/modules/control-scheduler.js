// When a connection is pulled by itself, and changing that. What the deployment's configuration sets is shown as locked.

import { asError } from "./api.js";
import { controlCard, pair, pairs } from "./control-card.js";
import { missing } from "./control-fill.js";
import { toldWith } from "./control-labels.js";
import { button, h, icon, replace } from "./dom.js";
import { ago, number, say } from "./language.js";
import { callout, toast } from "./messages.js";
import { momentText, readable } from "./moment.js";
import { codeText } from "./runs.js";

/** @typedef {import("./control-words.js").Scheduler} Scheduler */

const MINUTES_MIN = 2;
const MINUTES_MAX = 10_080;
const HOURS = 24;

/** @type {Record<string, [string, string]>} */
const REASONS = {
  lock_held: ["another run had the connection", "en anden kørsel havde forbindelsen"],
  missing_api_key: ["it has no API key", "den har ingen API-nøgle"],
};

/** @param {import("./control-api.js").Control} control */
export function schedulerCard(control) {
  const card = controlCard(say("Scheduler", "Tidsplan"));
  const facts = h("div");
  const problem = h("div", { role: "alert" });
  const on = h("input", { type: "checkbox", role: "switch", class: "switch", "aria-label": say("Pulled by itself", "Hentes af sig selv"), "data-testid": "switch-scheduler", onchange: () => save({ enabled: on.checked }) });
  const every = h("input", { class: "input", id: "schedule-every", type: "number", min: MINUTES_MIN, max: MINUTES_MAX, step: 1, inputmode: "numeric", "data-testid": "input-interval" });
  const hour = h(
    "select",
    { class: "select", id: "schedule-hour", "data-testid": "select-full-hour" },
    h("option", { value: "" }, say("never", "aldrig")),
    Array.from({ length: HOURS }, (_, index) => h("option", { value: String(index) }, `${String(index).padStart(2, "0")}:00 UTC`)),
  );
  const names = { every: say("Every (min)", "Hvert (min)"), full: say("Nightly full", "Natlig fuld") };
  const keep = button(say("Save", "Gem"), { kind: "small", type: "submit", "data-testid": "button-save-schedule" });
  const field = (/** @type {HTMLElement} */ input, /** @type {string} */ name) => h("div", { class: "field" }, h("label", { for: input.id }, name), input);
  const form = h(
    "form",
    { class: "schedule", onsubmit: (/** @type {Event} */ event) => submit(event) },
    field(every, names.every),
    field(hour, names.full),
    keep,
  );
  replace(card.body, facts, form, problem);
  /** @type {Scheduler | null} */
  let stored = null;

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const minutes = Number(every.value);
    save({ ...(every.value && { intervalMinutes: minutes }), fullSyncHourUTC: hour.value === "" ? null : Number(hour.value) });
  }

  /** @param {Record<string, unknown>} wanted */
  async function save(wanted) {
    keep.disabled = on.disabled = true;
    try {
      const changed = await control.send("/api/admin/sync/scheduler", wanted, "PUT");
      replace(problem);
      toast("ok", say("The schedule is changed", "Tidsplanen er ændret"), say("It counts from the next minute on.", "Den gælder fra næste minut."));
      stored = null;
      show(changed);
    } catch (thrown) {
      replace(problem, callout("bad", say("The schedule was not changed", "Tidsplanen blev ikke ændret"), toldWith(asError(thrown), { intervalMinutes: names.every, fullSyncHourUTC: names.full })));
      if (stored) on.checked = stored.enabled;
      lock();
    }
  }

  function lock() {
    const locked = stored?.envLocked ?? [];
    on.disabled = locked.includes("enabled");
    every.disabled = locked.includes("intervalMinutes");
    hour.disabled = locked.includes("fullSyncHourUTC");
    keep.disabled = every.disabled && hour.disabled;
    keep.hidden = keep.disabled;
  }

  /** @param {Scheduler} scheduler */
  function show(scheduler) {
    const isTouched = form.contains(document.activeElement) && stored !== null;
    if (!isTouched) {
      every.value = scheduler.intervalMinutes === null ? "" : String(scheduler.intervalMinutes);
      hour.value = scheduler.fullSyncHourUTC === null ? "" : String(scheduler.fullSyncHourUTC);
    }
    stored = scheduler;
    on.checked = scheduler.enabled && scheduler.nextRun !== null;
    lock();
    const when = (/** @type {string | null} */ at) => (at ? h("span", { title: ago(at) }, momentText(at, true)) : h("span", { class: "ink-3" }, "—"));
    const [skipped] = scheduler.skippedTicks;
    const why = skipped && (REASONS[skipped.reason] ? say(...REASONS[skipped.reason]) : (codeText(skipped.reason) ?? readable(skipped.detail)));
    replace(card.beside, scheduler.lockedBy && h("span", { class: "status idle", title: scheduler.lockedBy }, icon("lock"), say("Locked", "Låst")), on);
    replace(
      facts,
      pairs(pair(say("Next run", "Næste kørsel"), when(scheduler.nextRun)), pair(say("Next full", "Næste fulde"), when(scheduler.nextFullSync)), pair(say("Skipped ticks", "Oversprungne"), number(scheduler.skippedTicks.length))),
      skipped && h("p", { class: "note" }, say(`The last at ${momentText(skipped.at, true)}: ${why}`, `Den seneste ${momentText(skipped.at, true)}: ${why}`)),
      scheduler.lockedBy && h("p", { class: "note" }, say("The deployment's configuration sets it: ", "Udrulningens konfiguration bestemmer: "), h("span", { class: "font-mono" }, scheduler.lockedBy)),
      scheduler.paused && h("p", { class: "note" }, say("The connection is paused: nothing is started.", "Forbindelsen er på pause: intet sættes i gang.")),
    );
  }

  return {
    element: card.element,
    show,
    /** @param {import("./api.js").ApiError} error */
    fail(error) {
      missing(card.body, say("The schedule could not be fetched", "Tidsplanen kunne ikke hentes"), error);
    },
  };
}
