/** `fetch` for a host that may say that it was too much. */

import { setTimeout } from "node:timers/promises";

/** How often a request is sent at most. */
const TRIES = 5;

/** Sends a request; after a 429 again, when `Retry-After` has passed. Such an answer says that nothing was done. */
export const patient = async (request: Request): Promise<Response> => {
  for (let sent = 1; ; sent++) {
    // What is sent is read, so that a copy goes.
    const response = await fetch(request.clone());
    if (response.status !== 429 || sent === TRIES) return response;
    await setTimeout(1000 * Number(response.headers.get("Retry-After")));
  }
};
