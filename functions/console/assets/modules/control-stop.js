// Stopping a run, and taking the lock from a worker that does not answer.

import { asError } from "./api.js";
import { toldBy } from "./control-api.js";
import { say } from "./language.js";
import { toast } from "./messages.js";

/** @typedef {import("./control-api.js").Control} Control */

/**
 * Whether it is being stopped.
 * @param {Control} control
 * @param {() => void} then
 * @returns {Promise<boolean>}
 */
export async function stopRun(control, then) {
  try {
    const { stopped, state } = await control.stop();
    const goesOn = state === "stopping";
    const title = goesOn ? say("The run is stopping", "Kørslen er ved at standse") : say("The run is stopped", "Kørslen er standset");
    const text = goesOn ? say("The page that is being written is written to its end.", "Den side, der skrives, skrives færdig.") : "";
    toast(goesOn ? "run" : "ok", stopped ? title : say("Nothing ran", "Intet kørte"), text);
    then();
    return true;
  } catch (thrown) {
    toast("bad", say("It could not be stopped", "Den kunne ikke standses"), toldBy(asError(thrown)));
    return false;
  }
}

/**
 * @param {Control} control
 * @param {() => void} then
 */
export async function resetLock(control, then) {
  try {
    const { message } = await control.resetLock();
    toast("ok", message);
    then();
  } catch (thrown) {
    toast("bad", say("The lock could not be reset", "Låsen kunne ikke nulstilles"), toldBy(asError(thrown)));
  }
}
