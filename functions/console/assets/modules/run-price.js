// What a run costs.

import { h } from "./dom.js";
import { number, say } from "./language.js";

/** @typedef {{ usd: number, writeUnits: number, readUnits: number, messages: number, events: number, slices: number, gigabyteSeconds: number }} Cost */

/**
 * `$0.00031`, `$12.30`: two digits that matter of what is less than a dollar. A dot in both languages, as on AWS's own bills.
 * @param {number} dollars
 */
export function money(dollars) {
  if (!(dollars > 0)) return "$0";
  if (dollars >= 1) return `$${dollars.toFixed(2)}`;
  return `$${dollars.toFixed(Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(dollars)))))}`;
}

/** What it cost, and below it what that is made of. @param {Cost} cost @returns {import("./dom.js").Child} */
export function runPrice(cost) {
  const used = say(
    `${number(cost.writeUnits)} write units, ${number(cost.readUnits)} read units, ${number(cost.gigabyteSeconds)} GB-seconds`,
    `${number(cost.writeUnits)} skriveenheder, ${number(cost.readUnits)} læseenheder, ${number(cost.gigabyteSeconds)} GB-sekunder`,
  );
  const how = say(
    `At list prices: ${used} counted up to its latest commit, and what every run needs to start and to end, which is estimated`,
    `Til listepriser: ${used} talt til og med seneste commit, og hvad enhver kørsel kræver for at starte og slutte, som er anslået`,
  );
  return [money(cost.usd), h("p", { class: "note" }, how)];
}
