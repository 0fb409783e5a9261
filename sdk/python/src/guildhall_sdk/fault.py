"""A failure that is told to the caller."""

from collections.abc import Mapping
from typing import Any


class Fault(Exception):
    """A failure with a stable code for programs and one sentence for people.

    The host's calls raise it, and a plugin refuses with it.
    """

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        #: Lower snake case, stable: `credit_exceeded`.
        self.code = code
        #: One sentence for a person.
        self.message = message
        #: Whether the same call may succeed when it is made again.
        self.retryable = retryable
        #: Further facts; empty when there are none.
        self.details: dict[str, Any] = dict(details or {})

    @classmethod
    def invalid(cls, message: str, **details: Any) -> "Fault":
        """What the caller sent is not acceptable: `validation_failed`."""
        return cls("validation_failed", message, details=details)

    @classmethod
    def internal(cls, message: str) -> "Fault":
        """The plugin cannot go on, and it is not the caller's doing: `plugin_error`."""
        return cls("plugin_error", message)
