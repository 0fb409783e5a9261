"""Randomness of the host: a plugin has no other."""

import builtins

from ._host import interface

_random = interface("random")


def bytes(length: int) -> builtins.bytes:
    """So many random bytes, at most 4,096."""
    return builtins.bytes(_random.bytes(length))
