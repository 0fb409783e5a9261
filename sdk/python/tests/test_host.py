from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from guildhall_sdk import Fault, actions, clock, config, context, events, filter, http, jobs, kv, records, secrets
from guildhall_sdk.testing import replace_host


def test_there_is_no_host_outside_of_a_component() -> None:
    with pytest.raises(Fault, match="no_host: records.get works inside the host only."):
        records.get("contact", "1")


def test_records_travel_as_json() -> None:
    asked: list[Any] = []
    condition = filter.any_met(
        filter.all_met(filter.eq("contact", "c1"), filter.lt("points", 5)),
        filter.not_met(filter.any_of("kind", ["earn", "adjust"])),
    )
    host = {
        "get": lambda object, id: None,
        "query": lambda *given: asked.append(given) or ['{"id": "7"}'],
        "create": lambda object, fields: fields,
    }
    with replace_host(records=host):
        assert records.query("member", condition, sort=["-at"], limit=1) == [{"id": "7"}]
        assert records.get("member", "8") is None
        assert records.create("member", {"name": "Ann"}) == {"name": "Ann"}
    tree = (
        '{"_or": [{"_and": [{"contact": {"_eq": "c1"}}, {"points": {"_lt": 5}}]},'
        ' {"_not": {"kind": {"_in": ["earn", "adjust"]}}}]}'
    )
    assert asked == [("member", f'{{"filter": {tree}, "sort": ["-at"], "limit": 1}}')]


def test_what_a_host_call_fails_with_is_a_fault() -> None:
    class Err(Exception):
        value = SimpleNamespace(code="conflict", message="Again.", retryable=True, details='{"id": "7"}')

    def fail(*given: Any) -> None:
        raise Err

    with replace_host(records={"delete": fail}), pytest.raises(Fault) as raised:
        records.delete("member", "7")
    fault = raised.value
    assert (fault.code, fault.message, fault.retryable, fault.details) == ("conflict", "Again.", True, {"id": "7"})
    with replace_host(records={"delete": lambda: None}), pytest.raises(TypeError):
        records.delete("member", "7")


def test_values_under_keys_are_bytes_or_json() -> None:
    kept: dict[str, bytes] = {}
    with replace_host(store={"get": kept.get, "set": kept.__setitem__}):
        assert kv.get_json("count", 0) == 0
        kv.set_json("count", {"n": 1})
        assert kv.get_json("count") == {"n": 1}


def test_requests_events_jobs_and_the_rest() -> None:
    sent: list[Any] = []
    answer = SimpleNamespace(status=200, headers=[("etag", "1")], body=b'{"rate": "1.5"}')
    known = (
        '{"tenant": "t", "plugin": "p", "version": "1.0.0", "extension_point": "action", "invocation": "i",'
        ' "actor": {"kind": "user", "id": "u"}, "timezone": "UTC", "dry_run": false, "later": 1}'
    )
    with replace_host(
        client={"send": lambda request: sent.append(request) or answer},
        publish={"publish": lambda *given: sent.append(given)},
        queue={"enqueue": lambda *given: sent.append(given) or "id"},
        call={"run": lambda *given: '{"done": true}'},
        handle={"is_set": lambda name: True, "sign": lambda *given: b"1"},
        config={"get": lambda: '{"greeting": "hello"}'},
        clock={"now": lambda: "2026-11-21T09:30:00.123456Z"},
        context={"get": lambda: known},
    ):
        response = http.get("https://api.example.com/rate", headers={"accept": "text/plain"})
        assert (response.header("ETag"), response.json()) == ("1", {"rate": "1.5"})
        events.publish("acme.valuation.done", {"value": 1}, subject="deal/7")
        assert jobs.enqueue("sync", delay=timedelta(seconds=1)) == "id"
        assert actions.call("acme.base", "settle") == {"done": True}
        assert secrets.is_set("KEY") and secrets.sign("KEY", "hmac-sha256", b"") == b"1"
        assert config.get() == {"greeting": "hello"}
        assert clock.now() == datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
        assert context.get().actor.kind == "user"
    request, event, job = sent
    assert (request.method, request.headers, request.timeout_ms) == ("GET", [("accept", "text/plain")], 0)
    assert event == ("acme.valuation.done", "deal/7", '{"value": 1}')
    assert job == ("sync", "null", 1000)
