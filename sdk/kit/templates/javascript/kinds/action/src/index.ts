// Greets whom it is asked to greet.

import type { Action } from "@guildhall/sdk";

export const action: Action = {
  greet: ({ name }: { name: string }) => ({ greeting: `Hello, ${name}!` }),
};
