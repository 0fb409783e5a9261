"""The settings that the tenant gave this plugin."""

import json
from typing import Any

from ._host import interface

_config = interface("config")


def get() -> dict[str, Any]:
    """The settings, which the host has checked against the schema in the manifest."""
    settings: dict[str, Any] = json.loads(_config.get())
    return settings
