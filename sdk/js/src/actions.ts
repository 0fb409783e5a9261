/** Actions of other modules of the same tenant, which the manifest names and requires. */

import { ask } from "./fault.js";
import * as host from "./host.js";
import { fromJson, type Json, toJson, type Value } from "./json.js";

/** Runs an action that another plugin exports, inside the same unit of work, with the rights of that plugin. */
export function call<Answer = Json>(plugin: string, name: string, input: Value): Answer {
  return fromJson<Answer>(ask(() => host.actions.run(plugin, name, toJson(input))), `answer of ${name}`);
}
