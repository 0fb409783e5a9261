"""Actions of other modules of the same tenant, which the manifest names and requires."""

import json
from typing import Any

from ._host import asking, interface
from .values import to_json

_call = interface("call")


def call(plugin: str, name: str, input: Any = None) -> Any:
    """Runs an action that another plugin exports, inside the same unit of work, with the rights of that plugin."""
    with asking():
        return json.loads(_call.run(plugin, name, to_json(input)))
