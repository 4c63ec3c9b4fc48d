// A replay of dead letters: what it would come to, then how far it is, then what became of each.

import { asError, ask, ofTenant } from "./api.js";
import { shortKey } from "./delivery-words.js";
import { openDialog } from "./dialog.js";
import { button, h, icon, replace, s } from "./dom.js";
import { clock, dateTime, number, say } from "./language.js";
import { callout } from "./messages.js";
import { onRecord, outcomeFigures, outcomeMark, outcomeTable } from "./outcomes.js";
import { paging } from "./paging.js";
import { poll } from "./poll.js";

/** @typedef {import("./session.js").Who} Who */
/** @typedef {{ source?: string, text?: string, from?: string, to?: string }} Filter */
/** @typedef {Record<string, number>} Counts */
/** @typedef {{ id: string, state: string, stalled: boolean, heldUntil?: string | null, total: number, tried: number, counts: Counts, actor: string }} Replay */
/** @typedef {{ id: string, eventKey?: string | null, would?: string, result?: string | null, detail: string | null }} Line */

const ROUTE = "/api/admin/replays";
const POLL_MS = 2_000;
/** A worker gets through a chunk within less. */
const QUIET_MS = 10_000;

/** What would become of one, or became of it; names of counts have no line between their words.
 * @type {Record<string, import("./outcomes.js").Outcome>} */
const ENDS = {
  new: {
    tone: "ok",
    mark: "plus",
    name: ["Will be sent again", "Sendes igen"],
    more: ["Its effect comes once, as ever", "Virkningen kommer én gang, som altid"],
  },
  requeued: {
    tone: "ok",
    mark: "plus",
    name: ["Sent again", "Sendt igen"],
    more: ["Its effect comes once, as ever", "Virkningen kommer én gang, som altid"],
  },
  stale: {
    tone: "idle",
    mark: "duplicate",
    name: ["Older", "Ældre"],
    more: ["A newer version is there", "Der er en nyere version"],
  },
  duplicate: {
    tone: "idle",
    mark: "duplicate",
    name: ["Duplicate", "Dublet"],
    more: ["Has had its effect, is forgotten", "Har fået virkning, glemmes"],
  },
  gone: { tone: "idle", mark: "drop", name: ["Gone", "Væk"], more: ["Somebody decided on it", "En anden har afgjort den"] },
  conflict: {
    tone: "warn",
    name: ["Conflict", "Konflikt"],
    more: ["Stays: its key came with another body", "Bliver: nøglen kom med andet indhold"],
  },
  fail: { tone: "bad", name: ["Fails", "Fejler"], more: ["Stays: it cannot be applied", "Bliver: kan ikke anvendes"] },
  no_label: { tone: "warn", name: ["No label", "Ingen mærkat"], more: ["Stays: it can only be dropped", "Bliver: kan kun smides ud"] },
  not_a_delivery: { tone: "warn", name: ["A record", "En post"], more: ["Stays: the next run takes it up", "Bliver: tages op af næste kørsel"] },
};

/** @param {string} end */
const known = (end) => ENDS[end.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] ?? ENDS.fail;

/** @param {Counts} counts */
const figures = (counts) => outcomeFigures(Object.entries(counts).map(([end, count]) => [known(end), count]));

/** @param {Filter} filter */
function meant(filter) {
  const parts = [
    filter.source && say(`from ${filter.source}`, `fra ${filter.source}`),
    filter.from && say(`since ${dateTime(filter.from)}`, `siden ${dateTime(filter.from)}`),
    filter.to && say(`until ${dateTime(filter.to)}`, `til ${dateTime(filter.to)}`),
    filter.text &&
      say(`with “${filter.text}” in key, trace, event or reason`, `med “${filter.text}” i nøgle, spor, hændelse eller grund`),
  ].filter(Boolean);
  return say(`Dead letters ${parts.join(", ")}.`, `Døde leverancer ${parts.join(", ")}.`);
}

