"""Bounds: how much is decoded of a picture that somebody sent, who may mean harm.

A file says with a few bytes what costs a decoder seconds: a scan of a progressive JPEG visits every
block of the picture, a chunk or a segment is a step of Python. What any camera or program writes is
far below these bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCANS = 100  # of a JPEG; libjpeg's own progressive script has 10, the longest that are seen 30
SEGMENTS = 2_000  # of a JPEG; 20 MB in segments of 64 KB are 320
CHUNKS, CHUNK_BYTES = 1_000, 1024  # of a PNG: so many, and one more for each so many bytes
# A marker of a JPEG, which inside a scan is neither a stuffed byte nor a restart.
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END_OF_IMAGE, _START_OF_SCAN = b"\xff\xd9", b"\xff\xda"

# CPU seconds for one picture: 12 megapixels of a phone's HEIC take 0.5 on this century's machines.
SECONDS, PIXELS_A_SECOND = 4, 4_000_000  # those of few pixels, and one more for each so many
# Memory of the process that decodes: itself, the pixels in several copies, the file in several.
# 49 megapixels take 70 to 510 MB, by format, but WebP 870, so of those fewer are decoded.
PROCESS_BYTES, BYTES_A_PIXEL, COPIES_OF_FILE = 128 << 20, 10, 3
BYTES_A_WEBP_PIXEL = 18
LARGE = 12_500_000  # pixels; of larger pictures one is decoded at a time
# What ends the bot, twice, while it is decoded may be why. So many pixels, for so many seconds of CPU,
# are not: the bot was ended by something else, however often.
HARMLESS, HARMLESS_SECONDS = 4_000_000, 0.2


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is read and what is sent.

    `max_pixels` and `max_bytes` bound what is looked at; `side` in pixels and `size` in bytes what
    a model is sent. `seconds` of CPU are for the smallest picture, larger ones get more.
    """

    max_pixels: int
    max_bytes: int
    side: int
    size: int
    seconds: int = SECONDS

    @property
    def memory(self) -> int:
        """How many bytes the process that decodes may take."""
        pixels, file = BYTES_A_PIXEL * self.max_pixels, COPIES_OF_FILE * self.max_bytes
        return PROCESS_BYTES + pixels + file


def is_simple(data: bytes, mime: str) -> bool:
    """Whether a file has no more parts than a decoder can be asked to go through."""
    match mime:
        case "image/jpeg":
            return jpeg_end(data) is not None
        case "image/png":
            return png_end(data) is not None
        case _:  # of what moves the first frame alone is decoded
            return True


def jpeg_end(data: bytes) -> int | None:
    """Tell where a JPEG ends in its file, -1 if it does not; None if it has too many parts."""
    at, scans = 2, 0
    for _ in range(SEGMENTS):
        marker = MARKER.search(data, at)
        if marker is None or marker[0] == _END_OF_IMAGE:
            return marker.end() if marker else -1
        scans += marker[0] == _START_OF_SCAN
        if scans > SCANS:
            return None
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return None


def png_end(data: bytes) -> int | None:
    """Tell where a PNG ends, at least after its file's end if it does not; None as for a JPEG."""
    at = 8
    for _ in range(CHUNKS + len(data) // CHUNK_BYTES):
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND" or at >= len(data):
            return at
    return None
