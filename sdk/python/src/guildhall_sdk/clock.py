"""The time of the host: a plugin has no other."""

from datetime import datetime

from ._host import interface

_clock = interface("clock")


def now() -> datetime:
    """When the call happens, in UTC: the same for the whole call."""
    return datetime.fromisoformat(_clock.now())
