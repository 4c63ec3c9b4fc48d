// A run by hand: what is pulled, how much of it, and whether anything is written.

import { asError } from "./api.js";
import { controlCard } from "./control-card.js";
import { button, h, replace } from "./dom.js";
import { say } from "./language.js";
import { callout } from "./messages.js";
import { status as statusMark } from "./status.js";
import { timeField } from "./time-field.js";

/** @typedef {import("./control-words.js").Status} Status */
/** @typedef {import("./control-api.js").Control} Control */

/**
 * @param {Control} control
 * @param {string[]} entities All that there is at the vendor.
 * @param {{ started: (runId: string, dry: boolean) => void, stopped: () => void }} then
 */
export function runCard(control, entities, then) {
  const card = controlCard(say("Run", "Kørsel"), "of-run");
  const problem = h("div", { role: "alert" });
  let mode = "delta";
  /** @type {string | null} */
  let since = null;
  let chosenBy = "";
  const boxes = entities.map((entity) => {
    const box = h("input", { type: "checkbox", class: "check", name: "entity", value: entity, "data-testid": `checkbox-entity-${entity}` });
    return { box, element: h("label", { class: "option" }, box, entity) };
  });
  const modes = ["delta", "backfill"].map((one) =>
    h("button", { type: "button", "aria-pressed": String(one === mode), "data-testid": `button-mode-${one}`, onclick: () => choose(one) }, one === "delta" ? "Delta" : "Backfill"),
  );
  const sinceField = timeField("since", say("Since", "Siden"), (at) => (since = at));
  const dry = h("input", { type: "checkbox", class: "check", "data-testid": "checkbox-dry-run" });
  const run = button(say("Run now", "Kør nu"), { icon: "play", kind: "primary", type: "submit", "data-testid": "button-run-now" });
  const stop = button("Stop", { icon: "stop", kind: "danger", "data-testid": "button-stop", onclick: () => halt() });
  const reset = button(say("Reset the lock", "Nulstil låsen"), { kind: "small quiet", "data-testid": "button-reset-lock", onclick: () => unlock() });
  const note = h("p", { class: "note" });

  /** @param {string} next */
  function choose(next) {
    mode = next;
    modes.forEach((one, index) => one.setAttribute("aria-pressed", String(["delta", "backfill"][index] === next)));
    const input = sinceField.element.querySelector("input");
    if (input) input.disabled = mode === "backfill";
    replace(
      note,
      mode === "delta"
        ? say("What changed since the last success, or since a time. It removes nothing.", "Det, der er ændret siden seneste succes eller et tidspunkt. Intet fjernes.")
        : say("Everything. What is gone at the vendor is removed, once that is proven.", "Alt. Det, der er væk hos leverandøren, fjernes, når det er bevist."),
    );
  }

  const fields = h("fieldset", { class: "options" }, h("legend", { class: "sr-only" }, say("Entities", "Entiteter")), boxes.map(({ element }) => element));
  const form = h(
    "form",
    { class: "grid gap-3", onsubmit: (/** @type {Event} */ event) => start(event) },
    fields,
    h("div", { class: "flex wrap gap-2" }, h("div", { class: "segmented", role: "group", "aria-label": say("Mode", "Tilstand") }, modes), sinceField.element),
    h("label", { class: "option" }, dry, h("span", { class: "grow" }, say("Dry run", "Prøvekørsel")), h("span", { class: "note" }, say("counts, writes nothing", "tæller, skriver intet"))),
    note,
    problem,
    h("div", { class: "flex gap-2 run-buttons" }, run, stop),
    reset,
  );
  replace(card.body, form);
  choose(mode);
  stop.disabled = true;
  reset.hidden = true;

  /** @param {Event} event */
  async function start(event) {
    event.preventDefault();
    const named = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    if (named.length === 0) return replace(problem, callout("warn", say("Choose what is pulled", "Vælg, hvad der hentes")));
    run.disabled = true;
    const body = { entities: named, mode, dryRun: dry.checked, ...(mode === "delta" && since && { since }) };
    try {
      const { runId } = await control.run(body);
      replace(problem);
      then.started(runId, dry.checked);
    } catch (thrown) {
      const { toldWith } = await import("./control-labels.js");
      const labels = { since: say("Since", "Siden"), entities: say("Entities", "Entiteter"), mode: say("Mode", "Tilstand") };
      replace(problem, callout("bad", say("No run was started", "Ingen kørsel blev sat i gang"), toldWith(asError(thrown), labels)));
      run.disabled = false;
    }
  }

  async function halt() {
    stop.disabled = true;
    const { stopRun } = await import("./control-stop.js");
    stop.disabled = await stopRun(control, then.stopped);
  }

  async function unlock() {
    reset.disabled = true;
    const { resetLock } = await import("./control-stop.js");
    await resetLock(control, then.stopped);
    reset.disabled = false;
  }

  return {
    element: card.element,
    stop: halt,
    /** @param {Status} status */
    show(status) {
      // Once: what a person chose since is theirs.
      if (!chosenBy) {
        chosenBy = status.connection;
        for (const { box } of boxes) box.checked = status.entities.includes(box.value);
      }
      const busy = status.isRunning || status.lock !== null;
      run.disabled = busy;
      stop.disabled = !busy || status.lock?.stoppedBy != null;
      // A worker that was told to stop and does not is the one that is cut off.
      reset.hidden = status.lock?.stoppedBy == null;
      const beside = busy && statusMark("idle", say("Locked while one is running", "Låst, mens en kører"), { icon: "lock" });
      replace(card.beside, beside);
    },
  };
}
