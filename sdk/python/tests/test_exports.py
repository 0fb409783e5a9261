import importlib
import os
import random
import time
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import guildhall_sdk as sdk
from guildhall_sdk import Accept, Amend, Fault, Refuse, points
from guildhall_sdk.testing import replace_host

CHANGE = SimpleNamespace(operation="update", object="contact", id="7", before='{"name": "A"}', after='{"name": " A "}')


@pytest.fixture(autouse=True)
def exports() -> Iterator[Any]:
    """The exports, with nothing registered, and Python's own clock and chance back afterwards."""
    now, chance = time.time, os.urandom
    importlib.reload(random)
    from guildhall_sdk import _exports

    points.registered.clear()
    yield _exports
    points.registered.clear()
    time.time, os.urandom = now, chance
    importlib.reload(random)


def test_outcomes_cross_the_border(exports: Any) -> None:
    seen = []

    @sdk.before_write
    def hook(changes: list[sdk.Change]) -> list[sdk.Outcome]:
        seen.extend(changes)
        return [Accept(), Amend({"rate": Decimal("1.5")}), Refuse(Fault.invalid("No."))]

    accepted, amended, refused = exports.BeforeWrite().run([CHANGE, CHANGE, CHANGE])
    assert (accepted.value, amended.value) == (None, '{"rate": "1.5"}')
    assert vars(refused.value) == {"code": "validation_failed", "message": "No.", "retryable": False, "details": None}
    assert (seen[0].before, seen[0].after) == ({"name": "A"}, {"name": " A "})


def test_verdicts_values_and_events(exports: Any) -> None:
    sdk.validate(lambda changes: [Accept(), Refuse(Fault("no", "No."))])
    assert [type(one).__name__ for one in exports.Validate().run([CHANGE, CHANGE])] == ["Ok", "Err"]
    sdk.computed_field(lambda object, fields, records: [{fields[0]: f"{object} {records[0]['points']}"}])
    assert exports.ComputedField().compute("member", ["label"], ['{"points": 3}']) == ['{"label": "member 3"}']
    types: list[str] = []
    sdk.on_events(lambda events: types.extend(event.type for event in events))
    exports.OnEvents().run(['{"id": "1", "type": "contact.created"}'])
    assert types == ["contact.created"]


def test_functions_are_found_by_their_names(exports: Any) -> None:
    sdk.action("double")(lambda input: {"n": input["n"] * 2})
    sdk.job("sync")(lambda input: None)
    sdk.view("points")(lambda input: {"type": "text", "text": input["id"]})
    due: list[str] = []
    sdk.scheduled("nightly")(due.append)
    assert exports.Action().run("double", '{"n": 2}') == '{"n": 4}'
    assert exports.Handler().run("sync", "null") == "null"
    assert exports.View().render("points", '{"id": "7"}') == '{"type": "text", "text": "7"}'
    exports.Scheduled().run("nightly", "2026-01-01T00:00:00Z")
    assert due == ["2026-01-01T00:00:00Z"]
    with pytest.raises(Exception) as raised:
        exports.Action().run("treble", "{}")
    assert raised.value.value.message == "The plugin has no action treble."
    with pytest.raises(TypeError, match="action double is registered twice"):
        sdk.action("double")(lambda input: None)


def test_routes_channels_and_the_lifecycle(exports: Any) -> None:
    sdk.http_route(lambda request: sdk.RouteResponse.json(200, {"path": request.path}))
    request = SimpleNamespace(method="GET", path="/a", query="", headers=[], body=b"")
    answer = exports.HttpRoute().handle(request)
    assert (answer.status, answer.headers) == (200, [("content-type", "application/json")])
    assert answer.body == b'{"path": "/a"}'
    sdk.channel_receive(lambda request: sdk.Received(200, "text/plain", b"ok", [{"text": "hi"}]))
    sdk.channel_send(lambda message: {"external_id": "1"})
    reply, messages = exports.Channel().receive(request)
    assert (reply.content_type, reply.body, messages) == ("text/plain", b"ok", ['{"text": "hi"}'])
    assert exports.Channel().send("{}") == '{"external_id": "1"}'
    steps: list[str] = []
    sdk.on_upgrade(lambda before, after: steps.extend([before, after]))
    exports.Lifecycle().enable()
    exports.Lifecycle().upgrade("1.0.0", "1.1.0")
    exports.Lifecycle().disable()
    assert steps == ["1.0.0", "1.1.0"]


def test_a_fault_is_an_answer_and_anything_else_a_crash_with_a_line_in_the_log(exports: Any) -> None:
    lines: list[Any] = []

    @sdk.action("fail")
    def fail(input: Any) -> None:
        raise Fault("oops", "Oops.", retryable=True, details={"a": 1})

    @sdk.action("crash")
    def crash(input: Any) -> None:
        raise KeyError("x")

    @sdk.action("wait")
    async def wait(input: Any) -> None:
        pass

    with replace_host(log={"write": lambda *line: lines.append(line)}):
        with pytest.raises(Exception) as raised:
            exports.Action().run("fail", "{}")
        wire = {"code": "oops", "message": "Oops.", "retryable": True, "details": '{"a": 1}'}
        assert vars(raised.value.value) == wire and lines == []
        with pytest.raises(KeyError):
            exports.Action().run("crash", "{}")
        with pytest.raises(TypeError, match="answered a coroutine"):
            exports.Action().run("wait", "{}")
    (level, message, facts), _ = lines
    assert (level, message) == ("error", "action crash raised KeyError: 'x'")
    assert facts[0][0] == "place" and facts[0][1].endswith("crash")


def test_clock_and_chance_are_the_hosts(exports: Any) -> None:
    from guildhall_sdk._guard import use_host

    use_host()
    sdk.action("ask")(lambda input: [time.time(), random.random(), random.choice("ab"), list(os.urandom(2))])
    with replace_host(clock={"now": lambda: "1970-01-01T00:00:01Z"}, random={"bytes": lambda length: b"\x07" * length}):
        first, second = exports.Action().run("ask", "{}"), exports.Action().run("ask", "{}")
    assert first == second == '[1.0, 0.027450980392156765, "a", [7, 7]]'
