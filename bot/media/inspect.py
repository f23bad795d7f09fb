"""A look at a picture: what its bytes are, how large it is, whether it decodes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import pillow_heif
from PIL import AvifImagePlugin, Image, ImageOps, JpegImagePlugin, WebPImagePlugin

from bot.domain import InputError, InputProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.media.store import MediaStore

# Pillow loads these two only when it tries every format that it knows, which we never let it.
_PLUGINS = (AvifImagePlugin, WebPImagePlugin)
pillow_heif.register_heif_opener()

# What may be decoded and by which of Pillow's readers; anything else never reaches one.
_READERS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
}
# Gateways take these and no others (new-api's list for Gemini).
_GATEWAY_TAKES = frozenset({"image/png", "image/jpeg", "image/webp"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_HEAD_BYTES = 64
_JPEG_QUALITY = 92

# A decoded picture takes four bytes a pixel: two at a time bound the memory.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pictures")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a picture's own bytes say: its type, and its size in pixels as stored."""

    mime: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A kept picture that a gateway takes: `size` in bytes, `width` and `height` in pixels."""

    sha256: str
    size: int
    mime: str
    width: int
    height: int


def sniff(head: bytes) -> str | None:
    """Tell the type by the magic bytes at the start (64 suffice), None if it is no picture."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    return None


def _sniff_brands(head: bytes) -> str | None:
    # ISO 14496-12: length, "ftyp", major brand, version, then the compatible brands.
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
    # An AVIF lists "mif1" as well, so it is looked for first.
    if brands & _AVIF_BRANDS:
        return "image/avif"
    return "image/heic" if brands & _HEIC_BRANDS else None


async def inspect(path: Path, *, max_pixels: int, decode: bool) -> Inspected:
    """Read a picture's type and size, and with `decode` prove that all of it can be decoded.

    The size is checked against `max_pixels` before anything is decoded. Raises InputError.
    """
    return await _in_thread(lambda: _inspect(path, max_pixels, decode=decode))


async def to_gateway_format(
    store: MediaStore, sha256: str, *, max_pixels: int, max_bytes: int
) -> Prepared:
    """Check a kept picture, and turn what gateways do not take (HEIC, AVIF, GIF) into JPEG.

    PNG, JPEG and WebP stay as they are. A converted one is upright, has its colour profile and
    no other metadata, and is kept beside the original. Raises InputError.
    """
    size = await store.size(sha256)
    if size is None:
        raise InputError(InputProblem.GONE)
    if size > max_bytes:
        raise InputError(InputProblem.TOO_MANY_BYTES)
    path = store.path(sha256)
    seen = await inspect(path, max_pixels=max_pixels, decode=False)
    if seen.mime in _GATEWAY_TAKES:
        await inspect(path, max_pixels=max_pixels, decode=True)
        return Prepared(sha256, size, seen.mime, seen.width, seen.height)
    jpeg, width, height = await _in_thread(lambda: _to_jpeg(path, max_pixels))
    if len(jpeg) > max_bytes:
        raise InputError(InputProblem.TOO_MANY_BYTES)
    stored = await store.put(jpeg)
    return Prepared(stored.sha256, stored.size, "image/jpeg", width, height)


def _inspect(path: Path, max_pixels: int, *, decode: bool) -> Inspected:
    with _open(path) as file:
        mime = _type(file)
        return _guarded(lambda: _measure(file, mime, max_pixels, decode=decode))


def _measure(file: BinaryIO, mime: str, max_pixels: int, *, decode: bool) -> Inspected:
    with _opened(file, mime, max_pixels) as image:
        seen = Inspected(mime, image.width, image.height)
        if decode:
            if isinstance(image, JpegImagePlugin.JpegImageFile):
                # An eighth of the size still reads every coefficient, at 1/64 of the memory.
                image.draft(image.mode, (image.width // 8, image.height // 8))
            image.load()
        return seen


def _to_jpeg(path: Path, max_pixels: int) -> tuple[bytes, int, int]:
    with _open(path) as file:
        mime = _type(file)
        return _guarded(lambda: _encode(file, mime, max_pixels))


def _encode(file: BinaryIO, mime: str, max_pixels: int) -> tuple[bytes, int, int]:
    with _opened(file, mime, max_pixels) as image:
        # In place: each copy of a 12-megapixel picture is 36 MB.
        ImageOps.exif_transpose(image, in_place=True)
        upright = _flat(image)
        jpeg = BytesIO()
        # A profile for grey or CMYK would lie about the RGB that is written.
        profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA"} else None
        upright.save(jpeg, "JPEG", quality=_JPEG_QUALITY, icc_profile=profile)
        return jpeg.getvalue(), upright.width, upright.height


def _flat(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGB", layer.size, "white")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(InputProblem.GONE) from None


def _type(file: BinaryIO) -> str:
    mime = sniff(file.read(_HEAD_BYTES))
    if mime is None:
        raise InputError(InputProblem.NOT_A_PICTURE)
    file.seek(0)
    return mime


def _opened(file: BinaryIO, mime: str, max_pixels: int) -> Image.Image:
    """Read the header alone; the pixels come with `load`."""
    image = Image.open(file, formats=[_READERS[mime]])
    if image.width * image.height > max_pixels:
        image.close()
        raise InputError(InputProblem.TOO_MANY_PIXELS)
    return image


def _guarded(look: Callable[[], T]) -> T:
    try:
        return look()
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise InputError(InputProblem.TOO_MANY_PIXELS) from exc
    except Exception as exc:  # decoders raise whatever a malformed file makes them stumble over
        raise InputError(InputProblem.NOT_A_PICTURE) from exc


async def _in_thread(call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, call)
