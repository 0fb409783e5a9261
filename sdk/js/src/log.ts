/** Lines for the plugin's log, which the host keeps per tenant: a sentence, and fields for what a program may look for. */

import * as host from "./host.js";

type Facts = { readonly [name: string]: unknown };

/** Writes a line that only helps while a fault is being looked for. */
export function debug(message: string, facts: Facts = {}): void {
  write("debug", message, facts);
}

/** Writes a line about something that went as it should. */
export function info(message: string, facts: Facts = {}): void {
  write("info", message, facts);
}

/** Writes a line about something that somebody may want to look at. */
export function warn(message: string, facts: Facts = {}): void {
  write("warn", message, facts);
}

/** Writes a line about something that failed. */
export function error(message: string, facts: Facts = {}): void {
  write("error", message, facts);
}

function write(level: string, message: string, facts: Facts): void {
  const fields = Object.entries(facts).map(([name, value]): [string, string] => [name, String(value)]);
  host.log.write(level, message, fields);
}
