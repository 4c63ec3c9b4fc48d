// What pages know of providers, so that none is measured by what it does not have.

/** Those that send nothing: they are synced by runs alone. */
const SILENT = ["catalogue", "doorloop"];

/** @param {string} provider */
export const hasWebhooks = (provider) => !SILENT.includes(provider);
