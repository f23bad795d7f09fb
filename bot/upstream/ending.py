"""The end of a picture's file: whether all of the picture came."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_NEAR = 4 << 10  # bytes; where nearly every picture has its end
_TAIL = 1 << 20  # bytes; more than encoders and gateways ever put behind a picture
_IEND = b"IEND\xaeB`\x82"
_EOI = b"\xff\xd9"
_SCAN = re.compile(rb"\xff\xda\x00[\x06-\x0e][\x01-\x04]")
_RIFF = 8  # bytes before those that its length counts


def whole(path: Path, mime: str) -> bool:
    """Tell whether a file of this type has its end; other bytes may follow it. It blocks.

    Nothing is decoded: a picture is cut because a connection or a stream was, so its end is missing.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(_RIFF)
        return any(_ended(mime, head, _last(file, most), size) for most in (_NEAR, _TAIL))


def _last(file: BinaryIO, most: int) -> bytes:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - most))
    return file.read(most)


def _ended(mime: str, head: bytes, tail: bytes, size: int) -> bool:
    match mime:
        case "image/png":
            return _IEND in tail
        case "image/jpeg":
            # A preview among the metadata has an end too, but then the picture's scan follows.
            end = tail.rfind(_EOI)
            return end >= 0 and not _SCAN.search(tail, end)
        case "image/webp":
            return size >= _RIFF + int.from_bytes(head[4:], "little")
        case "image/gif":
            return tail.rstrip(b"\x00\r\n").endswith(b";")
        case _:
            return True
