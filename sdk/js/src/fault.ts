import type { WireFault } from "./interfaces.js";
import { type Fields, fromJson, type Json } from "./json.js";

/**
 * A failure with a stable code for programs and one sentence for people. The
 * host's calls throw it, and a plugin refuses with it.
 */
export class Fault extends Error {
  /** Lower snake case, stable: `credit_exceeded`. */
  readonly code: string;
  /** Whether the same call may succeed when it is made again. */
  readonly retryable: boolean;
  /** Further facts; empty when there are none. */
  readonly details: Fields;

  constructor(code: string, message: string, more: { retryable?: boolean; details?: Fields } = {}) {
    super(message);
    this.name = "Fault";
    this.code = code;
    this.retryable = more.retryable ?? false;
    this.details = more.details ?? {};
  }

  /** What the caller sent is not acceptable: `validation_failed`. */
  static invalid(message: string, details: Fields = {}): Fault {
    return new Fault("validation_failed", message, { details });
  }

  /** The plugin cannot go on, and it is not the caller's doing: `plugin_error`. */
  static internal(message: string): Fault {
    return new Fault("plugin_error", message);
  }

  /** @internal */
  static fromWire(fault: WireFault): Fault {
    const details = fault.details === null ? {} : (fromJson<Json>(fault.details, "details") as Fields);
    return new Fault(fault.code, fault.message, { retryable: fault.retryable, details });
  }

  /** @internal */
  toWire(): WireFault {
    const details = Object.keys(this.details).length === 0 ? null : JSON.stringify(this.details);
    return { code: this.code, message: this.message, retryable: this.retryable, details };
  }
}

/** Calls the host; what it fails with is thrown as a `Fault`. */
export function ask<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw isCarrier(error) ? Fault.fromWire(error.payload) : error;
  }
}

/** The errors by which a component's host calls fail carry the failure. */
function isCarrier(error: unknown): error is { payload: WireFault } {
  const payload = (error as { payload?: unknown } | null)?.payload;
  return typeof payload === "object" && payload !== null && "code" in payload;
}
