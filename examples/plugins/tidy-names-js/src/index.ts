// Trims the names of contacts.

import { type BeforeWrite, type Change, type Outcome, accept, amend, refuse } from "@guildhall/sdk";

export const beforeWrite: BeforeWrite = (changes) => changes.map(trimName);

function trimName({ after }: Change): Outcome {
  if (typeof after?.name !== "string") return accept();
  const name = after.name.trim();
  return name === "" ? refuse("A contact needs a name.") : amend({ name });
}
