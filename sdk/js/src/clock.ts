/** The time of the host: a plugin has no other. `Date` is set to it, too. */

import * as host from "./host.js";

/** When the call happens, in RFC 3339 in UTC, with microseconds: the same for the whole call. */
export function now(): string {
  return host.clock.now();
}
