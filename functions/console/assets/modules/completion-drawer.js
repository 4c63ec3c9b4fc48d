// What a receiver was told of a run, whole: each attempt, and what comes next.

import { attemptText, isTaken, noticeStatus, typeText } from "./completion-words.js";
import { button, h, icon } from "./dom.js";
import { section } from "./drawer.js";
import { dateTime, duration, say } from "./language.js";
import { callout, copied, fact } from "./messages.js";
import { timeline } from "./timeline.js";

/** @param {import("./completion-words.js").Notice} notice */
export function completionDrawer(notice) {
  const mono = (/** @type {string} */ text) => h("span", { class: "font-mono" }, text);
  const attempts = notice.attempts.map((attempt) => {
    const took = attempt.durationMs === null ? null : duration(attempt.durationMs);
    const next = attempt.nextAt && say(`next at ${dateTime(attempt.nextAt)}`, `næste ${dateTime(attempt.nextAt)}`);
    return {
      mark: icon(isTaken(attempt) ? "ok" : "bad", isTaken(attempt) ? "ok" : "bad"),
      at: attempt.at,
      text: attemptText(attempt),
      more: [attempt.detail, took, next].filter(Boolean).join(" · ") || null,
    };
  });
  const none = h("p", { class: "ink-3" }, say("None yet.", "Ingen endnu."));
  return {
    title: notice.receiver,
    summary: noticeStatus(notice),
    tools: [button(say("Copy link", "Kopiér link"), { icon: "link", iconOnly: true, kind: "quiet small", onclick: () => copied(location.href) })],
    body: [
      notice.error && callout("bad", say("It is not tried any more", "Det prøves ikke mere"), notice.error),
      section(say("Attempts", "Forsøg"), attempts.length > 0 ? timeline(attempts) : none),
      section(
        say("The webhook", "Webhooken"),
        h(
          "dl",
          { class: "facts" },
          fact(say("Says", "Siger"), `${typeText(notice)} (${notice.type})`),
          fact(say("Connection", "Forbindelse"), mono(notice.connection)),
          fact(say("Run", "Kørsel"), mono(notice.runId)),
          fact("webhook-id", mono(notice.id)),
          fact(say("Made", "Lavet"), dateTime(notice.at)),
          notice.nextAt && fact(say("Next attempt", "Næste forsøg"), dateTime(notice.nextAt)),
        ),
      ),
    ],
  };
}
