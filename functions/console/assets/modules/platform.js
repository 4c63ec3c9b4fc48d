// Routes of the platform and of a tenant that their path names: the tenant that was chosen is not named with them.

import { ask } from "./api.js";

/** @param {string} path @param {{ method?: string, body?: unknown, signal?: AbortSignal, more?: Record<string, string> }} [options] @returns {Promise<any>} */
export const askPlatform = (path, options = {}) => ask(path, { ...options, tenant: null });
