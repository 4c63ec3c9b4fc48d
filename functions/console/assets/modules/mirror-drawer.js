// A row of the log, whole.

import { button, h } from "./dom.js";
import { section } from "./drawer.js";
import { dateTime, duration, number, say } from "./language.js";
import { callout, copied, fact } from "./messages.js";
import { failureText, mirrorStatus, strategyText, whose } from "./mirror-words.js";

/** @param {import("./mirror-words.js").Mirror} row @param {import("./mirror-words.js").Held | undefined} held */
export function mirrorDrawer(row, held) {
  const mono = (/** @type {string} */ text) => h("span", { class: "font-mono" }, text);
  const took = row.completedAt ? Date.parse(row.completedAt) - Date.parse(row.startedAt) : null;
  const wrong = row.error ? callout("bad", failureText(row.code), row.error) : null;
  const figures = [
    [say("Created", "Oprettet"), row.created],
    [say("Updated", "Opdateret"), row.updated],
    [say("Deleted", "Slettet"), row.deleted],
    [say("Pending", "Afventer"), row.pending],
    [say("Unmapped", "Uden Google"), row.unmapped],
  ];
  return {
    title: whose(row.tenantId),
    summary: mirrorStatus(row, held),
    tools: [button(say("Copy link", "Kopiér link"), { icon: "link", iconOnly: true, kind: "quiet small", onclick: () => copied(location.href) })],
    body: [
      wrong,
      h("dl", { class: "figures" }, figures.map(([name, count]) => h("div", {}, h("dt", {}, name), h("dd", {}, number(Number(count)))))),
      section(
        say("The run", "Kørslen"),
        h(
          "dl",
          { class: "facts" },
          fact(say("Strategy", "Strategi"), strategyText(row.strategy)),
          fact(say("Dry run", "Prøvekørsel"), row.dryRun ? say("Yes", "Ja") : say("No", "Nej")),
          fact(say("Started", "Startet"), dateTime(row.startedAt)),
          fact(say("Over", "Slut"), dateTime(row.completedAt)),
          fact(say("Duration", "Varighed"), duration(took)),
          (row.code || row.reason) && fact(say("Code", "Kode"), mono(row.code ?? row.reason ?? "")),
          fact("Job", mono(row.jobId)),
          fact(say("Run", "Kørsel"), mono(row.id)),
        ),
      ),
      row.pending > 0 && h("p", { class: "note" }, say("A pending location is left alone, as Google still looks at an earlier change of it.", "Et afventende sted lades være, da Google stadig ser på en tidligere ændring af det.")),
    ],
  };
}
