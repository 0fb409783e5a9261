/** Which records a query finds: the filter tree of the HTTP API, put together by functions. */

import type { Value } from "./json.js";

/** A condition that a record meets or does not meet. */
export type Filter = { readonly [name: string]: Value };

const compare = (operator: string) => (field: string, value: Value): Filter => ({ [field]: { [operator]: value } });

/** The field is equal to the value. */
export const eq = compare("_eq");
/** The field is not equal to the value. */
export const ne = compare("_neq");
/** The field is less than the value. */
export const lt = compare("_lt");
/** The field is less than or equal to the value. */
export const lte = compare("_lte");
/** The field is greater than the value. */
export const gt = compare("_gt");
/** The field is greater than or equal to the value. */
export const gte = compare("_gte");

/** The field is equal to one of the values. */
export const anyOf = (field: string, values: readonly Value[]): Filter => ({ [field]: { _in: values } });

/** The record that the link names is there and meets the condition. */
export const linked = (link: string, condition: Filter): Filter => ({ [link]: condition });

/** Some record that links to this one, by the name of the link's other end, meets the condition. */
export const some = (otherEnd: string, condition: Filter): Filter => ({ [otherEnd]: { _some: condition } });

/** All of the conditions are met. */
export const and = (...conditions: readonly Filter[]): Filter => ({ _and: conditions });

/** At least one of the conditions is met. */
export const or = (...conditions: readonly Filter[]): Filter => ({ _or: conditions });

/** The condition is not met. */
export const not = (condition: Filter): Filter => ({ _not: condition });
