"""What a component has besides the SDK, for tests that have none."""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass
class Ok:
    value: Any


@dataclass(frozen=True)
class Err(Exception):
    value: Any


@dataclass
class WireFault:
    code: str
    message: str
    retryable: bool
    details: str | None


results = ModuleType("componentize_py_types")
results.Ok, results.Err = Ok, Err  # type: ignore[attr-defined]
types = ModuleType("wit_world.imports.types")
types.Fault = WireFault  # type: ignore[attr-defined]
sys.modules |= {
    "componentize_py_types": results,
    "wit_world": ModuleType("wit_world"),
    "wit_world.imports": ModuleType("wit_world.imports"),
    "wit_world.imports.types": types,
}
sys.modules["wit_world"].__path__ = []
sys.modules["wit_world.imports"].__path__ = []
