// One entity of one run in the drawer: what it found, and why it failed, with what the vendor answered.

import { resultStatus, whyText } from "./control-run-words.js";
import { modeText } from "./control-words.js";
import { button, h } from "./dom.js";
import { closeDrawer, openDrawer, section } from "./drawer.js";
import { dateTime, number, say } from "./language.js";
import { callout, copied, fact } from "./messages.js";
import { readable } from "./moment.js";
import { runPrice } from "./run-price.js";
import { span } from "./span.js";

/** @typedef {import("./control-words.js").EntityRun} EntityRun */

/** @param {EntityRun} run */
function why(run) {
  const { code, answer, fingerprint } = run.fullDetails;
  if (run.result === "success") return null;
  const tone = run.result === "error" ? "bad" : "warn";
  return [
    section(
      run.result === "error" ? say("Error", "Fejl") : say("Warning", "Advarsel"),
      callout(tone, whyText(run) || say("It did not end well", "Den endte ikke godt"), readable(run.fullMessage ?? run.error ?? "")),
      h("dl", { class: "facts" }, code && fact(say("Code", "Kode"), mono(code)), fingerprint && fact(say("Fingerprint", "Fingeraftryk"), mono(fingerprint))),
    ),
    answer && section(say("What the vendor answered", "Leverandørens svar"), h("pre", { class: "code", tabindex: "0", "aria-label": say("Answer", "Svar") }, answer)),
  ];
}

/** @type {Record<string, [string, string]>} Where an entity stands in a run that is over. */
const STATES = {
  done: ["Done", "Færdig"],
  failed: ["Failed", "Fejlet"],
  notSupported: ["Not supported", "Findes ikke"],
  stopped: ["Stopped", "Standset"],
  notStarted: ["Never started", "Aldrig begyndt"],
};

/** @param {string} text */
const mono = (text) => h("span", { class: "font-mono" }, text);

/** @param {EntityRun} run */
function figures(run) {
  const counts = run.fullDetails.counts ?? {};
  const one = (/** @type {string} */ name, /** @type {number | undefined} */ count) => h("div", {}, h("dt", { class: "truncate" }, name), h("dd", {}, number(count)));
  const title = run.dryRun ? say("What would have changed", "Hvad der ville være ændret") : say("What changed", "Hvad der blev ændret");
  return section(
    title,
    h(
      "dl",
      { class: "figures" },
      one("Total", counts.total),
      one(say("Created", "Oprettet"), counts.created),
      one(say("Updated", "Opdateret"), counts.updated),
      one(say("Removed", "Fjernet"), counts.removed),
      one(say("Unchanged", "Uændret"), counts.unchanged),
    ),
  );
}

/** @param {EntityRun} run */
function drift(run) {
  const changes = run.fullDetails.drift ?? [];
  if (changes.length === 0) return null;
  return section(say("Fields that changed", "Felter, der er ændret"), h("pre", { class: "code", tabindex: "0", "aria-label": say("Fields", "Felter") }, JSON.stringify(changes, null, 2)));
}

/** @param {EntityRun} run */
function facts(run) {
  const { cost, pages, setAside, since, state } = run.fullDetails;
  return section(
    say("Run", "Kørsel"),
    h(
      "dl",
      { class: "facts" },
      fact(say("Started", "Startet"), dateTime(run.timestamp)),
      fact(say("Since", "Siden"), since ? dateTime(since) : say("all", "alt")),
      fact(say("Pages", "Sider"), number(pages)),
      fact(say("Set aside", "Lagt til side"), number(setAside)),
      fact(say("State", "Tilstand"), STATES[state] ? say(...STATES[state]) : (state ?? "—")),
      cost && fact(say("Price of the run", "Kørslens pris"), runPrice(cost)),
      fact(say("By", "Af"), run.actor),
      fact(say("RunId", "Kørsels-id"), mono(run.runId)),
    ),
  );
}

/**
 * @param {EntityRun} run
 * @param {{ closed: () => void, focus: boolean, logs: ((runId: string) => void) | null }} options
 */
export function openRun(run, { closed, focus, logs }) {
  const copy = button(say("Copy the run's id", "Kopiér kørslens id"), { icon: "copy", iconOnly: true, kind: "quiet small", onclick: () => copied(run.runId) });
  const show = () => {
    closeDrawer();
    logs?.(run.runId);
  };
  openDrawer(
    {
      title: `${run.entity}, ${modeText(run.mode, run.dryRun, run.fullDetails.requeue)}`,
      summary: [resultStatus(run, true), h("span", { class: "ink-2" }, [dateTime(run.timestamp), span(run.duration)].join(" · "))],
      tools: [copy],
      body: [why(run), figures(run), drift(run), facts(run)],
      foot: logs && button(say("Its log lines", "Dens loglinjer"), { icon: "search", onclick: show }),
    },
    { closed, focus },
  );
}
