/** Events of the plugin's own, beside those of records. */

import { ask } from "./fault.js";
import * as host from "./host.js";
import { toJson, type Value } from "./json.js";

/**
 * Publishes an event of this type, which begins with the plugin's namespace or
 * id: `valuation.deal.done`. The subject names a record that the plugin may
 * read, `contact/0192...`, or is empty. It is committed with the call.
 */
export function publish(type: string, data: Value, subject = ""): void {
  ask(() => host.events.publish(type, subject, toJson(data)));
}
