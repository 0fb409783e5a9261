"""Counts every morning the tasks that are late, and keeps the count."""

from guildhall_sdk import filter, kv, log, records, scheduled


@scheduled("count")
def count(due: str) -> None:
    late = filter.all_met(filter.eq("status", "open"), filter.lt("due_at", due))
    found = len(records.query("task", late, limit=500))
    log.info("late tasks are counted", count=found)
    kv.set_json("late", found)
