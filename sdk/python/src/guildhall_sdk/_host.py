"""The host: the interfaces of the component, or, outside of one, what a test puts in their place."""

import importlib
import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, Iterator

from .fault import Fault

_replaced: dict[str, dict[str, Callable[..., Any]]] = {}


class _Outside:
    """An interface where there is no host."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, member: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            function = _replaced.get(self._name, {}).get(member)
            if function is None:
                raise Fault("no_host", f"{self._name}.{member} works inside the host only.")
            return function(*given)

        return call


def interface(name: str) -> Any:
    """An interface of the host by the last part of its name in `wit/`."""
    try:
        return importlib.import_module(f"wit_world.imports.{name}")
    except ModuleNotFoundError:
        return _Outside(name)


@contextmanager
def asking() -> Iterator[None]:
    """What a host call fails with is raised as a `Fault`."""
    try:
        yield
    except Exception as error:
        failure = getattr(error, "value", None)
        if isinstance(error, Fault) or not hasattr(failure, "retryable"):
            raise
        assert failure is not None
        details = json.loads(failure.details) if failure.details else {}
        raise Fault(failure.code, failure.message, retryable=failure.retryable, details=details) from None
