"""Work that goes on after the call, done by the plugin's `@job`."""

from datetime import timedelta
from typing import Any

from ._host import asking, interface
from .values import to_json

_queue = interface("queue")


def enqueue(name: str, input: Any = None, *, delay: timedelta = timedelta()) -> str:
    """Has the job of this name run, not before the delay is over. It is queued with the commit of the call.

    Returns the id of the job.
    """
    with asking():
        return str(_queue.enqueue(name, to_json(input), delay // timedelta(milliseconds=1)))
