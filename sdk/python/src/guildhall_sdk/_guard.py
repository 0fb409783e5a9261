"""What happens around what a plugin does in a call."""

import os
import random as chance
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from . import clock, log, random
from ._wire import failed
from .fault import Fault

_T = TypeVar("_T")


def use_host() -> None:
    """The component's own clock ends the call, and its chance is always the same: both are the host's instead."""
    time.time = lambda: clock.now().timestamp()
    os.urandom = random.bytes
    # What follows a seed would be the same in each call; `SystemRandom` asks each time, and only then.
    setattr(chance, "_urandom", random.bytes)
    system = chance.SystemRandom()
    for name in chance.__all__:
        if callable(method := getattr(system, name, None)):
            setattr(chance, name, method)


def guard(name: str, run: Callable[..., _T], *given: Any) -> _T:
    """Runs what the plugin does in a call.

    A `Fault` crosses the border as the plugin's answer. Anything else that is raised is a crash: the host would see
    nothing of it, so its message and place go to the log first.
    """
    try:
        answer = run(*given)
        if hasattr(answer, "__await__"):
            raise TypeError(f"{name} answered a coroutine: nothing waits for it, and the host's calls need no await")
        return answer
    except Fault as fault:
        raise failed(fault) from None
    except BaseException as error:
        log.error(f"{name} raised {type(error).__name__}: {error}", place=_place(error.__traceback__))
        raise


def _place(traceback: TracebackType | None) -> str:
    # Not with `traceback`: it would look for the source, and there are no files.
    lines = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        lines.append(f"{code.co_filename}:{traceback.tb_lineno} in {code.co_qualname}")
        traceback = traceback.tb_next
    return "\n".join(lines)
