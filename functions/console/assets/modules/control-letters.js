// Rows that were set aside, as they could not be taken: what they are, why, and what is to become of them.

import { asError } from "./api.js";
import { toldBy } from "./control-api.js";
import { letterPath, nameOf, requeue, requeueButton } from "./control-letter.js";
import { shortId } from "./control-run-words.js";
import { openDialog } from "./dialog.js";
import { button, h, replace } from "./dom.js";
import { closeDrawer, openDrawer, section } from "./drawer.js";
import { selectChip } from "./filter-fields.js";
import { dateTime, number, say } from "./language.js";
import { blank, callout, fact, toast } from "./messages.js";
import { momentText, readable } from "./moment.js";
import { table } from "./table.js";
import { typedCount } from "./typed-count.js";

/** @typedef {import("./control-words.js").Letter} Letter */
/** @typedef {import("./control-api.js").Control} Control */

/** Who forgets more of them types how many. */
const UNTYPED_MAX = 100;
/** Calls of one press: each applies up to 25 rows. */
const CALLS_MAX = 40;

/** @param {number} count */
const rowsText = (count) => (count === 1 ? say("1 row", "1 række") : say(`${number(count)} rows`, `${number(count)} rækker`));

/** Forgets one. @param {Control} control @param {Letter} one @param {() => void} then */
async function forget(control, one, then) {
  try {
    await control.send(letterPath(one.id), undefined, "DELETE");
    toast("ok", say(`${nameOf(one)} is deleted`, `${nameOf(one)} er slettet`));
  } catch (thrown) {
    toast("bad", say("It could not be deleted", "Den kunne ikke slettes"), toldBy(asError(thrown)));
  }
  then();
}

/** Asks once, with what is lost. @param {string} title @param {string} text @param {string} act @param {number} count @param {() => void} done */
function sure(title, text, act, count, done) {
  const go = button(act, { kind: "danger", "data-testid": "button-confirm", disabled: count > UNTYPED_MAX });
  const typed = count > UNTYPED_MAX && typedCount(count, (right) => (go.disabled = !right));
  const cancel = button(say("Cancel", "Annuller"), { onclick: () => dialog.close() });
  const dialog = openDialog(title, { body: [h("p", { class: "ink-2" }, text), typed], foot: [cancel, go] });
  go.addEventListener("click", () => {
    dialog.close();
    done();
  });
  cancel.focus();
}

