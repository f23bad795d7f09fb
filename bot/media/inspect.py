"""A look at a picture: what its bytes are, how large it is, whether its file is whole."""

from __future__ import annotations

import asyncio
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.domain import InputError, InputProblem
from bot.media import heads
from bot.media.formats import HEAD_BYTES, sniff
from bot.media.heads import KNOWN
from bot.media.regular import open_regular

_PNG_CHUNKS = 64  # that are looked at: what says that it moves stands before its pixels
_VP8X_ANIMATED = 0x02

_NEAR_END = 4 << 10  # bytes; where nearly every picture has its end
_LONGEST_TAIL = 1 << 20  # bytes; more than encoders and gateways ever put behind a picture
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = re.compile(rb"\xff\xda\x00[\x06-\x0e][\x01-\x04]")
_BOXES = 64  # of a file, at its top
_RIFF_HEADER = 8  # bytes before those that its length counts


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a picture's own bytes say: its type, and its size in pixels as stored."""

    mime: str
    width: int
    height: int


def measure(file: BinaryIO, *, max_pixels: int) -> ImageInfo:
    """Read a picture's type and size by its head. Blocks. Raises InputError."""
    mime = sniff(file.read(HEAD_BYTES))
    size = heads.size(file, mime) if mime in KNOWN else None
    if mime and mime not in KNOWN:
        from bot.media import pillow  # noqa: PLC0415 - few gateways answer so, and it takes 8 MB

        size = pillow.size(file, mime)
    if mime is None or size is None:
        raise InputError(InputProblem.NOT_A_PICTURE)
    if size[0] * size[1] > max_pixels:
        raise InputError(InputProblem.TOO_MANY_PIXELS)
    return ImageInfo(mime, *size)


def is_complete(file: BinaryIO, mime: str) -> bool:
    """Tell whether a file of this type has its end; other bytes may follow it. Blocks.

    Nothing is decoded: a picture is cut because a connection or a stream was, so its end is missing.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_RIFF_HEADER)
    if mime in {"image/heic", "image/avif"}:
        return _has_boxes(file, size)
    return any(_ended(mime, head, _last(file, most), size) for most in (_NEAR_END, _LONGEST_TAIL))


def _has_boxes(file: BinaryIO, size: int) -> bool:
    """Whether the boxes of ISO 14496-12 that hold a picture are there to their ends."""
    at, whole = 0, set[bytes]()
    for _ in range(_BOXES):
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 0 and kind == b"mdat":  # up to the file's end, wherever that is
            whole.add(kind)
            break
        at += int.from_bytes(head[8:], "big") if length == 1 else max(length, _RIFF_HEADER)
        if at > size or not kind:
            break
        whole.add(kind)
    return b"mdat" in whole and not whole.isdisjoint({b"meta", b"moov"})


def _last(file: BinaryIO, most: int) -> bytes:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - most))
    return file.read(most)


def _ended(mime: str, head: bytes, tail: bytes, size: int) -> bool:
    match mime:
        case "image/png":
            return _PNG_END in tail
        case "image/jpeg":
            # A preview among the metadata has an end too, but then the picture's scan follows.
            end = tail.rfind(_JPEG_END)
            return end >= 0 and not _JPEG_SCAN.search(tail, end)
        case "image/webp":
            return size >= _RIFF_HEADER + int.from_bytes(head[4:], "little")
        case "image/gif":
            return tail.rstrip(b"\x00\r\n").endswith(b";")
        case _:
            return True


async def is_animated(picture: Path | bytes, mime: str) -> bool:
    """Whether a WebP or PNG is animated, which Telegram's photos are not; no for all others.

    It is a file of this machine, or the bytes at hand.
    """
    if isinstance(picture, bytes):
        return _moves(io.BytesIO(picture), mime)
    return await asyncio.to_thread(_file_moves, picture, mime)


def _moves(file: BinaryIO, mime: str) -> bool:
    if mime == "image/webp":
        return _is_animated_webp(file.read(21))
    return mime == "image/png" and _is_animated_png(file)


def _file_moves(path: Path, mime: str) -> bool:
    try:
        with open_regular(path) as file:
            return _moves(file, mime)
    except OSError:  # whoever sends it will say that it is gone
        return False


def _is_animated_webp(head: bytes) -> bool:
    """Read the flags of the extended format: https://developers.google.com/speed/webp/docs/riff_container."""
    return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & _VP8X_ANIMATED)  # noqa: PLR2004 - the flags' place


def _is_animated_png(file: BinaryIO) -> bool:
    """Look for the chunk that makes it an APNG: https://www.w3.org/TR/png-3/#acTL-chunk."""
    file.seek(8)
    for _ in range(_PNG_CHUNKS):
        head = file.read(8)
        kind = head[4:]
        if kind == b"acTL":
            return True
        if len(kind) < 4 or kind == b"IDAT":  # noqa: PLR2004 - a name's length
            return False
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return False
