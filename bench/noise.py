"""Pictures of the bench: noise of a given size, no two alike, known bit for bit."""

from __future__ import annotations

import functools
import io
import math
import random

import pybase64
from PIL import Image

from sandbox.gateway.noise import noisy

_JPEG_QUALITY, _JPEG_BYTES = 95, 1.177  # of noise, a pixel
_JPEG_END, _NAME_BYTES = b"\xff\xd9", 20


def base64_of(size: int, name: str) -> tuple[bytes, ...]:
    """Give a picture's base64 in pieces; the large one is the same for all names.

    A semicolon ends the name: the checksum behind it may begin with a digit.
    """
    return noisy(size, f"{name};").base64


def bytes_of(size: int, name: str) -> tuple[bytes, bytes]:
    """Give a picture's bytes in two pieces; the large one is the same for all names."""
    start, rest = base64_of(size, name)
    return pybase64.b64decode(start), _decoded(rest)


def photo_of(size: int, name: str) -> tuple[bytes, bytes]:
    """Give a photo of about that size in two pieces, as Telegram hands one out: it says nothing.

    No two are alike: what is drawn last is the name.
    """
    return _photo(size), name.encode() + _JPEG_END


def side(size: int) -> int:
    return max(1, math.isqrt(size // 3))


@functools.lru_cache(maxsize=4)
def _photo(size: int) -> bytes:
    length = math.isqrt(round(size / _JPEG_BYTES))
    pixels = random.Random(size).randbytes(length * length * 3)  # noqa: S311 - noise, not a secret
    file = io.BytesIO()
    Image.frombytes("RGB", (length, length), pixels).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()[: -_NAME_BYTES - len(_JPEG_END)]


@functools.lru_cache(maxsize=4)
def _decoded(rest: bytes) -> bytes:
    return pybase64.b64decode(rest)
