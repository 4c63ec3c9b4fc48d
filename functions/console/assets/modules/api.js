// The JSON routes. Every wait has an end, and what goes wrong is one kind of error that a page can show.

import { say } from "./language.js";
import { chosenTenant } from "./tenant.js";

const TIMEOUT_MS = 15_000;
/** A sync answers within the gateway's thirty seconds. */
const CHANGE_TIMEOUT_MS = 35_000;

/** What a request came to that did not succeed. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 where there was no answer.
   * @param {string} code Stable.
   * @param {string[]} details For people, each of one thing.
   * @param {string | null} trace
   * @param {Record<string, any>} body
   */
  constructor(status, code, details, trace, body) {
    super(details.join(" ") || code);
    this.status = status;
    this.code = code;
    this.details = details;
    this.trace = trace;
    this.body = body;
  }
}

/**
 * The sentences of an answer's detail: a text, or what is wrong with each field.
 * @param {any} detail
 * @returns {string[]}
 */
function sentences(detail) {
  if (typeof detail === "string") return detail ? [detail] : [];
  if (Array.isArray(detail)) return detail.flatMap(sentences);
  if (detail === null || typeof detail !== "object") return [];
  if ("formErrors" in detail || "fieldErrors" in detail) {
    const fields = Object.entries(detail.fieldErrors ?? {});
    const of = (/** @type {[string, any]} */ [name, texts]) => sentences(texts).map((text) => `${name}: ${text}`);
    return [...sentences(detail.formErrors), ...fields.flatMap(of)];
  }
  return Object.entries(detail).flatMap(([name, texts]) => sentences(texts).map((text) => `${name}: ${text}`));
}

/** @param {any} cause @returns {ApiError} */
function unanswered(cause) {
  const slow = cause instanceof DOMException && cause.name === "TimeoutError";
  const why = slow
    ? say("There was no answer in time.", "Der kom intet svar i tide.")
    : say("The service cannot be reached. Is the network there?", "Tjenesten kan ikke nås. Er der netværk?");
  return new ApiError(0, slow ? "timeout" : "unreachable", [why], null, {});
}

/**
 * The address of a route, for data that are a tenant's.
 * @param {string} path
 * @param {string | null | undefined} tenant Whose; none: one's own.
 */
export const ofTenant = (path, tenant) =>
  tenant ? `${path}${path.includes("?") ? "&" : "?"}tenant=${encodeURIComponent(tenant)}` : path;

/**
 * Asks a route. Who is not signed in is led to where one signs in, and back.
 * @param {string} path
 * @param {{ method?: string, body?: unknown, signal?: AbortSignal, stay?: boolean, tenant?: string | null, more?: Record<string, string> }}
 *   [options] `stay`: whoever asks says themselves what it means that nobody is signed in. `tenant`: in place of the one that was chosen.
 *   `more`: headers.
 * @returns {Promise<any>}
 */
export async function ask(path, options = {}) {
  const { method = "GET", body, signal, stay = false, tenant = chosenTenant(), more = {} } = options;
  const timeout = AbortSignal.timeout(method === "GET" ? TIMEOUT_MS : CHANGE_TIMEOUT_MS);
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json", ...more };
  // A change with a session is refused without it: no page of another site can send it.
  if (method !== "GET") headers["x-signalbox-request"] = "1";
  if (tenant) headers["x-tenant-id"] = tenant;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw unanswered(cause);
  }
  const trace = response.headers.get("x-correlation-id");
  const answer = await response.json().catch(() => null);
  if (signal?.aborted) throw signal.reason;
  const refused = answer && typeof answer === "object" && answer.ok === false && !("data" in answer);
  if (response.ok && answer !== null && !refused) return answer;
  if (response.status === 401 && !stay) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const code = String(answer?.code ?? answer?.error ?? (response.ok ? "not_json" : `http_${response.status}`));
  const told = sentences(answer?.detail ?? answer?.message ?? inOtherWords(answer));
  throw new ApiError(response.status, code, told.length > 0 ? told : [fallback(response.status)], trace, answer ?? {});
}

/** Where `error` is a sentence, and the code stands beside it: that, and what to do about it. @param {any} answer */
function inOtherWords(answer) {
  if (typeof answer?.code !== "string" || typeof answer.error !== "string") return null;
  return answer.error.includes(" ") ? [answer.error, answer.hint] : answer.hint;
}

/** @param {number} status */
function fallback(status) {
  if (status === 404) return say("Not found", "Ikke fundet");
  if (status >= 400) return say("The data could not be fetched", "Kunne ikke hente data");
  return say("Unknown error", "Ukendt fejl");
}

/** What anything that was thrown says. @param {unknown} error @returns {ApiError} */
export function asError(error) {
  if (error instanceof ApiError) return error;
  console.error(error);
  return new ApiError(0, "page_failed", [say("Unknown error", "Ukendt fejl")], null, {});
}
