"""Greets whom it is asked to greet."""

from typing import Any

from guildhall_sdk import action


@action("greet")
def greet(asked: dict[str, Any]) -> dict[str, Any]:
    return {"greeting": f"Hello, {asked['name']}!"}
