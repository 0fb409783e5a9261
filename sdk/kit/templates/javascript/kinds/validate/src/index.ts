// Refuses contacts that nobody could reach.

import { type Change, type Validate, type Verdict, accept, refuse } from "@guildhall/sdk";

export const validate: Validate = (changes) => changes.map(judge);

function judge({ after }: Change): Verdict {
  if (after === null || after["email"] || after["phone"]) return accept();
  return refuse("A contact needs an e-mail address or a phone number.");
}
