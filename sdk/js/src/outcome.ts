import { Fault } from "./fault.js";
import type { Fields } from "./json.js";
import type { Accepted, Amended, Refused } from "./points.js";

/** The change passes as it is. */
export function accept(): Accepted {
  return { kind: "accept" };
}

/** The change passes with these fields set. */
export function amend(fields: Fields): Amended {
  return { kind: "amend", fields };
}

/** The change does not pass. A text is a fault with the code `validation_failed`. */
export function refuse(why: Fault | string): Refused {
  return { kind: "refuse", fault: typeof why === "string" ? Fault.invalid(why) : why };
}
