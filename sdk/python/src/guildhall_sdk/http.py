"""Requests to other servers, where a call may make them: not in hooks that run before a commit.

Only to hosts that the manifest names, over https.
"""

import json as _json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._host import asking, interface

_client = interface("client")


@dataclass(frozen=True)
class Response:
    """An answer."""

    #: The status.
    status: int
    #: Headers, names in lower case.
    headers: list[tuple[str, str]]
    #: The body, at most 1 MiB.
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for other, value in self.headers if other == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return _json.loads(self.body)


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes
    timeout_ms: int


def send(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_ms: int = 0
) -> Response:
    """Sends a request, and waits for the answer, 5 seconds at most.

    `{{secret:NAME}}` in the value of a header is replaced by the secret, which the plugin never sees.
    """
    request = _Request(method, url, list((headers or {}).items()), body, timeout_ms)
    with asking():
        answer = _client.send(request)
    return Response(answer.status, list(answer.headers), bytes(answer.body))


def get(url: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Asks for something."""
    return send("GET", url, headers=headers)
