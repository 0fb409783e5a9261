"""Records of the tenant, read and written inside the unit of work of the call.

All writes commit together with the change that caused the call, or not at all. What may be read and written stands in
the manifest; anything else is a `Fault` with the code `permission_denied`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ._host import asking, interface
from .filter import Filter
from .values import Record, to_json

_records = interface("records")


def get(object: str, id: str) -> Record | None:
    """The record with this id, if there is one."""
    with asking():
        found = _records.get(object, id)
    return None if found is None else Record(json.loads(found))


def query(
    object: str,
    filter: Filter | None = None,
    *,
    sort: Sequence[str] = (),
    limit: int | None = None,
    as_caller: bool = False,
) -> list[Record]:
    """The records that meet the condition, sorted by fields (descending with `-` in front), 50 or up to 500.

    With `as_caller`, as far as who asks may see it, on the plugin's own objects, too; without it, the manifest alone
    counts there.
    """
    asked: dict[str, Any] = {}
    if filter is not None:
        asked["filter"] = filter
    if sort:
        asked["sort"] = list(sort)
    if limit is not None:
        asked["limit"] = limit
    if as_caller:
        asked["as_caller"] = True
    with asking():
        found = _records.query(object, to_json(asked))
    return [Record(json.loads(record)) for record in found]


def create(object: str, fields: Mapping[str, Any]) -> Record:
    """Adds a record and returns it as it will be stored."""
    with asking():
        return Record(json.loads(_records.create(object, to_json(fields))))


def update(object: str, id: str, fields: Mapping[str, Any]) -> Record:
    """Changes the given fields of a record and returns it as it will be stored."""
    with asking():
        return Record(json.loads(_records.update(object, id, to_json(fields))))


def delete(object: str, id: str) -> None:
    """Deletes a record."""
    with asking():
        _records.delete(object, id)


def aggregate(object: str, question: Mapping[str, Any]) -> Any:
    """Figures over the records that a filter finds: the question and the answer of `POST /records/{object}/aggregate`.

    It sees what is stored, not what this call has staged.
    """
    with asking():
        return json.loads(_records.aggregate(object, to_json(question)))
