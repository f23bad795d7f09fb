"""Motion: whether a picture's file holds more than one frame, told by its head alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_CHUNKS = 64  # of a PNG are looked at: what says that it moves stands before its pixels
_VP8X_ANIMATED = 0x02


async def moves(path: Path, mime: str) -> bool:
    """Whether a WebP or PNG is animated, which Telegram's photos are not; no for all others."""
    return await asyncio.to_thread(_moves, path, mime)


def _moves(path: Path, mime: str) -> bool:
    try:
        with path.open("rb") as file:
            if mime == "image/webp":
                return _webp(file.read(21))
            return mime == "image/png" and _png(file)
    except OSError:  # whoever sends it will say that it is gone
        return False


def _webp(head: bytes) -> bool:
    """Read the flags of the extended format: https://developers.google.com/speed/webp/docs/riff_container."""
    return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & _VP8X_ANIMATED)  # noqa: PLR2004 - the flags' place


def _png(file: BinaryIO) -> bool:
    """Look for the chunk that makes it an APNG: https://www.w3.org/TR/png-3/#acTL-chunk."""
    file.seek(8)
    for _ in range(_CHUNKS):
        head = file.read(8)
        kind = head[4:]
        if kind == b"acTL":
            return True
        if len(kind) < 4 or kind == b"IDAT":  # noqa: PLR2004 - a name's length
            return False
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return False
