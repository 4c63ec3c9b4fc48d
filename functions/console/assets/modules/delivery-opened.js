// The delivery that the address asks for, in the drawer: that of a row, or fetched, as a link leads to one that is not on the page.

import { change } from "./address.js";
import { identity } from "./delivery-feed.js";
import { wantedDeliveries } from "./delivery-filters.js";
import { closeDrawer, isDrawerOpen, openDrawer } from "./drawer.js";
import { isUtc } from "./language.js";
import { whoever } from "./session.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {import("./session.js").Who} Who */
/** @typedef {typeof import("./decide-dialog.js").openDecision} Decide */

/**
 * What the page has: its rows, what they show, and how it is loaded anew.
 * @typedef {{ rows: { select: (id: string | null) => void, focus: (id: string) => void }, shown: () => Delivery[], isLoaded: () => boolean, tenant: () => string, who: () => Who | null, decide: Decide, load: () => void }} Page
 */

/** @param {Page} page */
export function openedDelivery(page) {
  const { rows } = page;
  /** What the drawer shows. */
  let drawn = "";
  /** Which one is fetched, as it is not on the page. @type {string | null} */
  let fetched = null;

  function leave() {
    closeDrawer();
    page.load();
  }

  const around = (/** @type {{ newer: (() => void) | null, older: (() => void) | null }} */ steps) => {
    const who = page.who();
    const drop = (/** @type {Delivery} */ one) => page.decide("drop", [one], { who, done: () => leave() });
    return { ...steps, who, drop, decided: () => leave() };
  };

  async function draw() {
    const { open: id } = wantedDeliveries();
    if (!id) {
      if (isDrawerOpen()) closeDrawer();
      return;
    }
    const shown = page.shown();
    const place = shown.findIndex((one) => identity(one) === id);
    if (place < 0) {
      if (page.isLoaded() && !isDrawerOpen()) elsewhere(id);
      return;
    }
    const one = shown[place];
    const [newest, oldest] = [place === 0, place === shown.length - 1];
    // What comes in on top is not to move what is read here.
    const now = () => JSON.stringify([one, newest, oldest, page.who()?.actor, isUtc()]);
    if (isDrawerOpen() && now() === drawn) return;
    // It is not drawn before it is known who looks: drawn anew, it would lose what was chosen in it.
    const [{ deliveryDrawer }] = await Promise.all([import("./delivery-drawer.js"), whoever()]);
    // Meanwhile it may have been drawn, or another one asked for.
    if (wantedDeliveries().open !== id || (isDrawerOpen() && now() === drawn)) return;
    drawn = now();
    const step = (/** @type {number} */ by) => () => {
      const rows = page.shown();
      const next = rows[rows.findIndex((other) => identity(other) === id) + by];
      if (next) open(identity(next));
    };
    openDrawer(deliveryDrawer(one, around({ newer: newest ? null : step(-1), older: oldest ? null : step(1) })), {
      closed: () => {
        change({ open: null }, { replace: true });
        rows.select(null);
        rows.focus(id);
      },
    });
  }

  /** What a link leads to stands on any page. @param {string} id */
  async function elsewhere(id) {
    if (fetched === id) return;
    fetched = id;
    const [{ deliveryDrawer }, { fetchOne }] = await Promise.all([
      import("./delivery-drawer.js"),
      import("./delivery-kept.js"),
      whoever(),
    ]);
    const one = await fetchOne(id, page.tenant()).catch(() => null);
    fetched = null;
    if (wantedDeliveries().open !== id || isDrawerOpen()) return;
    if (!one) return missing(id);
    openDrawer(deliveryDrawer(one, around({ newer: null, older: null })), {
      closed: () => change({ open: null }, { replace: true }),
      focus: true,
    });
  }

  /** @param {string} id */
  async function missing(id) {
    const { missingDrawer } = await import("./delivery-drawer.js");
    if (wantedDeliveries().open !== id || isDrawerOpen()) return;
    const search = () => {
      change({ last: "90d", from: null, to: null });
      page.load();
    };
    openDrawer(missingDrawer(search), { closed: () => change({ open: null }, { replace: true }) });
  }

  /** @param {string} id */
  function open(id) {
    change({ open: id }, { replace: isDrawerOpen() });
    rows.select(id);
    draw();
  }

  return { draw, open };
}
