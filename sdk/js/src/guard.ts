import { Fault } from "./fault.js";
import * as log from "./log.js";

/**
 * Runs what the plugin does in a call. A `Fault` crosses the border as the
 * plugin's answer. Anything else that is thrown is a crash: the host would see
 * nothing of it, so its message and place go to the log first.
 */
export function guard<T>(name: string, run: () => T): T {
  try {
    const answer = run();
    if (typeof (answer as { then?: unknown } | null)?.then === "function") {
      throw new TypeError(`${name} answered a promise: nothing waits for it, and the host's calls need no await`);
    }
    return answer;
  } catch (error) {
    if (error instanceof Fault) {
      throw error.toWire();
    }
    const { message, stack } = error instanceof Error ? error : { message: "", stack: "" };
    log.error(`${name} threw ${String(error)}`, message === "" ? {} : { place: String(stack).trim() });
    throw error;
  }
}