/** All of them, on a tab of their own. @param {Control} control @param {string[]} entities @param {() => void} changed */
export function letterList(control, entities, changed) {
  let entity = "";
  /** @type {Letter[]} */
  let items = [];
  let total = 0;
  let isMore = false;
  const content = h("div");
  const told = h("p", { role: "status", class: "note" });
  const all = button(say("Requeue all", "Prøv alle igen"), { icon: "refresh", "data-testid": "button-requeue-all", onclick: () => requeueAll() });
  const clear = button(say("Clear all…", "Ryd alle…"), { kind: "danger", icon: "drop", "data-testid": "button-clear-all", onclick: () => clearAll() });
  const refresh = button(say("Refresh", "Opdater"), { icon: "refresh", "data-testid": "button-refresh-dlq", onclick: () => load() });
  const choices = /** @type {[string, string][]} */ ([["", say("All", "Alle")], ...entities.map((one) => [one, one])]);
  const chip = selectChip("entity", say("Entity", "Entitet"), "", choices, (value) => {
    entity = value;
    chip.classList.toggle("set", value !== "");
    load();
  });
  chip.querySelector("select")?.setAttribute("data-testid", "select-dlq-entity-filter");
  const then = () => {
    closeDrawer();
    load();
    changed();
  };
  const remove = (/** @type {Letter} */ one) =>
    sure(
      say(`Delete ${nameOf(one)}?`, `Slet ${nameOf(one)}?`),
      say("The row is forgotten for good. The vendor still has it: the next backfill meets it again.", "Rækken glemmes for altid. Leverandøren har den stadig: næste backfill møder den igen."),
      say("Delete", "Slet"),
      1,
      () => forget(control, one, then),
    );
  const tools = (/** @type {Letter} */ one) =>
    h(
      "span",
      { class: "flex gap-1 tools" },
      requeueButton(control, one, then),
      button(say(`Delete ${nameOf(one)}`, `Slet ${nameOf(one)}`), { icon: "drop", iconOnly: true, kind: "quiet small", "data-testid": `button-delete-${one.id}`, onclick: () => remove(one) }),
    );
  const rows = table(
    [
      { name: say("Row", "Række"), cell: (/** @type {Letter} */ one) => h("span", { class: "font-mono" }, nameOf(one)) },
      { name: say("Entity", "Entitet"), cell: (one) => one.entity, narrow: "end" },
      { name: say("Reason", "Grund"), cell: (one) => h("span", { class: "reason" }, readable(one.reason)), title: (one) => readable(one.reason), narrow: "below" },
      { name: say("Set aside", "Lagt til side"), cell: (one) => (one.createdAt ? momentText(one.createdAt) : "—"), title: (one) => dateTime(one.createdAt), narrow: "more" },
      { name: say("Tries", "Forsøg"), cell: (one) => number(one.retryCount), kind: "number", narrow: "more" },
      { name: say("RunId", "Kørsels-id"), cell: (one) => h("span", { class: "font-mono ink-3" }, shortId(one.runId)), title: (one) => one.runId, narrow: "hide" },
      { name: say("Actions", "Handlinger"), cell: tools, narrow: "wide", kind: "number" },
    ],
    { key: (one) => one.id, open: (one) => look(one) },
  );

  /** @param {Letter} one */
  function look(one) {
    rows.select(one.id);
    const payload = typeof one.payload === "string" ? one.payload : JSON.stringify(one.payload, null, 2);
    openDrawer(
      {
        title: nameOf(one),
        summary: h("span", { class: "ink-2" }, `${one.entity} · ${dateTime(one.createdAt)}`),
        body: [
          section(say("Why it was set aside", "Hvorfor den er lagt til side"), callout("bad", readable(one.reason))),
          section(say("The row", "Rækken"), h("pre", { class: "code", tabindex: "0", "aria-label": say("Row", "Række") }, payload), one.payloadCut && h("p", { class: "note" }, say("Its beginning alone.", "Kun begyndelsen."))),
          section(say("Kept", "Gemt"), h("dl", { class: "facts" }, fact("Id", h("span", { class: "font-mono" }, one.id)), fact(say("RunId", "Kørsels-id"), h("span", { class: "font-mono" }, one.runId)), fact(say("Tried in vain", "Prøvet forgæves"), number(one.retryCount)))),
        ],
        foot: [
          button(say("Requeue", "Prøv igen"), { icon: "refresh", onclick: () => requeue(control, one, then) }),
          button(say("Delete…", "Slet…"), { kind: "danger", onclick: () => remove(one) }),
        ],
      },
      {
        closed: () => {
          rows.select(null);
          rows.focus(one.id);
        },
      },
    );
  }

  async function requeueAll() {
    all.disabled = true;
    const sum = { applied: 0, failed: 0 };
    try {
      /** @type {string | null} */
      let cursor = null;
      for (let call = 0; call < CALLS_MAX; call += 1) {
        const answer = await control.send(letterPath("requeue-all"), { ...(entity && { entity }), ...(cursor && { cursor }) });
        sum.applied += answer.count;
        sum.failed += answer.failed;
        cursor = answer.cursor;
        replace(told, say(`${number(sum.applied)} applied, ${number(sum.failed)} ${sum.failed === 1 ? "stays" : "stay"}`, `${number(sum.applied)} anvendt, ${number(sum.failed)} bliver`));
        if (!answer.more || answer.busy || answer.restsUntil) break;
      }
      const tone = sum.failed > 0 ? "warn" : "ok";
      toast(tone, say(`${number(sum.applied)} applied`, `${number(sum.applied)} anvendt`), sum.failed > 0 ? say(`${number(sum.failed)} still cannot be taken, and ${sum.failed === 1 ? "stays" : "stay"}.`, `${number(sum.failed)} kan stadig ikke tages og bliver.`) : "");
    } catch (thrown) {
      toast("bad", say("They were not requeued", "De blev ikke prøvet igen"), toldBy(asError(thrown)));
    }
    then();
  }

  function clearAll() {
    const of = entity ? say(` of ${entity}`, ` af ${entity}`) : "";
    const title = say(`Clear ${rowsText(total)}${of}?`, `Ryd ${rowsText(total)}${of}?`);
    const text = say("What is cleared is forgotten for good. The vendor still has it: the next backfill meets it again.", "Det, der ryddes, glemmes for altid. Leverandøren har det stadig: næste backfill møder det igen.");
    sure(title, text, say(`Clear ${number(total)}`, `Ryd ${number(total)}`), total, async () => {
      clear.disabled = true;
      try {
        let count = 0;
        for (let call = 0; call < CALLS_MAX; call += 1) {
          const answer = await control.send(letterPath("clear"), entity ? { entity } : {});
          count += answer.count;
          if (!answer.more) break;
        }
        toast("ok", say(`${rowsText(count)} cleared`, `${rowsText(count)} ryddet`));
      } catch (thrown) {
        toast("bad", say("They could not be cleared", "De kunne ikke ryddes"), toldBy(asError(thrown)));
      }
      then();
    });
  }

  function draw() {
    all.disabled = clear.disabled = total === 0;
    if (items.length === 0) {
      const text = entity ? say(`None of ${entity}.`, `Ingen af ${entity}.`) : say("Rows that a pull cannot take are kept here, with the reason.", "Rækker, som en kørsel ikke kan tage, gemmes her med grunden.");
      return replace(content, blank(say("No row was set aside", "Ingen række er lagt til side"), text, { icon: "ok" }));
    }
    rows.caption(isMore || total > items.length ? say(`The newest ${number(items.length)} of ${number(total)}${isMore ? "+" : ""}`, `De nyeste ${number(items.length)} af ${number(total)}${isMore ? "+" : ""}`) : rowsText(items.length));
    rows.rows(items);
    if (content.firstElementChild !== rows.element) replace(content, rows.element);
  }

  async function load() {
    try {
      const answer = await control.letters(entity);
      [items, total, isMore] = [answer.items, answer.total, answer.more];
      draw();
    } catch (thrown) {
      replace(content, h("div", { class: "card-body" }, callout("bad", say("They could not be fetched", "De kunne ikke hentes"), toldBy(asError(thrown)))));
    }
  }
  draw();
  const label = say("Rows that were set aside", "Rækker, der er lagt til side");
  return {
    element: h("div", {}, h("div", { class: "filters mb-3" }, chip, refresh, h("span", { class: "grow" }, told), all, clear), h("section", { class: "card letters", "aria-label": label }, content)),
    load,
    redraw: draw,
  };
}
