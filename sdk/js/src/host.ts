// The host, outside of a component: there is none, but what a test puts in its place.

import { Fault } from "./fault.js";
import type { Host } from "./interfaces.js";

let replaced: { [Name in keyof Host]?: Partial<Host[Name]> } = {};

/** Puts functions in the place of the host's, until it is called again. */
export function replaceHost(functions: typeof replaced): void {
  replaced = functions;
}

function outside<Name extends keyof Host>(name: Name): Host[Name] {
  const call = (member: PropertyKey) => (...input: unknown[]) => {
    const there = replaced[name]?.[member as keyof Host[Name]];
    if (typeof there !== "function") {
      throw new Fault("no_host", `${name}.${String(member)} works inside the host only.`);
    }
    return there(...input) as unknown;
  };
  return new Proxy({}, { get: (_, member) => call(member) }) as Host[Name];
}

export const log = outside("log");
export const config = outside("config");
export const clock = outside("clock");
export const random = outside("random");
export const context = outside("context");
export const records = outside("records");
export const kv = outside("kv");
export const http = outside("http");
export const events = outside("events");
export const jobs = outside("jobs");
export const secrets = outside("secrets");
export const actions = outside("actions");
