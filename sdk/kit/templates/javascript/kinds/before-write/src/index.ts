// Trims the names of contacts before they are stored.

import { type BeforeWrite, type Change, type Outcome, accept, amend, refuse } from "@guildhall/sdk";

export const beforeWrite: BeforeWrite = (changes) => changes.map(trimName);

function trimName({ after }: Change): Outcome {
  const name = after?.["name"];
  if (typeof name !== "string") return accept();
  const trimmed = name.trim();
  if (trimmed === "") return refuse("A contact needs a name.");
  return trimmed === name ? accept() : amend({ name: trimmed });
}
