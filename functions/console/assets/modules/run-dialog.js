// Starting a sync: first what would happen, then a button that carries the count.

import { ask, asError } from "./api.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, replace } from "./dom.js";
import { number, say } from "./language.js";
import { callout, toast } from "./messages.js";
import { codeText } from "./runs.js";
import { typedCount } from "./typed-count.js";

/** @typedef {{ slug: string, name: string }} Vendor */

/**
 * @param {Vendor} vendor
 * @param {(runId: string | null) => void} started
 * @param {{ source?: string | null, removals?: number | null }} [like] As a run before: of its source, or with the removals that it
 *   was refused.
 */
export function openRunDialog(vendor, started, { source = null, removals = null } = {}) {
  const result = h("div", { role: "status", "aria-live": "polite" });
  const dry = button(say("Dry run", "Prøvekørsel"), { onclick: () => start(true) });
  const apply = button(applyText(removals ?? 0), { kind: removals === null ? "primary" : "danger", onclick: () => start(false) });
  const typed = h("div");
  const askFor = (/** @type {number} */ count) => {
    apply.disabled = true;
    replace(typed, typedCount(count, (right) => (apply.disabled = !right)));
    replace(apply, applyText(count));
  };
  if (removals !== null) askFor(removals);
  const from = source && h("p", { class: "ink-2" }, say("Reads ", "Læser "), h("span", { class: "font-mono" }, source), ".");
  const intro = say(
    "A dry run reads the source, compares and counts, and writes nothing. Applying makes the catalogue equal to the source.",
    "En prøvekørsel læser kilden, sammenligner og tæller, og skriver intet. Anvend gør kataloget lig med kilden.",
  );
  const danger = say(
    `The run was refused as ${number(removals)} items would be removed. Applying removes them from the catalogue.`,
    `Kørslen blev afvist, fordi ${number(removals)} varer ville blive fjernet. Anvend fjerner dem fra kataloget.`,
  );
  const dialog = openDialog(say(`Run ${vendor.name}`, `Kør ${vendor.name}`), {
    body: [h("p", { class: "ink-2" }, intro), removals !== null && callout("warn", danger), from, result, typed],
    foot: [dry, apply],
  });

  const start = async (/** @type {boolean} */ isDry) => {
    const was = apply.disabled;
    dry.disabled = apply.disabled = true;
    const pressed = isDry ? dry : apply;
    pressed.prepend(icon("run"));
    try {
      const path = `/api/catalog/vendor-sync/${encodeURIComponent(vendor.slug)}/sync`;
      const body = {
        mode: isDry ? "dryRun" : "apply",
        ...(source && { sourcePath: source }),
        ...(removals !== null && { allowRemovals: true }),
      };
      const answer = await ask(path, { method: "POST", body });
      started(answer.runId ?? null);
      if (!answer.summary) {
        toast("run", say("The run goes on in the background", "Kørslen fortsætter i baggrunden"));
        dialog.close();
      } else if (isDry) {
        show(answer.summary, answer.warning ?? null);
      } else {
        toast("ok", say(`${vendor.name} is synced`, `${vendor.name} er synkroniseret`), told(answer.summary));
        dialog.close();
      }
    } catch (thrown) {
      const error = asError(thrown);
      const title = codeText(error.code) ?? say("The run did not succeed", "Kørslen lykkedes ikke");
      replace(result, callout("bad", title, error.details.join(" ")));
      if (error.body.runId) started(error.body.runId);
    } finally {
      pressed.querySelector("svg")?.remove();
      dry.disabled = false;
      apply.disabled = was;
      if (counted !== null) askFor(counted);
      counted = null;
    }
  };

  /** What a dry run would remove, to be typed anew. @type {number | null} */
  let counted = null;

  const show = (/** @type {Record<string, any>} */ summary, /** @type {string | null} */ warning) => {
    const changes = (summary.created ?? 0) + (summary.updated ?? 0) + (summary.removed ?? 0);
    if (removals !== null) counted = summary.removed ?? 0;
    else replace(apply, changes > 0 ? say(`Apply ${changes} changes`, `Anvend ${changes} ændringer`) : say("Apply", "Anvend"));
    const tone = warning ? "warn" : "ok";
    const title = changes > 0 ? say("This would happen", "Dette ville ske") : say("Nothing would change", "Intet ville ændre sig");
    replace(result, callout(tone, title, [told(summary), warning && h("br"), warning]));
  };
}

/** @param {number} removals */
const applyText = (removals) =>
  removals > 0
    ? say(`Apply and remove ${number(removals)}`, `Anvend og fjern ${number(removals)}`)
    : say("Apply", "Anvend");

/** @param {Record<string, any>} summary */
const told = (summary) =>
  [
    `${number(summary.created)} ${say("created", "oprettet")}`,
    `${number(summary.updated)} ${say("updated", "opdateret")}`,
    `${number(summary.removed)} ${say("removed", "fjernet")}`,
    `${number(summary.unchanged)} ${say("unchanged", "uændret")}`,
  ].join(", ");
