"""Who and what the call is about."""

import json
from dataclasses import dataclass

from ._host import interface

_context = interface("context")


@dataclass(frozen=True)
class Actor:
    """Who acts."""

    #: `user`, `key` or `plugin`.
    kind: str
    #: Its id.
    id: str


@dataclass(frozen=True)
class Context:
    """What is known of the call."""

    #: Id of the tenant.
    tenant: str
    #: Id of the plugin.
    plugin: str
    #: Its version.
    version: str
    #: Where the host calls it, `before-write`.
    extension_point: str
    #: Id of this call.
    invocation: str
    #: Whose rights bound those of the plugin.
    actor: Actor
    #: Timezone of the tenant, `Europe/Berlin`.
    timezone: str
    #: Whether what is written is thrown away.
    dry_run: bool


def get() -> Context:
    """The context of this call."""
    known = json.loads(_context.get())
    actor = Actor(known["actor"]["kind"], known["actor"]["id"])
    return Context(
        known["tenant"],
        known["plugin"],
        known["version"],
        known["extension_point"],
        known["invocation"],
        actor,
        known["timezone"],
        known["dry_run"],
    )
