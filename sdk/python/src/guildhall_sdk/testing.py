"""For the unit tests of a plugin: a host of your own in the place of the real one."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, Iterator

from . import _host


@contextmanager
def replace_host(**interfaces: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """Puts functions in the place of the host's: `replace_host(records={"get": lambda object, id: None})`.

    Interfaces have the last part of their names in `wit/`, functions their names there, with underscores, and what
    they take and answer is as it crosses the border: records are JSON.
    """
    before = _host._replaced
    _host._replaced = interfaces
    try:
        yield
    finally:
        _host._replaced = before
