// This page is to come: it says so, in the frame of all pages.

import { h, replace } from "../modules/dom.js";
import { startPage } from "../modules/frame.js";
import { say } from "../modules/language.js";
import { blank } from "../modules/messages.js";

const main = startPage({ redraw: () => {} });
const text = say("The runs of vendors are there already.", "Leverandørernes kørsler er her allerede.");
const there = h("a", { class: "button", href: "/vendor-sync" }, "Vendor sync");
replace(main, h("h1", {}, document.title), blank(say("This page is to come", "Denne side kommer"), text, { actions: [there] }));
