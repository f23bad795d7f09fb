"""Conversion: a picture that somebody sent is decoded, and written anew where it is not fit.

It runs in a process of its own, see `decoder.py`, so nothing but Pillow is loaded here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageOps

from bot.media import tones
from bot.media.bounds import (
    BYTES_A_PIXEL,
    BYTES_A_WEBP_PIXEL,
    LARGE,
    is_simple,
    jpeg_end,
    png_end,
)
from bot.media.formats import HEAD_BYTES, reader, sniff
from bot.media.regular import open_regular
from bot.media.segments import SHOWN_CHUNKS

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
_TURNED_BY = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
_QUALITIES = (92, 85, 75)
_SHRINK = 0.75
_SHRINKS = 12  # down to a thirtieth of the side: any picture fits any sensible limit by then


class Unfit(Exception):
    """A picture cannot be used; `problem` is the value of an InputProblem."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Converted:
    """A picture written anew; no `data` if the original will do."""

    data: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Original:
    """An opened picture, none of it decoded yet, and its file's bytes."""

    image: Image.Image
    mime: str
    data: bytes


def convert(
    path: Path, max_pixels: int, begin: Callable[[int], None], use: Callable[[Original], Converted]
) -> Converted:
    """Open a picture and use it; `begin` hears how many pixels it has before they are decoded.

    Raises Unfit.
    """
    try:
        return _convert(path, max_pixels, begin, use)
    except FileNotFoundError:
        raise Unfit("gone") from None
    except Image.DecompressionBombError as error:
        raise Unfit("too_many_pixels") from error
    except MemoryError as error:
        raise Unfit("too_complex") from error
    except Unfit:
        raise
    except Exception as error:  # decoders raise whatever a malformed file makes them stumble over
        raise Unfit("not_a_picture") from error


def _convert(
    path: Path, max_pixels: int, begin: Callable[[int], None], use: Callable[[Original], Converted]
) -> Converted:
    with open_regular(path) as file:
        data = file.read()
    mime = sniff(data[:HEAD_BYTES])
    if mime is None:
        raise Unfit("not_a_picture")
    if not is_simple(data, mime):
        raise Unfit("too_complex")
    with Image.open(BytesIO(data), formats=[reader(mime)]) as image:
        pixels = image.width * image.height
        if pixels > max_pixels:
            raise Unfit("too_many_pixels")
        webp = pixels * BYTES_A_WEBP_PIXEL if mime == "image/webp" and pixels > LARGE else 0
        if webp > max_pixels * BYTES_A_PIXEL:
            raise Unfit("too_complex")
        begin(pixels)
        return use(Original(image, mime, data))


def fit(original: Original, side: int, size: int) -> Converted:
    """Make a picture fit to be sent, see `Inputs.fit`; raises Unfit."""
    image, mime, data = original.image, original.mime, original.data
    width, height = image.size
    within = max(width, height) <= side and len(data) <= size
    # Of what moves the first frame is meant, and not every gateway takes the first one itself.
    # Only of those types: of a GIF all frames would be read to count them.
    fits = within and mime in _TAKEN and image.mode in _PLAIN
    if fits and getattr(image, "n_frames", 1) == 1:
        image.load()  # proves that all of it can be decoded; what a PNG says last is known now
        if not _has_metadata(image) and not _has_trailing_data(data, mime):
            return Converted(b"", mime, width, height)
        if mime == "image/png" and "exif" not in image.info:  # which may say that it lies
            return Converted(strip_metadata(data), mime, width, height)
    scale = min(1.0, side / max(width, height))
    # A JPEG can be decoded at an eighth, a quarter or half its size: less memory, less time.
    image.draft(None, (round(width * scale), round(height * scale)))
    plain, profile = _plain(image)
    # Smaller first: each copy of a 12-megapixel picture is 48 MB.
    plain.thumbnail((side, side))
    _turn_upright(plain)
    return _compress(plain, profile, size)


def png(original: Original) -> Converted:
    """Write a picture anew as PNG, see `Inputs.as_png`."""
    made, profile = tones.converted(original.image)
    out = BytesIO()
    made.save(out, "PNG", compress_level=1, icc_profile=profile)
    return Converted(out.getvalue(), "image/png", *made.size)


def small(original: Original, side: int) -> Converted:
    """Write a picture as WebP of at most that side, see `Inputs.small`."""
    image = original.image
    scale = min(1.0, side / max(image.size))
    image.draft(None, (round(image.width * scale), round(image.height * scale)))
    plain, profile = _plain(image)
    plain.thumbnail((side, side))
    _turn_upright(plain)
    out = BytesIO()
    plain.save(out, "WEBP", icc_profile=profile)
    return Converted(out.getvalue(), "image/webp", *plain.size)


def mask(original: Original, width: int, height: int) -> Converted:
    """Make a mask of a picture, see `Inputs.fit_mask`."""
    plain, _ = _plain(original.image)
    _turn_upright(plain)
    clear = plain.mode == "RGBA"
    keep = plain.getchannel("A") if clear else ImageChops.invert(plain.convert("L"))
    keep = keep.resize((width, height)).point(lambda value: 255 if value > 127 else 0)  # noqa: PLR2004 - half of it
    made = Image.new("RGBA", (width, height), "black")
    made.putalpha(keep)
    return _encode(made, None, _QUALITIES[0])


def _has_metadata(image: Image.Image) -> bool:
    segments = {name for name, _ in getattr(image, "applist", ())}
    private = getattr(image, "private_chunks", ())
    return bool(image.info.keys() - _SHOWING or segments - _SEGMENTS or private)


def _has_trailing_data(data: bytes, mime: str) -> bool:
    """Whether something stands behind a picture in its file: phones put a film there."""
    if mime == "image/webp":
        return int.from_bytes(data[4:8], "little") + 8 != len(data)
    return (png_end(data) if mime == "image/png" else jpeg_end(data)) != len(data)


def strip_metadata(data: bytes) -> bytes:
    """Copy a PNG without its words, times and private chunks: nothing that is seen is lost."""
    at, kept, last = 8, [data[:8]], png_end(data) or 0
    while at < last:
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in SHOWN_CHUNKS:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


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


def _compress(image: Image.Image, profile: bytes | None, limit: int) -> Converted:
    """Write a picture as well as its limit in bytes allows; raises Unfit if nothing helps."""
    for _ in range(_SHRINKS):
        for quality in _QUALITIES if image.mode == "RGB" else _QUALITIES[:1]:
            made = _encode(image, profile, quality)
            if len(made.data) <= limit:
                return made
        smaller = max(1, round(max(image.size) * _SHRINK))
        image.thumbnail((smaller, smaller))
    raise Unfit("too_many_bytes")


def _encode(image: Image.Image, profile: bytes | None, quality: int) -> Converted:
    buffer = BytesIO()
    if image.mode == "RGB":
        image.save(buffer, "JPEG", quality=quality, icc_profile=profile)
        return Converted(buffer.getvalue(), "image/jpeg", *image.size)
    image.save(buffer, "PNG", icc_profile=profile)
    return Converted(buffer.getvalue(), "image/png", *image.size)
