"""Secrets that the plugin uses without seeing them: in headers as `{{secret:NAME}}`, or to sign with."""

from typing import Literal

from ._host import asking, interface

#: A keyed hash.
Algorithm = Literal["hmac-sha256", "hmac-sha1"]

_handle = interface("handle")


def is_set(name: str) -> bool:
    """Whether the tenant has set the secret."""
    with asking():
        return bool(_handle.is_set(name))


def sign(name: str, algorithm: Algorithm, data: bytes) -> bytes:
    """The keyed hash of the data, with the secret as the key."""
    with asking():
        return bytes(_handle.sign(name, algorithm, data))


def verify(name: str, algorithm: Algorithm, data: bytes, signature: bytes) -> bool:
    """Whether the data has that hash, compared in constant time."""
    with asking():
        return bool(_handle.verify(name, algorithm, data, signature))
