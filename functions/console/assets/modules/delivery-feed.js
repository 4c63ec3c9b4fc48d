// Deliveries as they lie in several lists, put together by time: older ones on demand, newer ones as they come.

import { asError, ask } from "./api.js";

/**
 * @typedef {{
 *   id: string, status: string, tenant: string, hasBody: boolean, source?: string | null, provider?: string | null,
 *   connection?: string | null, eventType?: string | null, key?: string | null, correlationId?: string | null,
 *   receivedAt?: string | null, processedAt?: string | null, recordedAt?: string | null, admittedAt?: string | null,
 *   outcome?: string | null, attempts?: number | null, reason?: string | null, detail?: string | null,
 *   bodyBytes?: number | null, bodyHash?: string | null, aheadOfReceipt?: boolean | null,
 * }} Delivery
 */

/** @typedef {{ status: string, reason: string, source: string, tenant: string, text: string, from: string | null, to: string | null }} Wanted */
/** @typedef {{ reason: string, count: number }} ReasonCount */
/** @typedef {{ query: URLSearchParams, buffer: Delivery[], cursor: string | null, done: boolean, tails: boolean }} Stream */

const PAGE = 50;
/** How many pages of a list one step looks at: a page may be empty, and another one follow. */
const PAGES_MAX = 4;
/** What came in while we asked is not to be missed. */
const OVERLAP_MS = 120_000;

/** One delivery, over all lists. @param {Delivery} one */
export const identity = (one) => `${one.status === "admitted" ? "rejected" : one.status}:${one.id}`;

/** When it came. @param {Delivery} one */
export const moment = (one) => one.receivedAt ?? one.recordedAt ?? "";

/** Whether a text is a trace, which the routes look for themselves. @param {string} text */
const isTrace = (text) => /^(1-[0-9a-f]{8}-[0-9a-f]{8,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.test(text);

/** Whether a key can be looked up there. @param {string} source */
const namesOne = (source) => source === "pos" || source.includes("/");

/** @param {Wanted} wanted @returns {Stream[]} */
function streams(wanted) {
  const of = (/** @type {Record<string, string>} */ more, tails = true) => {
    const query = new URLSearchParams({ limit: String(PAGE), ...more });
    const { source, tenant, text, from, to } = wanted;
    for (const [name, value] of Object.entries({ source, tenant, from, to }))
      if (value && !query.has(name)) query.set(name, value);
    if (text) query.set(isTrace(text) ? "correlationId" : "text", text);
    return { query, buffer: [], cursor: null, done: false, tails };
  };
  const lists =
    wanted.status === "all"
      ? [of({ status: "all" }), of({ status: "rejected,admitted" })]
      : [of({ status: wanted.status })];
  if (wanted.status === "rejected") lists[0].query.set("status", wanted.reason || "rejected,admitted");
  const byKey = wanted.text && !isTrace(wanted.text) && namesOne(wanted.source) && wanted.status !== "rejected";
  // A key is found wherever it lies in time, and so is one that has not had its effect yet.
  if (byKey) lists.push({ ...of({ status: "all", key: wanted.text }, false), query: keyQuery(wanted) });
  return lists;
}

/** @param {Wanted} wanted */
function keyQuery(wanted) {
  const query = new URLSearchParams({ status: "all", source: wanted.source, key: wanted.text });
  if (wanted.tenant) query.set("tenant", wanted.tenant);
  return query;
}

/** @param {Wanted} wanted */
export function feed(wanted) {
  const lists = streams(wanted);
  /** @type {Set<string>} */
  const seen = new Set();
  const controller = new AbortController();
  /** @type {ReasonCount[]} */
  let reasons = [];

  const fetchPage = (/** @type {URLSearchParams} */ query) =>
    ask(`/api/admin/deliveries?${query}`, { signal: controller.signal });

  /** @param {Stream} list */
  async function fill(list) {
    for (let page = 0; page < PAGES_MAX && list.buffer.length === 0 && !list.done; page += 1) {
      const query = new URLSearchParams(list.query);
      if (list.cursor) query.set("cursor", list.cursor);
      let answer;
      try {
        answer = await fetchPage(query);
      } catch (thrown) {
        // A text that cannot be a key of this source is a text all the same.
        if (!list.tails && asError(thrown).status === 400) return void (list.done = true);
        throw thrown;
      }
      if (answer.reasons) reasons = answer.reasons;
      list.cursor = answer.nextCursor ?? null;
      list.done = !list.cursor;
      list.buffer.push(...answer.items);
    }
  }

  return {
    /** Older ones, the newest first. @param {number} count @returns {Promise<{ items: Delivery[], more: boolean }>} */
    async older(count) {
      /** @type {Delivery[]} */
      const items = [];
      const open = () => lists.filter((list) => list.buffer.length > 0 || !list.done);
      await Promise.all(lists.map(fill));
      while (items.length < count) {
        const dry = open().filter((list) => list.buffer.length === 0);
        await Promise.all(dry.map(fill));
        // A list that has not come to its next one yet may have a newer one than all others.
        if (open().some((list) => list.buffer.length === 0)) break;
        const [first] = open().sort((left, right) => moment(right.buffer[0]).localeCompare(moment(left.buffer[0])));
        const one = first?.buffer.shift();
        if (!one) break;
        if (!seen.has(identity(one))) items.push(one);
        seen.add(identity(one));
      }
      return { items, more: open().length > 0 };
    },
    /**
     * What has come since: nothing that was told of before.
     * @param {string} newest The moment of the newest that is known.
     * @returns {Promise<{ items: Delivery[], gap: boolean }>} `gap`: there are more than one step looks at.
     */
    async newer(newest) {
      const since = new Date((newest ? Date.parse(newest) : Date.now()) - OVERLAP_MS).toISOString();
      const tail = async (/** @type {Stream} */ list) => {
        const query = new URLSearchParams(list.query);
        if (!wanted.from || since > wanted.from) query.set("from", since);
        return fetchPage(query);
      };
      const answers = await Promise.all(lists.filter((list) => list.tails).map(tail));
      /** @type {Delivery[]} */
      const fresh = answers.flatMap((answer) => answer.items);
      const items = fresh
        .filter((one) => !seen.has(identity(one)))
        .sort((left, right) => moment(right).localeCompare(moment(left)));
      for (const one of items) seen.add(identity(one));
      return {
        items,
        gap: answers.some((answer) => answer.items.length === PAGE && answer.items.every(notSeen(items))),
      };
    },
    /** Why those were refused that the other filters take, as the route counts them. */
    reasons: () => reasons,
    end() {
      controller.abort();
    },
  };
}

/** @param {Delivery[]} items @returns {(one: Delivery) => boolean} */
const notSeen = (items) => (one) => items.includes(one);
