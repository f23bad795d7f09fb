"""Heads: how large a picture is, by the few bytes that say so. Nothing is decoded.

What gateways answer and link to is only looked at, in the bot's own process: a library that reads a
head goes through as many parts as somebody has put there.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import BinaryIO

from bot.media.bounds import SEGMENTS

Size = tuple[int, int]

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # markers that tell a JPEG's size
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_SCAN, _END, _PADDING = 0xDA, 0xD9, 0xFF


def size(file: BinaryIO, mime: str) -> Size | None:
    """Read width and height, in pixels as stored; None where the head is broken.

    Raises KeyError for a type that is not in `KNOWN`. Blocks.
    """
    found = _READERS[mime](file)
    return found if found and all(found) else None


def _png(file: BinaryIO) -> Size | None:
    """https://www.w3.org/TR/png-3/#11IHDR."""
    file.seek(8)
    head = file.read(25)
    if head[:8] != b"\0\0\0\rIHDR" or zlib.crc32(head[4:21]) != int.from_bytes(head[21:], "big"):
        return None
    return int.from_bytes(head[8:12], "big"), int.from_bytes(head[12:16], "big")


def _gif(file: BinaryIO) -> Size | None:
    file.seek(6)
    screen = file.read(4)
    return int.from_bytes(screen[:2], "little"), int.from_bytes(screen[2:], "little")


def _webp(file: BinaryIO) -> Size | None:
    """https://developers.google.com/speed/webp/docs/riff_container and RFC 6386, 9.1."""
    file.seek(12)
    head = file.read(18)
    match head[:4]:
        case b"VP8X":
            width, height = head[12:15], head[15:18]
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
        case b"VP8L" if head[8:9] == b"\x2f":
            bits = int.from_bytes(head[9:13], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if head[11:14] == b"\x9d\x01\x2a":
            sides = int.from_bytes(head[14:18], "little")
            return sides & 0x3FFF, sides >> 16 & 0x3FFF
    return None


def _jpeg(file: BinaryIO) -> Size | None:
    """Go from marker to marker: ITU-T T.81, B.1.1. A frame's own holds the size."""
    at = 2
    for _ in range(SEGMENTS):
        file.seek(at)
        head = file.read(9)
        if len(head) < 9 or head[0] != _PADDING or head[1] in {_SCAN, _END}:  # noqa: PLR2004 - a frame's
            return None
        if head[1] in _FRAMES:
            return int.from_bytes(head[7:9], "big"), int.from_bytes(head[5:7], "big")
        if head[1] == _PADDING:
            at += 1
        elif head[1] in _WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(head[2:4], "big")
    return None


_READERS: dict[str, Callable[[BinaryIO], Size | None]] = {
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/jpeg": _jpeg,
}
KNOWN = frozenset(_READERS)
