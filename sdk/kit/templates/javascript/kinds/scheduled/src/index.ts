// Counts every morning the tasks that are late, and keeps the count.

import { type Scheduled, filter, kv, log, records } from "@guildhall/sdk";

export const scheduled: Scheduled = {
  count(due) {
    const late = filter.and(filter.eq("status", "open"), filter.lt("due_at", due));
    const count = records.query("task", { filter: late, limit: 500 }).length;
    log.info("late tasks are counted", { count });
    kv.setJson("late", count);
  },
};
