// Testing the sources of all vendors, and what came of each.

import { asError, ask } from "./api.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, replace } from "./dom.js";
import { number, say } from "./language.js";
import { callout } from "./messages.js";
import { status } from "./status.js";

/** @typedef {{ slug: string, name: string, configured: boolean }} Tested */
/** @typedef {{ tested: number, passed: number, failed: number, notTested: number, failures: { slug: string, error: string }[] }} Answer */

/**
 * @param {Tested[]} vendors
 * @param {() => void} done
 */
export async function testAll(vendors, done) {
  const told = h("div", { class: "grid gap-3", role: "status" });
  const shut = button(say("Close", "Luk"), { onclick: () => dialog.close() });
  const dialog = openDialog(say("Test of all connections", "Test af alle forbindelser"), { body: told, foot: shut });
  shut.focus();
  const wait = say("Each source is read from end to end. That takes half a minute at most.", "Hver kilde læses fra ende til anden. Det tager højst et halvt minut.");
  replace(told, h("p", { class: "flex gap-2 ink-2" }, icon("run"), wait));
  try {
    const answer = await ask("/api/catalog/vendor-sync/registry/test-all", { method: "POST" });
    replace(told, summary(answer), results(vendors, answer));
    done();
  } catch (thrown) {
    const error = asError(thrown);
    const title = say("The connections could not be tested", "Forbindelserne kunne ikke testes");
    replace(told, callout("bad", title, error.details.join(" ")));
  }
}

/** @param {Answer} answer */
function summary(answer) {
  const parts = [
    say(`${number(answer.passed)} passed`, `${number(answer.passed)} godkendt`),
    say(`${number(answer.failed)} failed`, `${number(answer.failed)} fejlede`),
    answer.notTested > 0 && say(`${number(answer.notTested)} were left out for want of time`, `${number(answer.notTested)} blev ikke nået`),
  ];
  const tone = answer.failed > 0 ? "bad" : answer.notTested > 0 ? "warn" : "ok";
  return callout(tone, parts.filter(Boolean).join(", "));
}

/** @param {Tested[]} vendors @param {Answer} answer */
function results(vendors, answer) {
  const errors = new Map(answer.failures.map(({ slug, error }) => [slug, error]));
  const result = (/** @type {Tested} */ vendor) => {
    if (errors.has(vendor.slug)) return status("bad", say("Failed", "Fejlede"));
    if (!vendor.configured) return status("idle", say("Not configured", "Ikke konfigureret"));
    // Which ones there was no time for is not said.
    if (answer.notTested > 0) return status("idle", say("Passed, or left out", "Godkendt eller ikke nået"));
    return status("ok", say("Passed", "Godkendt"));
  };
  const first = (/** @type {Tested} */ one) => (errors.has(one.slug) ? 0 : 1);
  const sorted = [...vendors].sort((left, right) => first(left) - first(right));
  const line = (/** @type {Tested} */ vendor) =>
    h(
      "tr",
      {},
      h("td", {}, h("b", { class: "font-medium" }, vendor.name)),
      h("td", {}, result(vendor)),
      h("td", { class: "ink-2" }, errors.get(vendor.slug) ?? ""),
    );
  const heads = [say("Vendor", "Leverandør"), say("Result", "Resultat"), say("Why", "Hvorfor")];
  const head = h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)));
  const label = say("What came of each", "Hvad der blev af hver");
  const rows = h("table", { class: "table" }, h("thead", {}, head), h("tbody", {}, sorted.map(line)));
  return h("div", { class: "card results", tabindex: "0", role: "group", "aria-label": label }, rows);
}
