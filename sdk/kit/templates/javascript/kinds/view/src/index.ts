// A page with the open tasks.

import { type View, filter, records } from "@guildhall/sdk";

export const view: View = {
  overview() {
    const open = records.query("task", { filter: filter.eq("status", "open"), sort: ["title"], limit: 100 });
    return {
      type: "table",
      title: "Open tasks",
      columns: [{ key: "title", label: "Task" }],
      rows: open.map((task) => ({ cells: { title: task["title"] ?? null } })),
      empty: "Everything is done.",
    };
  },
};
