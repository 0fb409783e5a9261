"""Lines for the plugin's log, which the host keeps per tenant: a sentence, and facts for programs."""

from typing import Any

from ._host import interface

_log = interface("log")


def debug(message: str, **facts: Any) -> None:
    """Writes a line that only helps while a fault is being looked for."""
    _write("debug", message, facts)


def info(message: str, **facts: Any) -> None:
    """Writes a line about something that went as it should."""
    _write("info", message, facts)


def warn(message: str, **facts: Any) -> None:
    """Writes a line about something that somebody may want to look at."""
    _write("warn", message, facts)


def error(message: str, **facts: Any) -> None:
    """Writes a line about something that failed."""
    _write("error", message, facts)


def _write(level: str, message: str, facts: dict[str, Any]) -> None:
    _log.write(level, message, [(name, str(value)) for name, value in facts.items()])
