"""Events, requests and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .values import to_json


@dataclass(frozen=True)
class Event:
    """An event, as CloudEvents 1.0 has it."""

    #: The same whenever it is shown.
    id: str
    #: `contact.created`.
    type: str
    #: When it happened, in RFC 3339.
    time: str
    #: What it is about, `contact/0192...`; empty when it is about no record.
    subject: str
    #: For a record `object`, `record`, `version`, `before` and `after`; for what a plugin published, `published`.
    data: Any


@dataclass(frozen=True)
class RouteRequest:
    """A request to a route."""

    #: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    method: str
    #: Path below the plugin's own, beginning with `/`.
    path: str
    #: The query string, as it came.
    query: str
    #: Headers, names in lower case.
    headers: list[tuple[str, str]]
    #: The body.
    body: bytes


@dataclass(frozen=True)
class RouteResponse:
    """The answer to it."""

    #: 200 to 599.
    status: int
    #: The body.
    body: bytes = b""
    #: `content-type`, `cache-control`, `etag`, `location`, and names that begin with `x-`.
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, body: Any) -> "RouteResponse":
        """An answer of JSON."""
        return cls(status, to_json(body).encode(), {"content-type": "application/json"})


@dataclass(frozen=True)
class ChannelRequest:
    """A request of a messaging platform."""

    #: `GET` or `POST`.
    method: str
    #: The query string, as it came.
    query: str
    #: Headers, names in lower case.
    headers: list[tuple[str, str]]
    #: The body, byte for byte: signatures are made over it.
    body: bytes


@dataclass(frozen=True)
class Received:
    """What the platform is answered, and what its request says."""

    #: 200 to 599.
    status: int
    #: The content type.
    content_type: str
    #: The body.
    body: bytes
    #: What it says.
    messages: Sequence[Mapping[str, Any]]
