/**
 * Records of the tenant, read and written inside the unit of work of the call:
 * all writes commit together with the change that caused the call, or not at
 * all. What may be read and written stands in the manifest.
 */

import { ask } from "./fault.js";
import type { Filter } from "./filter.js";
import * as host from "./host.js";
import { type Fields, fromJson, type Json, type StoredRecord, toJson } from "./json.js";

/** A filter, an order and a limit; without any of them, the first 50 records. */
export interface Query {
  /** Only records that meet the condition. */
  readonly filter?: Filter;
  /** Sorted by these fields, descending with `-` in front. */
  readonly sort?: readonly string[];
  /** At most so many records, up to 500. */
  readonly limit?: number;
  /** As far as who asks may see it, on the plugin's own objects, too; without it, the manifest alone counts there. */
  readonly as_caller?: boolean;
}

/** The record with this id, or `null`. */
export function get<R = StoredRecord>(object: string, id: string): R | null {
  const record = ask(() => host.records.get(object, id));
  return record === null ? null : fromJson<R>(record, object);
}

/** The records that a query finds. */
export function query<R = StoredRecord>(object: string, query: Query = {}): R[] {
  return ask(() => host.records.query(object, toJson(query))).map((record) => fromJson<R>(record, object));
}

/** Adds a record and returns it as it will be stored. */
export function create<R = StoredRecord>(object: string, fields: Fields): R {
  return fromJson<R>(ask(() => host.records.create(object, toJson(fields))), object);
}

/** Changes the given fields of a record and returns it as it will be stored. */
export function update<R = StoredRecord>(object: string, id: string, fields: Fields): R {
  return fromJson<R>(ask(() => host.records.update(object, id, toJson(fields))), object);
}

/** Deletes a record. */
function remove(object: string, id: string): void {
  ask(() => host.records.delete(object, id));
}
export { remove as delete };

/**
 * Figures over the records that a filter finds: the question and the answer of
 * `POST /records/{object}/aggregate`. It sees what is stored, not what this
 * call has staged.
 */
export function aggregate<Answer = Json>(object: string, question: Fields): Answer {
  return fromJson<Answer>(ask(() => host.records.aggregate(object, toJson(question))), "figures");
}
