// What a person may decide about a delivery: to send it again, to verify it again, to drop it. One call decides on one.

import { asError, ask, ofTenant } from "./api.js";
import { lower, reasonName } from "./delivery-words.js";
import { say } from "./language.js";
import { may } from "./session.js";

/** @typedef {import("./delivery-feed.js").Delivery} Delivery */
/** @typedef {import("./session.js").Who} Who */
/** @typedef {"again" | "drop"} Decision */
/** @typedef {"requeue" | "verify" | "drop" | "nothing" | "cannot"} Plan */
/** What explains a wrong signature, in the words of `signalbox verify`. @typedef {{ code: string, text: string }} Finding */
/** @typedef {{ outcome: "done" | "duplicate" | "failed", text: string, findings?: Finding[] }} Result */

const SCOPE = "deliveries:write";

/** @param {Who | null} who */
export const mayDecide = (who) => may(who, SCOPE);

/** A refused request does not prove whose it is. @param {Who | null} who */
const mayAdmit = (who) => mayDecide(who) && (who?.anyTenant || who?.tenant === "default");

/**
 * What a decision would come to, and why.
 * @param {Decision} decision
 * @param {Delivery} one
 * @param {Who | null} who
 * @returns {{ plan: Plan, why: string }}
 */
export function planned(decision, one, who) {
  if (decision === "drop") {
    if (one.status === "dead") return { plan: "drop", why: one.detail ?? "" };
    if (one.status === "rejected")
      return {
        plan: "cannot",
        why: say("Refused ones go by themselves after 14 days", "Afviste forsvinder selv efter 14 dage"),
      };
    return { plan: "nothing", why: say("There is nothing to drop", "Der er intet at smide ud") };
  }
  if (one.status === "dead") {
    if (!one.key)
      return {
        plan: "cannot",
        why: say(
          "It has no label that can be read; it can only be dropped",
          "Dens mærkat kan ikke læses; den kan kun smides ud",
        ),
      };
    return { plan: "requeue", why: one.detail ?? "" };
  }
  if (one.status === "rejected") {
    if (!one.hasBody) return { plan: "cannot", why: say("Its body was not kept", "Dens indhold blev ikke gemt") };
    if (one.reason === "conflict")
      return {
        plan: "cannot",
        why: say("Another body came under its key first", "Et andet indhold kom først under dens nøgle"),
      };
    if (!mayAdmit(who))
      return {
        plan: "cannot",
        why: say("This takes an operator of all tenants", "Det kræver en operatør for alle lejere"),
      };
    return { plan: "verify", why: say(`Was refused: ${reasonName(one)}`, `Blev afvist: ${reasonName(one)}`) };
  }
  if (one.status === "admitted")
    return { plan: "nothing", why: say("It was let in already", "Den er allerede lukket ind") };
  if (one.status === "received") return { plan: "nothing", why: say("It is on its way", "Den er på vej") };
  return { plan: "nothing", why: say("It has had its effect", "Den har fået sin virkning") };
}

/** As many as the route looks at in one call. */
const PREVIEW_MAX = 100;

/** @type {Record<string, { plan: Plan, why: [string, string] }>} What sending a dead letter again would come to. */
const WOULD = {
  duplicate: { plan: "nothing", why: ["Its event has had its effect since", "Dens hændelse har fået virkning siden"] },
  conflict: {
    plan: "cannot",
    why: ["Another body came under its key since", "Et andet indhold er kommet under dens nøgle siden"],
  },
  fail: { plan: "cannot", why: ["It would fail again", "Den ville slå fejl igen"] },
};

/**
 * What sending these again would come to now, as the route finds out; none of those that there is nothing else to say of.
 * @param {Delivery[]} letters
 * @returns {Promise<Map<string, { plan: Plan, why: string }>>} By their ids.
 */
export async function previewed(letters) {
  const found = new Map();
  for (const tenant of new Set(letters.map((one) => one.tenant))) {
    const theirs = letters.filter((one) => one.tenant === tenant);
    for (let at = 0; at < theirs.length; at += PREVIEW_MAX) {
      const ids = theirs.slice(at, at + PREVIEW_MAX).map(({ id }) => id);
      const path = `/api/sync/dead-letters/preview?id=${encodeURIComponent(ids.join(","))}`;
      const answer = await ask(ofTenant(path, tenant));
      for (const { id, would, detail } of answer.items ?? []) {
        const told = WOULD[would];
        if (told) found.set(id, { plan: told.plan, why: [say(...told.why), detail].filter(Boolean).join(": ") });
      }
    }
  }
  return found;
}

/** The route of a dead letter. @param {Delivery} one @param {string} [deed] */
export const letterRoute = (one, deed = "") =>
  ofTenant(`/api/sync/dead-letters/${encodeURIComponent(one.id)}${deed}`, one.tenant);

/**
 * Does it, and says what came of it.
 * @param {Plan} plan
 * @param {Delivery} one
 * @returns {Promise<Result>}
 */
export async function decide(plan, one) {
  try {
    if (plan === "drop") {
      await ask(letterRoute(one), { method: "DELETE" });
      return { outcome: "done", text: say("Dropped", "Smidt ud") };
    }
    if (plan === "requeue") {
      await ask(letterRoute(one, "/requeue"), { method: "POST" });
      return { outcome: "done", text: say("Sent again", "Sendt igen") };
    }
    const answer = await ask("/api/admin/deliveries/verify", { method: "POST", body: { id: one.id } });
    return answer.status === "duplicate"
      ? { outcome: "duplicate", text: say("Had its effect before", "Har fået virkning før") }
      : { outcome: "done", text: say("Let in", "Lukket ind") };
  } catch (thrown) {
    const error = asError(thrown);
    return { outcome: "failed", text: told(error), findings: telling(error.body.findings) };
  }
}

/** @param {import("./api.js").ApiError} error */
function told(error) {
  if (error.code === "not_found") return say("It is gone meanwhile", "Den er væk i mellemtiden");
  if (error.code === "already_decided") return say("Somebody else decided on it", "En anden har besluttet det");
  if (error.code === "verification_failed") {
    const detail = error.details.join(" ");
    const reason = lower(reasonName({ reason: error.body.reason, detail }));
    return say("Still refused: ", "Stadig afvist: ") + (reason ? `${reason}: ` : "") + detail;
  }
  return error.details.join(" ");
}

/** That nothing was found says no more than the refusal itself. @param {Finding[]} [findings] */
const telling = (findings) => (findings ?? []).filter(({ code }) => code !== "nothing");
