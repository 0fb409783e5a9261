"""The world of a plugin: what it exports, and what of the host it calls."""

from collections.abc import Iterable

#: Extension points: the interface, and the class of `_exports` for it.
POINTS = {
    "before-write": ("guildhall:hooks/before-write@1.1.0", "BeforeWrite"),
    "validate": ("guildhall:hooks/validate@1.1.0", "Validate"),
    "computed-field": ("guildhall:hooks/computed-field@1.1.0", "ComputedField"),
    "on-events": ("guildhall:hooks/on-events@1.1.0", "OnEvents"),
    "scheduled": ("guildhall:hooks/scheduled@1.1.0", "Scheduled"),
    "http-route": ("guildhall:hooks/http-route@1.1.0", "HttpRoute"),
    "lifecycle": ("guildhall:hooks/lifecycle@1.1.0", "Lifecycle"),
    "job": ("guildhall:jobs/handler@1.1.0", "Handler"),
    "action": ("guildhall:actions/action@1.1.0", "Action"),
    "view": ("guildhall:views/view@1.1.0", "View"),
    "channel": ("guildhall:channel/channel@1.1.0", "Channel"),
}

#: Modules of the SDK that call the host, and the interface that they call.
IMPORTS = {
    "log": "guildhall:core/log@1.1.0",
    "clock": "guildhall:core/clock@1.1.0",
    "random": "guildhall:core/random@1.1.0",
    "config": "guildhall:core/config@1.1.0",
    "context": "guildhall:core/context@1.1.0",
    "records": "guildhall:data/records@1.1.0",
    "kv": "guildhall:kv/store@1.1.0",
    "http": "guildhall:http/client@1.1.0",
    "events": "guildhall:events/publish@1.1.0",
    "jobs": "guildhall:jobs/queue@1.1.0",
    "secrets": "guildhall:secrets/handle@1.1.0",
    "actions": "guildhall:actions/call@1.1.0",
}

#: Those that every component calls: to tell of a crash, and in the place of Python's own clock and chance.
ALWAYS = ("log", "clock", "random")


def world(points: Iterable[str], modules: Iterable[str]) -> str:
    """The world in WIT."""
    lines = [f"  import {IMPORTS[module]};" for module in modules]
    lines += [f"  export {POINTS[point][0]};" for point in points]
    return "package vendor:plugin;\n\nworld plugin {\n" + "\n".join(lines) + "\n}\n"


def application(plugin: str, points: Iterable[str]) -> str:
    """The module that the component begins with."""
    classes = ", ".join(POINTS[point][1] for point in points)
    return f"from guildhall_sdk._exports import {classes}\nimport {plugin}\n"
