"""Pictures of the bench: noise of a given size, no two alike, known bit for bit."""

from __future__ import annotations

import functools
import math

import pybase64

from sandbox.gateway.noise import noisy


def base64_of(size: int, name: str) -> tuple[bytes, ...]:
    """Give a picture's base64 in pieces; the large one is the same for all names.

    A semicolon ends the name: the checksum behind it may begin with a digit.
    """
    return noisy(size, f"{name};").base64


def bytes_of(size: int, name: str) -> tuple[bytes, bytes]:
    """Give a picture's bytes in two pieces; the large one is the same for all names."""
    start, rest = base64_of(size, name)
    return pybase64.b64decode(start), _decoded(rest)


def side(size: int) -> int:
    return max(1, math.isqrt(size // 3))


@functools.lru_cache(maxsize=4)
def _decoded(rest: bytes) -> bytes:
    return pybase64.b64decode(rest)
