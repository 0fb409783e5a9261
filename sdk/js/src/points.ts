// Where the host calls a plugin: what a plugin exports under the names of these types, with a small first letter.

import type { Fault } from "./fault.js";
import type { Headers } from "./interfaces.js";
import type { Fields, Json, StoredRecord, Value } from "./json.js";

/** One change that is about to be committed. */
export interface Change<R = StoredRecord> {
  readonly operation: "create" | "update" | "delete";
  /** Name of the object, `order`. */
  readonly object: string;
  /** Id of the record. */
  readonly id: string;
  /** The record as it is stored; `null` for a create. */
  readonly before: R | null;
  /** The record as it would be stored; `null` for a delete. */
  readonly after: R | null;
}

/** A change passes. */
export interface Accepted {
  readonly kind: "accept";
}

/** A change passes with fields set. */
export interface Amended {
  readonly kind: "amend";
  readonly fields: Fields;
}

/** A change does not pass. */
export interface Refused {
  readonly kind: "refuse";
  readonly fault: Fault;
}

/** What becomes of a change. */
export type Outcome = Accepted | Amended | Refused;
/** What is thought of a change. */
export type Verdict = Accepted | Refused;

/**
 * Judges all changes of one command: one outcome for each, in the same order. A
 * `Fault` that is thrown refuses the whole command. The call may be repeated
 * from the beginning; then nothing of the first run remains.
 */
export type BeforeWrite<R = StoredRecord> = (changes: readonly Change<R>[]) => Outcome[];

/** Judges changes as all hooks have left them, and changes nothing: one verdict for each, in the same order. */
export type Validate<R = StoredRecord> = (changes: readonly Change<R>[]) => Verdict[];

/** Values of these fields for each record, in the same order. A field that is left out keeps its value. */
export type ComputedField<R = StoredRecord> = (object: string, fields: readonly string[], records: readonly R[]) => Fields[];

/** An event, as CloudEvents 1.0 has it. */
export interface Event<Data = Json> {
  /** The same whenever it is shown. */
  readonly id: string;
  /** `contact.created`. */
  readonly type: string;
  /** When it happened, in RFC 3339. */
  readonly time: string;
  /** What it is about, `contact/0192...`; not there when it is about no record. */
  readonly subject?: string;
  /** For a record `object`, `record`, `version`, `before` and `after`; for what a plugin published, `published`. */
  readonly data: Data;
}

/** Handles events. A retryable `Fault` has them shown again later; another one sets them aside, in the end. */
export type OnEvents<Data = Json> = (events: readonly Event<Data>[]) => void;

/** Tasks by name. `due` is the time that it was due at, in RFC 3339. */
export type Scheduled = { readonly [name: string]: (due: string) => void };

/** Jobs by name, and what came of each. A job may run again when it did not come to its end. */
export type Job = { readonly [name: string]: (input: any) => Value | void };

/** Actions by name. The input is valid by the schema in the manifest; what is written commits with it. */
export type Action = { readonly [name: string]: (input: any) => Value | void };

/** What a view is asked with. */
export interface ViewInput {
  /** What the person chose. */
  readonly params: { readonly [name: string]: string };
  /** For a panel: the object of its record. */
  readonly object?: string;
  /** For a panel: the id of its record. */
  readonly id?: string;
}

/** Views by name: trees of components that the host draws. */
export type View = { readonly [name: string]: (input: ViewInput) => Value };

/** A request to a route. */
export interface RouteRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the plugin's own, beginning with `/`. */
  readonly path: string;
  /** The query string, as it came. */
  readonly query: string;
  /** Headers, names in lower case. */
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** The answer to it. An object as the body is written as JSON. */
export interface RouteResponse {
  /** 200 to 599. */
  readonly status: number;
  /** `content-type`, `cache-control`, `etag`, `location`, and names that begin with `x-`. */
  readonly headers?: { readonly [name: string]: string };
  readonly body?: Uint8Array | string;
  /** A body of JSON, in the place of `body`. */
  readonly json?: Value;
}

/** Answers requests. What it wrote is committed before the answer goes out; a `Fault` becomes a problem document. */
export type HttpRoute = (request: RouteRequest) => RouteResponse;

/** Told when the plugin is switched on or off. What it writes commits with that step; a `Fault` stops it. */
export interface Lifecycle {
  /** The tenant switches it on. */
  enable?(): void;
  /** It comes from another version. */
  upgrade?(from: string, to: string): void;
  /** The tenant switches it off. */
  disable?(): void;
}

/** A request of a messaging platform. */
export interface ChannelRequest {
  readonly method: "GET" | "POST";
  readonly query: string;
  readonly headers: Headers;
  /** Byte for byte: signatures are made over it. */
  readonly body: Uint8Array;
}

/** What the platform is answered, and what its request says. */
export interface Received {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array | string;
  readonly messages: readonly Value[];
}

/** A connector to a messaging platform. The host does not call it yet. */
export interface Channel {
  /** Checks and reads a request of the platform. */
  receive(request: ChannelRequest): Received;
  /** Sends a message; returns at least `external_id`, by which the platform knows it. */
  send(message: any): Value;
}
