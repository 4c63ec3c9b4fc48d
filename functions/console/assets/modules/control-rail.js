// What stands beside how a connection does: breaker, schedule, configuration, alerts, dead letters, and who looks.

import { accessCard } from "./control-access.js";
import { alertsCard } from "./control-alerts.js";
import { breakerCard } from "./control-breaker.js";
import { configCard } from "./control-config.js";
import { topLetters } from "./control-letter.js";
import { schedulerCard } from "./control-scheduler.js";

/**
 * @typedef {{
 *   breaker: import("./control-words.js").Breaker, config: import("./control-words.js").Config | null,
 *   provider: import("./control-words.js").Provider | null, letters: import("./control-words.js").Letter[], total: number, more: boolean,
 *   who: import("./session.js").Who | null,
 * }} Known
 */

/**
 * @param {import("./control-api.js").Control} control
 * @param {{ look: () => void, edit: () => void, requeued: () => void, all: () => void }} then
 */
export function controlRail(control, { look, edit, requeued, all }) {
  const breaker = breakerCard(control, look);
  const scheduler = schedulerCard(control);
  const config = configCard(edit);
  const alerts = alertsCard(control);
  const top = topLetters(control, { changed: requeued, all });
  const access = accessCard();
  return {
    elements: [breaker, scheduler, config, alerts, top, access].map(({ element }) => element),
    scheduler,
    loadAlerts: alerts.load,
    /** @param {Known} known */
    show(known) {
      breaker.show(known.breaker, known.config);
      if (known.config) config.show(known.config, known.provider);
      top.show(known.letters, known.total, known.more);
      access.show(known.who);
    },
  };
}
