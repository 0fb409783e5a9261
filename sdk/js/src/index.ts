/**
 * What a Guildhall plugin written in JavaScript or TypeScript is built on. A
 * plugin is a module that exports each extension point it wants, under the name
 * that the type here has: `beforeWrite`, `validate`, `computedField`,
 * `onEvents`, `scheduled`, `job`, `action`, `view`, `httpRoute`,
 * `lifecycle`, `channel`.
 */

export * as actions from "./actions.js";
export * as clock from "./clock.js";
export * as config from "./config.js";
export * as context from "./context.js";
export { Decimal, decimal, Money, money } from "./decimal.js";
export * as events from "./events.js";
export { Fault } from "./fault.js";
export * as filter from "./filter.js";
export * as http from "./http.js";
export * as jobs from "./jobs.js";
export type { Fields, Json, StoredRecord, Value } from "./json.js";
export * as kv from "./kv.js";
export * as log from "./log.js";
export { accept, amend, refuse } from "./outcome.js";
export type * from "./points.js";
export * as random from "./random.js";
export * as records from "./records.js";
export * as secrets from "./secrets.js";
export * as utf8 from "./utf8.js";
