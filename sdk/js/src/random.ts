/** Randomness of the host: a plugin has no other. `Math.random` is made of it, too. */

import * as host from "./host.js";

/** So many random bytes, at most 4,096. */
export function bytes(length: number): Uint8Array {
  return host.random.bytes(length);
}
