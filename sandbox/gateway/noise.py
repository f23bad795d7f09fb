"""Noise: pictures of a given size in bytes, no two alike, made without drawing; for benches."""

from __future__ import annotations

import base64
import functools
import io
import math
import random
import struct
import zlib

from PIL import Image

from sandbox.gateway.pictures import Picture

_HEADER = 33


def noisy(size: int, name: str) -> Picture:
    """Make a PNG of about `size` bytes that does not compress; `name` makes its bytes unique.

    The noise is kept from call to call: only the name's chunk, behind the header, is new.
    """
    start, rest = _noise(size)
    # Base64 can be joined where a piece is a multiple of three bytes long: 33 bytes of header,
    # then 12 + 3n of the name's chunk.
    text = b"Comment\0" + name.encode("ascii", "replace")
    text += b" " * (-len(text) % 3)
    chunk = b"tEXt" + text
    whole = start + struct.pack(">I", len(text)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return Picture("image/png", (base64.b64encode(whole), rest))


@functools.lru_cache(maxsize=4)
def _noise(size: int) -> tuple[bytes, bytes]:
    side = max(1, math.isqrt(size // 3))
    image = Image.frombytes("RGB", (side, side), random.Random(size).randbytes(side * side * 3))  # noqa: S311 - noise, not a secret
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=0)
    data = file.getvalue()
    return data[:_HEADER], base64.b64encode(data[_HEADER:])
