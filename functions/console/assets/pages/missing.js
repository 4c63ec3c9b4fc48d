// In place of a page that is not there.

import { h, icon } from "../modules/dom.js";
import { startPage } from "../modules/frame.js";
import { say } from "../modules/language.js";

const main = startPage({ redraw: () => {} });

main.append(
  h(
    "div",
    { class: "blank" },
    icon("empty", "large ink-3"),
    h("h1", {}, say("There is no such page", "Der er ingen sådan side")),
    h(
      "p",
      {},
      say("Nothing lies at ", "Der ligger intet på "),
      h("span", { class: "font-mono" }, location.pathname),
      say(". The address may be mistyped, or the page be called otherwise now.", ". Adressen kan være skrevet forkert, eller siden hedde noget andet nu."),
    ),
    h("a", { class: "button primary mt-2", href: "/" }, say("Go to the overview", "Gå til overblikket")),
  ),
);
