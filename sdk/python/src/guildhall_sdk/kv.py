"""Values under keys, for what is no record: positions, tokens, small tables.

Writes commit with the call, and a read sees them. A key has at most 256 bytes, a value 64 kB.
"""

import json
from typing import Any

from ._host import asking, interface
from .values import to_json

_store = interface("store")


def get(key: str) -> bytes | None:
    """The value under a key, if there is one."""
    with asking():
        found = _store.get(key)
    return None if found is None else bytes(found)


def set(key: str, value: bytes) -> None:
    """Puts a value under a key."""
    with asking():
        _store.set(key, value)


def delete(key: str) -> None:
    """Removes a key; one that is not there is no fault."""
    with asking():
        _store.delete(key)


def keys(prefix: str = "", after: str = "", limit: int = 1_000) -> list[str]:
    """The keys that begin with a prefix and come after a key, in the order of their bytes, at most 1,000."""
    with asking():
        return list(_store.keys(prefix, after, limit))


def get_json(key: str, default: Any = None) -> Any:
    """The value under a key, kept as JSON."""
    found = get(key)
    return default if found is None else json.loads(found)


def set_json(key: str, value: Any) -> None:
    """Puts a value under a key as JSON."""
    set(key, to_json(value).encode())
