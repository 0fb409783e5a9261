"""A page with the open tasks."""

from typing import Any

from guildhall_sdk import filter, records, view


@view("overview")
def overview(_: dict[str, Any]) -> dict[str, Any]:
    found = records.query("task", filter.eq("status", "open"), sort=["title"], limit=100)
    return {
        "type": "table",
        "title": "Open tasks",
        "columns": [{"key": "title", "label": "Task"}],
        "rows": [{"cells": {"title": task.get("title")}} for task in found],
        "empty": "Everything is done.",
    }
