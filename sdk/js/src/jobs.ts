/** Work that goes on after the call, done by what the plugin exports as `job`. */

import { ask } from "./fault.js";
import * as host from "./host.js";
import { toJson, type Value } from "./json.js";

/** Has the job of this name run, not before the delay is over. It is queued with the commit of the call. Returns its id. */
export function enqueue(name: string, input: Value, delayMs = 0): string {
  return ask(() => host.jobs.enqueue(name, toJson(input), delayMs));
}
