"""Changes that are about to be committed, and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .fault import Fault
from .values import Record


@dataclass(frozen=True)
class Change:
    """One change that is about to be committed."""

    #: What is done to the record.
    operation: Literal["create", "update", "delete"]
    #: Name of the object, `order`.
    object: str
    #: Id of the record.
    id: str
    #: The record as it is stored; none for a create.
    before: Record | None
    #: The record as it would be stored; none for a delete.
    after: Record | None


@dataclass(frozen=True)
class Accept:
    """The change passes as it is."""


@dataclass(frozen=True)
class Amend:
    """The change passes with these fields set."""

    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Refuse:
    """The change does not pass."""

    fault: Fault


#: What becomes of a change.
Outcome = Accept | Amend | Refuse
#: What is thought of a change.
Verdict = Accept | Refuse
