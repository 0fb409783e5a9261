"""What a component exports, made of what the plugin has registered. The program that makes components uses it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._guard import guard, use_host
from ._wire import change, outcome
from .fault import Fault
from .messages import ChannelRequest, Event, RouteRequest
from .points import registered
from .values import Record, to_json

use_host()


def _named(point: str, name: str) -> Callable[..., Any]:
    found = registered.get(point, {}).get(name)
    if found is None:
        raise Fault.internal(f"The plugin has no {point} {name}.")
    return found


def _called(point: str, name: str, *given: Any) -> Any:
    return guard(f"{point} {name}".strip(), lambda: _named(point, name)(*given))


class BeforeWrite:
    def run(self, changes: list[Any]) -> list[Any]:
        return [outcome(one) for one in _called("before-write", "", [change(one) for one in changes])]


class Validate:
    def run(self, changes: list[Any]) -> list[Any]:
        return [outcome(one) for one in _called("validate", "", [change(one) for one in changes])]


class ComputedField:
    def compute(self, object: str, fields: list[str], records: list[str]) -> list[str]:
        shown = [Record(json.loads(record)) for record in records]
        return [to_json(computed) for computed in _called("computed-field", "", object, fields, shown)]


class OnEvents:
    def run(self, events: list[str]) -> None:
        _called("on-events", "", [_event(json.loads(event)) for event in events])


def _event(event: dict[str, Any]) -> Event:
    return Event(event["id"], event["type"], event.get("time", ""), event.get("subject", ""), event.get("data"))


class Scheduled:
    def run(self, name: str, due: str) -> None:
        _called("scheduled", name, due)


class Handler:
    def run(self, name: str, payload: str) -> str:
        return to_json(_called("job", name, json.loads(payload)))


class Action:
    def run(self, name: str, input: str) -> str:
        return to_json(_called("action", name, json.loads(input)))


class View:
    def render(self, name: str, input: str) -> str:
        return to_json(_called("view", name, json.loads(input)))


@dataclass(frozen=True)
class _Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class HttpRoute:
    def handle(self, request: Any) -> _Response:
        asked = RouteRequest(request.method, request.path, request.query, request.headers, bytes(request.body))
        answer = _called("http-route", "", asked)
        return _Response(answer.status, list(answer.headers.items()), answer.body)


class Lifecycle:
    def enable(self) -> None:
        self._step("enable")

    def upgrade(self, from_version: str, to_version: str) -> None:
        self._step("upgrade", from_version, to_version)

    def disable(self) -> None:
        self._step("disable")

    def _step(self, name: str, *given: str) -> None:
        if name in registered["lifecycle"]:
            _called("lifecycle", name, *given)


@dataclass(frozen=True)
class _Reply:
    status: int
    content_type: str
    body: bytes


class Channel:
    def receive(self, request: Any) -> tuple[_Reply, list[str]]:
        asked = ChannelRequest(request.method, request.query, request.headers, bytes(request.body))
        answer = _called("channel", "receive", asked)
        return _Reply(answer.status, answer.content_type, answer.body), [to_json(said) for said in answer.messages]

    def send(self, message: str) -> str:
        return to_json(_called("channel", "send", json.loads(message)))
