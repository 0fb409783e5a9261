"""Events of the plugin's own, beside those of records."""

from typing import Any

from ._host import asking, interface
from .values import to_json

_publish = interface("publish")


def publish(type: str, data: Any, *, subject: str = "") -> None:
    """Publishes an event of this type, which begins with the plugin's namespace or id: `valuation.deal.done`.

    The subject names a record that the plugin may read, `contact/0192...`, or is empty. It is committed with the call.
    """
    with asking():
        _publish.publish(type, subject, to_json(data))
