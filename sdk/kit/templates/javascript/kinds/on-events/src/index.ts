// Adds a task for each new contact: somebody should say hello.

import { type OnEvents, records } from "@guildhall/sdk";

interface Created {
  readonly record: string;
  readonly after: { readonly name?: string };
}

export const onEvents: OnEvents<Created> = (events) => {
  for (const { data } of events) {
    const { name } = data.after;
    if (name) records.create("task", { title: `Say hello to ${name}`, status: "open", contact: data.record });
  }
};
