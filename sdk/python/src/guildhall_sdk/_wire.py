"""How outcomes and faults cross the border."""

import json
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports.types import Fault as WireFault

from .changes import Accept, Amend, Change, Outcome, Refuse
from .fault import Fault
from .values import Record, to_json


def failed(fault: Fault) -> Exception:
    """The failure of a call."""
    details = to_json(fault.details) if fault.details else None
    error: Exception = Err(WireFault(fault.code, fault.message, fault.retryable, details))
    return error


def change(wire: Any) -> Change:
    """A change, from what crosses the border."""
    before = None if wire.before is None else Record(json.loads(wire.before))
    after = None if wire.after is None else Record(json.loads(wire.after))
    return Change(wire.operation, wire.object, wire.id, before, after)


def outcome(outcome: Outcome) -> Any:
    """What becomes of a change, for the border."""
    match outcome:
        case Accept():
            return Ok(None)
        case Amend(fields):
            return Ok(to_json(fields))
        case Refuse(fault):
            return failed(fault)
    raise TypeError(f"{outcome!r} is neither Accept, Amend nor Refuse")
