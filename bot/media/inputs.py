"""Inputs: pictures that people sent, made fit for a gateway."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageOps

from bot.domain import InputError, InputProblem
from bot.media import tones
from bot.media.inspect import read_image
from bot.media.store import MediaStore

# Gateways take these and no others (new-api's list for Gemini).
_TAKEN = frozenset({"image/png", "image/jpeg", "image/webp"})
# Sixteen bits of grey and CMYK are taken too, but what becomes of their tones there nobody says.
_PLAIN = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"})
# What says how a picture is shown. Anything else, under whatever name, may tell place, time, owner.
_SHOWING = frozenset(
    [
        *("aspect", "chromaticity", "dpi", "gamma", "icc_profile", "interlace", "srgb"),
        *("adobe", "adobe_transform", "jfif", "jfif_density", "jfif_unit", "jfif_version"),
        *("progression", "progressive", "background", "transparency"),
        *("bbox", "blend", "default_image", "disposal", "duration", "loop", "timestamp"),
    ]
)
_SEGMENTS = frozenset({"APP0", "APP2", "APP14"})  # JFIF, colour profile, Adobe's colours
# A marker of a JPEG, which inside a scan is neither a stuffed byte nor a restart.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END_OF_IMAGE = b"\xff\xd9"
# What a PNG is shown by: https://www.w3.org/TR/png-3/#4Concepts.FormatTypes
_SHOWN_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT cICP bKGD pHYs".split()
)
_TURNED_BY = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
_QUALITIES = (92, 85, 75)
_SHRINK = 0.75
_SHRINKS = 12  # down to a thirtieth of the side: any picture fits any sensible limit by then


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is read and what is sent.

    `max_pixels` and `max_bytes` bound what is looked at; `side` in pixels and `size` in bytes what
    a model is sent.
    """

    max_pixels: int
    max_bytes: int
    side: int
    size: int


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A kept picture that a gateway takes: `size` in bytes, `width` and `height` in pixels."""

    sha256: str
    size: int
    mime: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A picture written anew; no `data` if the original will do."""

    data: bytes
    mime: str
    width: int
    height: int


async def fit(store: MediaStore, sha256: str, bounds: Bounds) -> PreparedInput:
    """Check a kept picture, and write it anew where it is not fit to be sent.

    Fit is a PNG, JPEG or WebP within the bounds that stands upright and says nothing but how it
    is shown. Otherwise it becomes a JPEG, or a PNG where it is transparent, upright, within the
    bounds, with its colour profile and no other metadata, kept beside the original. Raises
    InputError.
    """
    convert = partial(_fit, path=store.path(sha256), bounds=bounds)
    return await _convert(store, sha256, bounds, convert)


async def fit_mask(
    store: MediaStore, sha256: str, of: PreparedInput, bounds: Bounds
) -> PreparedInput:
    """Make a mask of a kept picture: a PNG as large as `of`, transparent where it is to be drawn.

    A picture without transparency is read as a drawing: what is bright is to be drawn. Raises
    InputError.
    """
    convert = partial(_mask, width=of.width, height=of.height)
    return await _convert(store, sha256, bounds, convert)


async def _convert(
    store: MediaStore, sha256: str, bounds: Bounds, convert: partial[_Encoded]
) -> PreparedInput:
    size = await store.size(sha256)
    if size is None:
        raise InputError(InputProblem.GONE)
    if size > bounds.max_bytes:
        raise InputError(InputProblem.TOO_MANY_BYTES)
    made = await read_image(store.path(sha256), convert, max_pixels=bounds.max_pixels)
    if made.data:
        stored = await store.put(made.data)
        sha256, size = stored.sha256, stored.size
    return PreparedInput(sha256, size, made.mime, made.width, made.height)


