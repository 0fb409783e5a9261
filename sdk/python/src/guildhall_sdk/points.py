"""Where the host calls a plugin: decorators that say which function it calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from .changes import Change, Outcome, Verdict
from .messages import ChannelRequest, Event, Received, RouteRequest, RouteResponse
from .values import Record

_F = TypeVar("_F", bound=Callable[..., Any])

#: What plugins have registered: by extension point, and by name or step where it has several.
registered: dict[str, dict[str, Callable[..., Any]]] = {}


def _register(point: str, name: str, function: _F) -> _F:
    functions = registered.setdefault(point, {})
    if name in functions:
        other, what = functions[name], f"{point} {name}".strip()
        raise TypeError(f"{what} is registered twice: {other.__qualname__} and {function.__qualname__}")
    functions[name] = function
    return function


def before_write(
    function: Callable[[list[Change]], Sequence[Outcome]],
) -> Callable[[list[Change]], Sequence[Outcome]]:
    """Judges all changes of one command: one outcome for each, in the same order.

    A `Fault` that is raised refuses the whole command. The call may be repeated from the beginning; then nothing of
    the first run remains.
    """
    return _register("before-write", "", function)


def validate(function: Callable[[list[Change]], Sequence[Verdict]]) -> Callable[[list[Change]], Sequence[Verdict]]:
    """Judges changes as all hooks have left them, and changes nothing: one verdict for each, in the same order."""
    return _register("validate", "", function)


_Compute = Callable[[str, list[str], list[Record]], Sequence[Mapping[str, Any]]]


def computed_field(function: _Compute) -> _Compute:
    """Values of fields for each record of an object, in the same order. A field that is left out keeps its value."""
    return _register("computed-field", "", function)


def on_events(function: Callable[[list[Event]], None]) -> Callable[[list[Event]], None]:
    """Handles events. A retryable `Fault` has them shown again later; another one sets them aside, in the end."""
    return _register("on-events", "", function)


def http_route(function: Callable[[RouteRequest], RouteResponse]) -> Callable[[RouteRequest], RouteResponse]:
    """Answers requests. What it wrote is committed before the answer goes out; a `Fault` is a problem document."""
    return _register("http-route", "", function)


def scheduled(name: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """Does the task of this name. It is given the time that it was due at, in RFC 3339."""
    return lambda function: _register("scheduled", name, function)


def job(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Does the job of this name, and returns what came of it. It may run again when it did not come to its end."""
    return lambda function: _register("job", name, function)


def action(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Does the action of this name. The input is valid by the schema in the manifest."""
    return lambda function: _register("action", name, function)


def view(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """The view of this name, as a tree of components. The input has `params`, and for a panel `object` and `id`."""
    return lambda function: _register("view", name, function)


def on_enable(function: Callable[[], None]) -> Callable[[], None]:
    """The tenant switches the plugin on. What is written commits with that; a `Fault` stops it."""
    return _register("lifecycle", "enable", function)


def on_upgrade(function: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """The plugin comes from another version to this one."""
    return _register("lifecycle", "upgrade", function)


def on_disable(function: Callable[[], None]) -> Callable[[], None]:
    """The tenant switches the plugin off."""
    return _register("lifecycle", "disable", function)


def channel_receive(function: Callable[[ChannelRequest], Received]) -> Callable[[ChannelRequest], Received]:
    """Checks and reads a request of a messaging platform. The host does not call it yet."""
    return _register("channel", "receive", function)


def channel_send(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Sends a message; returns at least `external_id`. The host does not call it yet."""
    return _register("channel", "send", function)
