"""What a Guildhall plugin written in Python is built on.

A plugin is a module whose functions are decorated with the extension points that they are: `before_write`, `validate`,
`computed_field`, `on_events`, `scheduled`, `job`, `action`, `view`, `http_route`, `on_enable`, `on_upgrade`,
`on_disable`, `channel_receive`, `channel_send`. It calls the host through the modules `records`, `kv`, `events`,
`jobs`, `http`, `secrets`, `actions`, `config`, `context`, `clock`, `random` and `log`.
"""

from .changes import Accept, Amend, Change, Outcome, Refuse, Verdict
from .fault import Fault
from .messages import ChannelRequest, Event, Received, RouteRequest, RouteResponse
from .points import (
    action,
    before_write,
    channel_receive,
    channel_send,
    computed_field,
    http_route,
    job,
    on_disable,
    on_enable,
    on_events,
    on_upgrade,
    scheduled,
    validate,
    view,
)
from .values import Money, Record

__all__ = [
    "Accept",
    "Amend",
    "Change",
    "ChannelRequest",
    "Event",
    "Fault",
    "Money",
    "Outcome",
    "Received",
    "Record",
    "Refuse",
    "RouteRequest",
    "RouteResponse",
    "Verdict",
    "action",
    "before_write",
    "channel_receive",
    "channel_send",
    "computed_field",
    "http_route",
    "job",
    "on_disable",
    "on_enable",
    "on_events",
    "on_upgrade",
    "scheduled",
    "validate",
    "view",
]
