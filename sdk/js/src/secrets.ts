/** Secrets that the plugin uses without seeing them: in headers of requests as `{{secret:NAME}}`, or to sign with. */

import { ask } from "./fault.js";
import * as host from "./host.js";

/** A keyed hash. */
export type Algorithm = "hmac-sha256" | "hmac-sha1";

/** Whether the tenant has set the secret. */
export function isSet(name: string): boolean {
  return ask(() => host.secrets.isSet(name));
}

/** The keyed hash of the data, with the secret as the key. */
export function sign(name: string, algorithm: Algorithm, data: Uint8Array): Uint8Array {
  return ask(() => host.secrets.sign(name, algorithm, data));
}

/** Whether the data has that hash, compared in constant time. */
export function verify(name: string, algorithm: Algorithm, data: Uint8Array, signature: Uint8Array): boolean {
  return ask(() => host.secrets.verify(name, algorithm, data, signature));
}
