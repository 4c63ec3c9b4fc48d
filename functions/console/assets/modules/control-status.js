// How a vendor does: its health score, what its connection is, and whether it answers.

import { asError } from "./api.js";
import { controlCard, pair, pairs } from "./control-card.js";
import { toldBy } from "./control-api.js";
import { button, h, icon, replace, s } from "./dom.js";
import { ago, clock, number, say } from "./language.js";
import { callout } from "./messages.js";
import { momentText } from "./moment.js";
import { span } from "./span.js";
import { status as statusMark } from "./status.js";

/** @typedef {import("./control-words.js").Status} Status */
/** @typedef {import("./control-words.js").Config} Config */
/** @typedef {import("./control-words.js").Provider} Provider */
/**
 * @typedef {{
 *   ok: boolean, status: string, baseUrl: string | null, authenticated: boolean, sampleCount: number, elapsedMs: number,
 *   upstreamStatus: number | null, reason?: string, code?: string, hint?: string, retryAt?: string,
 * }} Ping
 */

const AROUND = 2 * Math.PI * 24;

/** @param {import("./control-words.js").IntegrationHealth} health */
function ring(health) {
  const score = health.healthScore ?? 0;
  const tone = score >= 90 ? "ok" : score >= 70 ? "warn" : "bad";
  const circle = (/** @type {string} */ kind, /** @type {number} */ part) =>
    s("circle", { class: kind, cx: 28, cy: 28, r: 24, "stroke-dasharray": `${(part * AROUND) / 100} ${AROUND}`, transform: "rotate(-90 28 28)" });
  const text = health.healthScore === null ? "—" : String(score);
  return s(
    "svg",
    { class: "ring", viewBox: "0 0 56 56", role: "img", "aria-label": say(`Health score ${text} of 100`, `Helbred ${text} af 100`) },
    circle("track", 100),
    score > 0 && circle(`of-${tone}`, score),
    s("text", { x: 28, y: 28, "text-anchor": "middle", "dominant-baseline": "central" }, text),
  );
}

/** Its parts are points, and no rates: the best of each is 100. @param {import("./control-words.js").IntegrationHealth} health */
function score(health) {
  const parts = health.healthScoreParts;
  const part = (/** @type {number | undefined} */ value) => (value === undefined ? "—" : number(value));
  return h(
    "div",
    { class: "score" },
    ring(health),
    h(
      "div",
      { class: "grid gap-1" },
      h("h3", {}, say("Health score, each of 100", "Helbred, hver af 100")),
      pairs(
        pair(say("Freshness", "Friskhed"), part(parts?.freshness)),
        pair(say("Runs go well", "Kørsler lykkes"), part(parts?.successRate)),
        pair(say("Rows are taken", "Rækker tages"), part(parts?.errorRate)),
      ),
    ),
  );
}

/** The newest success and failure of all entities. @param {Status} status */
function newest(status) {
  const all = Object.entries(status.perEntity);
  const last = (/** @type {"lastSuccessAt" | "lastFailureAt"} */ field) =>
    all.filter(([, one]) => one[field]).sort(([, left], [, right]) => String(right[field]).localeCompare(String(left[field])))[0];
  return { success: last("lastSuccessAt"), failure: last("lastFailureAt") };
}

/**
 * @param {string} name
 * @param {{ ping: () => Promise<Ping>, pinged: () => void }} acts
 */
export function statusCard(name, acts) {
  const card = controlCard(say(`${name} status`, `${name}, status`), "of-status");
  const facts = h("div", { class: "grid gap-3" });
  const result = h("div", { role: "status", "aria-live": "polite" });
  /** @type {{ at: Date, ping: Ping } | null} */
  let last = null;
  /** @type {{ status: Status, config: Config | null, provider: Provider | null } | null} */
  let shown = null;
  const press = button("Ping", { icon: "pulse", kind: "small", "data-testid": "button-ping", onclick: () => ping() });
  replace(card.beside, press);
  replace(card.body, facts, result);

  async function ping() {
    if (press.disabled) return;
    press.disabled = true;
    press.querySelector("svg")?.replaceWith(icon("run"));
    const { pingResult } = await import("./control-told.js");
    try {
      last = { at: new Date(), ping: await acts.ping() };
      replace(result, pingResult(last.ping, shown?.provider ?? null));
    } catch (thrown) {
      const error = asError(thrown);
      if (typeof error.body.elapsedMs === "number") {
        last = { at: new Date(), ping: /** @type {Ping} */ (error.body) };
        replace(result, pingResult(last.ping, shown?.provider ?? null));
      } else {
        replace(result, callout("bad", say("It could not be asked", "Den kunne ikke spørges"), toldBy(error)));
      }
    } finally {
      press.disabled = false;
      press.querySelector("svg")?.replaceWith(icon("pulse"));
    }
    if (shown) show(shown.status, shown.config, shown.provider);
    acts.pinged();
  }

  /** @param {Status} status @param {Config | null} config @param {Provider | null} provider */
  function show(status, config, provider) {
    shown = { status, config, provider };
    const health = Object.values(status.integrations)[0];
    const { success, failure } = newest(status);
    const authenticated = () => {
      if (!last) return h("span", { class: "ink-3" }, say("not asked yet", "ikke spurgt endnu"));
      if (last.ping.authenticated) return statusMark("ok", "OK");
      return last.ping.upstreamStatus === 401 ? statusMark("bad", say("Refused", "Afvist")) : statusMark("idle", say("Not known", "Ukendt"));
    };
    const when = (/** @type {string | null | undefined} */ at, /** @type {string} */ of) =>
      at ? h("span", { title: ago(at) }, momentText(at), h("span", { class: "ink-3" }, ` ${of}`)) : h("span", { class: "ink-3" }, "—");
    replace(
      facts,
      score(health),
      pairs(
        pair(say("Base URL", "Base-URL"), h("span", { class: "text-12 break-words" }, config?.baseUrl?.replace(/^https:\/\//, "") ?? "—")),
        pair(say("Authentication", "Adgang"), authenticated()),
        pair(say("Last success", "Seneste succes"), when(success?.[1].lastSuccessAt, success?.[0] ?? "")),
        pair(say("Last error", "Seneste fejl"), when(failure?.[1].lastFailureAt, failure?.[0] ?? "")),
        pair(say("Pinged", "Pinget"), last ? `${clock(last.at)}, ${span(last.ping.elapsedMs)}` : h("span", { class: "ink-3" }, "—")),
      ),
      status.scheduler.paused && callout("held", say("The connection is paused", "Forbindelsen er på pause"), say("It is not pulled by itself, and its vendor is asked by hand alone.", "Den hentes ikke af sig selv; leverandøren spørges kun manuelt.")),
    );
  }
  return {
    element: card.element,
    show,
    ping,
    /** Whether it answered the last ping; null where it was not asked. */
    answers: () => last && last.ping.ok,
  };
}
