"""Adds a task for each new contact: somebody should say hello."""

from guildhall_sdk import Event, on_events, records


@on_events
def welcome(events: list[Event]) -> None:
    for event in events:
        contact = event.data["record"]
        if contact.get("name"):
            task = {"title": f"Say hello to {contact['name']}", "status": "open", "contact": contact["id"]}
            records.create("task", task)
