/** What JSON can say. */
export type Json = string | number | boolean | null | Json[] | { [member: string]: Json };

/** What a field can be set to: JSON, or something that is written as JSON, such as a `Decimal`. */
export type Value =
  | string
  | number
  | boolean
  | null
  | undefined
  | { toJSON(): Json }
  | readonly Value[]
  | { readonly [member: string]: Value };

/** Fields by name. One that is `undefined` is left out, `null` empties it. */
export type Fields = { readonly [field: string]: Value };

/** A record as the host hands it out. */
export type StoredRecord = {
  readonly id: string;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
} & { readonly [field: string]: Json | undefined };

/** Reads JSON of the host's. */
export function fromJson<T>(text: string, what: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new Error(`what the host sent as ${what} is no JSON: ${String(error)}`);
  }
}

/** Writes JSON for the host. */
export function toJson(value: unknown): string {
  return JSON.stringify(value ?? null);
}
