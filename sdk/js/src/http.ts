/**
 * Requests to other servers, where a call may make them: not in hooks that run
 * before a commit. Only to hosts that the manifest names, over https.
 */

import { ask } from "./fault.js";
import * as host from "./host.js";
import type { Headers } from "./interfaces.js";
import { fromJson } from "./json.js";
import { decode, encode } from "./utf8.js";

/** A request. */
export interface Request {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  /** `{{secret:NAME}}` in a value is replaced by the secret, which the plugin never sees. */
  readonly headers?: { readonly [name: string]: string };
  readonly body?: Uint8Array | string;
  /** The longest wait, at most 5,000. */
  readonly timeoutMs?: number;
}

/** An answer. */
export class Response {
  constructor(
    /** The status. */
    readonly status: number,
    /** Headers, names in lower case. */
    readonly headers: Headers,
    /** The body, at most 1 MiB. */
    readonly body: Uint8Array,
  ) {}

  /** The first header of this name. */
  header(name: string): string | null {
    return this.headers.find(([other]) => other === name.toLowerCase())?.[1] ?? null;
  }

  /** The body as text. */
  text(): string {
    return decode(this.body);
  }

  /** The body as JSON. */
  json<T>(): T {
    return fromJson<T>(this.text(), "body");
  }
}

/** Sends a request, and waits for the answer. */
export function send(request: Request): Response {
  const { method = "GET", url, headers = {}, body = "", timeoutMs = 0 } = request;
  const bytes = typeof body === "string" ? encode(body) : body;
  const answer = ask(() => host.http.send({ method, url, headers: Object.entries(headers), body: bytes, timeoutMs }));
  return new Response(answer.status, answer.headers, answer.body);
}
