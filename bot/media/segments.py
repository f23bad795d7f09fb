"""Segments: a PNG or JPEG that may be sent as it is, told by its parts alone; nothing is decoded.

Such is every photo that Telegram hands out. A PNG proves itself by its checksums, a JPEG by standing
whole from marker to marker: decoders ask no more, what is spoiled in between they draw in grey. In
doubt nothing is told, and `decoder.py` looks.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from bot.media.bounds import CHUNK_BYTES, CHUNKS, MARKER, SCANS, SEGMENTS
from bot.media.formats import HEAD_BYTES, sniff

Head = tuple[str, int, int]  # type, width, height
_LARGEST = 4 << 20  # bytes that are held to look at them

# What a PNG is shown by: https://www.w3.org/TR/png-3/#4Concepts.FormatTypes
SHOWN_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT cICP bKGD pHYs".split()
)
# And a JPEG, each as it begins: frames of eight bits, tables, restarts and scans, three of the APPs.
_FRAMES, _SCAN, _END, _JFIF = b"\xc0\xc1\xc2", 0xDA, 0xD9, 0xE0
_SHOWN_SEGMENTS = {
    **dict.fromkeys(_FRAMES, b"\x08"),
    **dict.fromkeys((0xC4, 0xDB, 0xDD, _SCAN), b""),
    _JFIF: b"JFIF\0",
    0xE2: b"ICC_PROFILE\0",
    0xEE: b"Adobe",
}
_JFIF_BYTES = 14  # without a thumbnail, which may show what was cut off
_COLOURS = frozenset({1, 3})  # of a JPEG: grey or YCbCr
_FRAME, _IHDR = struct.Struct(">xHHB"), struct.Struct(">8x8sIIBB")
_BITS, _KINDS = 8, frozenset({0, 2, 4, 6})  # of a PNG: no palette, which may be missing


def look(file: BinaryIO) -> Head | None:
    """Do as `plain` with a file of up to 4 MB. Blocks."""
    data = file.read(_LARGEST + 1)
    return plain(data) if len(data) <= _LARGEST else None


def plain(data: bytes) -> Head | None:
    """Describe a picture that is whole and says nothing but how it is shown; None: it may be none."""
    match sniff(data[:HEAD_BYTES]):
        case "image/png":
            return _png(data)
        case "image/jpeg":
            return _jpeg(data)
    return None


def _png(data: bytes) -> Head | None:
    if len(data) < _IHDR.size:
        return None
    first, width, height, bits, kind = _IHDR.unpack_from(data)
    if first != b"\0\0\0\rIHDR" or bits != _BITS or kind not in _KINDS or not width or not height:
        return None
    at, view, drawn = 8, memoryview(data), False
    for _ in range(CHUNKS + len(data) // CHUNK_BYTES):
        name, end = data[at + 4 : at + 8], at + 8 + int.from_bytes(data[at : at + 4], "big")
        sum_ = int.from_bytes(data[end : end + 4], "big")
        if name not in SHOWN_CHUNKS or zlib.crc32(view[at + 4 : end]) != sum_:
            return None
        at, drawn = end + 4, drawn or name == b"IDAT"
        if name == b"IEND":
            return ("image/png", width, height) if drawn and at == len(data) else None
    return None


def _jpeg(data: bytes) -> Head | None:
    at, scans, size = 2, 0, None
    for _ in range(SEGMENTS):
        marker = MARKER.search(data, at)
        # Only behind a scan's head comes what is no segment.
        if marker is None or (marker.start() != at and not scans):
            return None
        kind, begin = marker[0][1], marker.end() + 2
        if kind == _END:
            whole = scans and marker.end() == len(data)
            return ("image/jpeg", *size) if size and all(size) and whole else None
        at = begin - 2 + int.from_bytes(data[begin - 2 : begin], "big")
        body = data[begin:at]
        if not _is_shown(kind, body):
            return None
        if kind in _FRAMES:
            if size or len(body) < _FRAME.size:
                return None
            height, width, colours = _FRAME.unpack_from(body)
            size = (width, height) if colours in _COLOURS else None
        scans += kind == _SCAN
        if scans > SCANS or (scans and not size):
            return None
    return None


def _is_shown(kind: int, body: bytes) -> bool:
    begins = _SHOWN_SEGMENTS.get(kind)
    thumbnail = kind == _JFIF and len(body) != _JFIF_BYTES
    return begins is not None and body.startswith(begins) and not thumbnail
