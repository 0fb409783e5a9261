"""Adds a task for each new contact: somebody should say hello."""

from guildhall_sdk import Event, on_events, records


@on_events
def welcome(events: list[Event]) -> None:
    for event in events:
        name = event.data["after"].get("name")
        if name:
            task = {"title": f"Say hello to {name}", "status": "open", "contact": event.data["record"]}
            records.create("task", task)