def _fit(image: Image.Image, mime: str, *, path: Path, bounds: Bounds) -> _Encoded:
    width, height = image.size
    within = max(width, height) <= bounds.side and path.stat().st_size <= bounds.size
    # Of what moves the first frame is meant, and not every gateway takes the first one itself.
    # Only of those types: of a GIF all frames would be read to count them.
    fit = within and mime in _TAKEN and image.mode in _PLAIN
    if fit and getattr(image, "n_frames", 1) == 1:
        image.load()  # proves that all of it can be decoded; what a PNG says last is known now
        data = path.read_bytes()
        if not _has_metadata(image) and not _has_trailing_data(data, mime):
            return _Encoded(b"", mime, width, height)
        if mime == "image/png" and "exif" not in image.info:  # which may say that it lies
            return _Encoded(strip_metadata(data), mime, width, height)
    scale = min(1.0, bounds.side / max(width, height))
    # A JPEG can be decoded at an eighth, a quarter or half its size: less memory, less time.
    image.draft(None, (round(width * scale), round(height * scale)))
    plain, profile = _plain(image)
    # Smaller first: each copy of a 12-megapixel picture is 48 MB.
    plain.thumbnail((bounds.side, bounds.side))
    _turn_upright(plain)
    return _compress(plain, profile, bounds.size)


def _has_metadata(image: Image.Image) -> bool:
    segments = {name for name, _ in getattr(image, "applist", ())}
    private = getattr(image, "private_chunks", ())
    return bool(image.info.keys() - _SHOWING or segments - _SEGMENTS or private)


def _has_trailing_data(data: bytes, mime: str) -> bool:
    """Whether something stands behind a picture in its file: phones put a film there."""
    if mime == "image/webp":
        return int.from_bytes(data[4:8], "little") + 8 != len(data)
    return (_png_end(data) if mime == "image/png" else _jpeg_end(data)) != len(data)


def _png_end(data: bytes) -> int:
    at, kind = 8, b""
    while kind != b"IEND" and at < len(data):
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return at


def strip_metadata(data: bytes) -> bytes:
    """Copy a PNG without its words, times and private chunks: nothing that is seen is lost."""
    at, kept, last = 8, [data[:8]], _png_end(data)
    while at < last:
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in _SHOWN_CHUNKS:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _jpeg_end(data: bytes) -> int:
    at = 2
    while (marker := _MARKER.search(data, at)) and marker[0] != _END_OF_IMAGE:
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return marker.end() if marker else -1


def _plain(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    image.load()  # what a PNG says last is known now
    plain, profile = tones.converted(image)
    plain.info = {key: image.info[key] for key in _TURNED_BY if key in image.info}
    return plain, profile


def _turn_upright(image: Image.Image) -> None:
    """Turn a picture upright; one whose note of how it was taken is broken stays as it lies."""
    with suppress(SyntaxError, ValueError, struct.error):
        ImageOps.exif_transpose(image, in_place=True)
    image.info.clear()  # what is in there would be written again


def _compress(image: Image.Image, profile: bytes | None, limit: int) -> _Encoded:
    """Write a picture as well as its limit in bytes allows; raises InputError if nothing helps."""
    for _ in range(_SHRINKS):
        for quality in _QUALITIES if image.mode == "RGB" else _QUALITIES[:1]:
            made = _encode(image, profile, quality)
            if len(made.data) <= limit:
                return made
        smaller = max(1, round(max(image.size) * _SHRINK))
        image.thumbnail((smaller, smaller))
    raise InputError(InputProblem.TOO_MANY_BYTES)


def _encode(image: Image.Image, profile: bytes | None, quality: int) -> _Encoded:
    buffer = BytesIO()
    if image.mode == "RGB":
        image.save(buffer, "JPEG", quality=quality, icc_profile=profile)
        return _Encoded(buffer.getvalue(), "image/jpeg", *image.size)
    image.save(buffer, "PNG", icc_profile=profile)
    return _Encoded(buffer.getvalue(), "image/png", *image.size)


def _mask(image: Image.Image, _mime: str, *, width: int, height: int) -> _Encoded:
    plain, _ = _plain(image)
    _turn_upright(plain)
    clear = plain.mode == "RGBA"
    keep = plain.getchannel("A") if clear else ImageChops.invert(plain.convert("L"))
    keep = keep.resize((width, height)).point(lambda value: 255 if value > 127 else 0)  # noqa: PLR2004 - half of it
    mask = Image.new("RGBA", (width, height), "black")
    mask.putalpha(keep)
    return _encode(mask, None, _QUALITIES[0])