/** @param {Line[]} lines */
function table(lines) {
  const hasWhy = lines.some(({ detail }) => detail);
  const row = (/** @type {Line} */ line) =>
    h(
      "tr",
      {},
      h("td", { class: "font-mono", title: line.eventKey ?? line.id }, shortKey(line.eventKey ?? line.id)),
      h("td", { class: "result" }, line.would || line.result ? outcomeMark(known(line.would ?? String(line.result))) : "—"),
      hasWhy && h("td", { class: "why" }, line.detail ?? ""),
    );
  /** @type {[string, "key" | "result" | "why"][]} */
  const columns = [
    [say("Dead letter", "Død leverance"), "key"],
    [say("Outcome", "Udfald"), "result"],
    [say("Why", "Hvorfor"), "why"],
  ];
  return outcomeTable(say("Each of them", "Hver af dem"), hasWhy ? columns : columns.slice(0, 2), lines.map(row));
}

/** How far it is, which a line says in words. @param {number} tried @param {number} total */
function bar(tried, total) {
  const track = s("rect", { class: "fill-track", width: 100, height: 6 });
  const through = s("rect", { class: "fill-run", width: total > 0 ? (tried / total) * 100 : 0, height: 6 });
  return s("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, track, through);
}

/**
 * @param {Filter} filter
 * @param {{ who: Who | null, tenant: string, done: () => void }} options `tenant`: whose the list is, where it names one. `done`: a
 *   replay was begun or watched.
 */
export async function openReplay(filter, options) {
  const route = (more = "") => ofTenant(ROUTE + more, options.tenant);
  const body = Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
  const content = h("div", { class: "grid gap-3" }, h("p", { class: "ink-2" }, say("Looking at them…", "Ser på dem…")));
  const note = h("p", { class: "note grow", role: "status" });
  const shut = button(say("Cancel", "Annullér"), { onclick: () => dialog.close() });
  const act = h("span", { class: "flex gap-2" });
  const dialog = openDialog(say("Replay dead letters", "Afspil døde leverancer"), {
    body: content,
    foot: [note, shut, act],
    closed,
  });
  dialog.classList.add("wide");
  /** @type {(() => void) | null} */
  let end = null;
  let isBegun = false;
  /** Each watch has a number of its own: what an earlier one brings comes too late. */
  let turn = 0;

  function closed() {
    end?.();
    if (isBegun) options.done();
  }

  /** @param {unknown} thrown */
  function failed(thrown) {
    const error = asError(thrown);
    const other = error.code === "replay_in_progress" ? error.body.replayId : null;
    const title = other ? say("Another replay runs", "En anden afspilning kører") : say("It could not be begun", "Den kunne ikke begyndes");
    const actions = other ? [button(say("Watch it", "Følg den"), { onclick: () => watch(String(other)) })] : [];
    replace(content, callout(other ? "warn" : "bad", title, error.details.join(" "), { actions, role: "alert" }));
    replace(act);
  }

  async function foresee() {
    const seen = await ask(route(), { method: "POST", body: { ...body, dryRun: true } });
    if (seen.total === 0) {
      return replace(content, h("p", { class: "ink-2" }, meant(filter), " ", say("There are none.", "Der er ingen.")));
    }
    /** @type {Counts} */
    const counts = {};
    for (const { would } of seen.items) counts[would] = (counts[would] ?? 0) + 1;
    const of = seen.hasMore
      ? say(
          `This is what would happen to the first ${number(seen.items.length)} of ${number(seen.total)}, the oldest; of the others it shows when each is tried.`,
          `Dette ville ske med de første ${number(seen.items.length)} af ${number(seen.total)}, de ældste; for de andre viser det sig, når hver forsøges.`,
        )
      : say("This is what would happen. Nothing has been done yet.", "Dette ville ske. Intet er gjort endnu.");
    replace(content, h("p", { class: "ink-2" }, meant(filter), " ", of), figures(counts), table(seen.items));
    replace(note, say("Starting it again does nothing twice.", "Start igen gør intet dobbelt.") + onRecord(options.who));
    const count = number(seen.total);
    const go = button(say(`Replay ${count}`, `Afspil ${count}`), { kind: "primary", icon: "refresh", onclick: begin });
    replace(act, go);
    go.focus();
  }

  const begin = () => start(body);

  /** @param {Record<string, string | undefined>} body */
  async function start(body) {
    turn += 1;
    end?.();
    replace(act);
    try {
      const begun = await ask(route(), { method: "POST", body });
      if (begun.id) watch(begun.id);
      else await foresee();
    } catch (thrown) {
      failed(thrown);
    }
  }

  /** @param {string} id */
  function watch(id) {
    isBegun = true;
    replace(shut, say("Close", "Luk"));
    const mine = (turn += 1);
    end?.();
    const stop = button(say("Stop", "Stands"), { icon: "pause", onclick: halt });
    const again = button("", { kind: "primary", icon: "refresh", onclick: () => start({ replayId: id }) });
    replace(act, stop);
    replace(content, bar(0, 1));
    replace(note, say("It waits for a worker to take it up.", "Den venter på en arbejder, der tager den op."));
    const look = async () => {
      try {
        const { replay } = await ask(route(`/${id}`));
        if (mine !== turn) return;
        tell(replay);
        if (replay.state !== "running") over(id);
        const isStopped = replay.state === "stopped";
        replace(again, icon("refresh"), isStopped ? say("Go on", "Fortsæt") : say("Start it again", "Start den igen"));
        // What is there already stays, and with it the focus.
        if (isStopped) replace(act, again);
        else if (replay.stalled && !again.isConnected) act.append(again);
        else if (!replay.stalled) again.remove();
      } catch (thrown) {
        if (mine === turn) replace(note, asError(thrown).details.join(" "));
      }
    };
    async function halt() {
      stop.disabled = true;
      await ask(route(`/${id}/stop`), { method: "POST" }).catch((thrown) => replace(note, asError(thrown).details.join(" ")));
      stop.disabled = false;
      await look();
    }
    look();
    end = poll(look, POLL_MS);
  }

  /** How many were through, and since when no more were. */
  let quiet = { tried: -1, since: 0 };

  /** What holds it up, where something does. @param {Replay} replay */
  function heldUp(replay) {
    if (replay.stalled)
      return callout("warn", say("It stands still", "Den står stille"), say("Nothing came of it for a quarter of an hour. Started again, it goes on where it is.", "Der er intet sket i et kvarter. Startes den igen, fortsætter den, hvor den er."));
    if (replay.tried !== quiet.tried) quiet = { tried: replay.tried, since: Date.now() };
    const isQuiet = replay.state === "running" && Date.now() - quiet.since >= QUIET_MS;
    // Who works at it holds it too, and something comes of that within seconds.
    if (!isQuiet || !replay.heldUntil || Date.parse(replay.heldUntil) <= Date.now()) return null;
    const at = clock(replay.heldUntil);
    return callout(
      "held",
      say("It waits for a worker that stopped answering", "Den venter på en arbejder, der holdt op med at svare"),
      say(`It goes on at ${at}, by itself.`, `Den fortsætter ${at} af sig selv.`),
      { icon: "waiting" },
    );
  }

  /** @param {Replay} replay */
  function tell(replay) {
    const [tried, total] = [number(replay.tried), number(replay.total)];
    /** @type {Record<string, [string, string]>} */
    const told = {
      running: [`${tried} of ${total} are through; it goes on without this page.`, `${tried} af ${total} er igennem; den fortsætter uden denne side.`],
      stopped: [`Stopped: ${tried} of ${total} are through.`, `Standset: ${tried} af ${total} er igennem.`],
      done: [`Done: ${total} ${replay.total === 1 ? "was" : "were"} tried.`, `Færdig: ${total} er forsøgt.`],
    };
    const still = say(`${tried} of ${total} are through.`, `${tried} af ${total} er igennem.`);
    const begins = replay.state === "running" && replay.tried === 0;
    const first = say(
      `It waits for a worker to take it up: ${tried} of ${total} are through; it goes on without this page.`,
      `Den venter på en arbejder, der tager den op: ${tried} af ${total} er igennem; den fortsætter uden denne side.`,
    );
    replace(note, replay.stalled ? still : begins ? first : say(...(told[replay.state] ?? told.running)));
    replace(content, heldUp(replay), bar(replay.tried, replay.total), figures(replay.counts));
  }

  /** @param {string} id */
  function over(id) {
    end?.();
    end = null;
    replace(act);
    shut.focus();
    const [list, pages] = [h("div"), paging()];
    content.append(list, pages.element);
    const show = async (/** @type {string | null} */ cursor) => {
      try {
        const page = await ask(route(`/${id}${cursor ? `?cursor=${cursor}` : ""}`));
        replace(list, table(page.items));
        pages.show(cursor, { next: page.nextCursor, text: say("What became of each.", "Hvad der blev af hver."), onward: show });
      } catch (thrown) {
        replace(list, asError(thrown).details.join(" "));
      }
    };
    show(null);
  }

  try {
    await foresee();
  } catch (thrown) {
    failed(thrown);
  }
}
