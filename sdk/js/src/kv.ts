/**
 * Values under keys, for what is no record: positions, tokens, small tables.
 * Writes commit with the call, and a read sees them. A key has at most 256
 * bytes, a value 64 kB.
 */

import { ask } from "./fault.js";
import * as host from "./host.js";
import { fromJson, toJson, type Value } from "./json.js";
import { decode, encode } from "./utf8.js";

/** The value under a key, or `null`. */
export function get(key: string): Uint8Array | null {
  return ask(() => host.kv.get(key));
}

/** Puts a value under a key. */
export function set(key: string, value: Uint8Array): void {
  ask(() => host.kv.set(key, value));
}

/** Removes a key; one that is not there is no fault. */
function remove(key: string): void {
  ask(() => host.kv.delete(key));
}
export { remove as delete };

/** The keys that begin with `prefix` and come after `after`, in the order of their bytes, at most 1,000. */
export function keys(prefix = "", after = "", limit = 1_000): string[] {
  return ask(() => host.kv.keys(prefix, after, limit));
}

/** The value under a key, kept as JSON, or `null`. */
export function getJson<T>(key: string): T | null {
  const bytes = get(key);
  return bytes === null ? null : fromJson<T>(decode(bytes), key);
}

/** Puts a value under a key as JSON. */
export function setJson(key: string, value: Value): void {
  set(key, encode(toJson(value)));
}
