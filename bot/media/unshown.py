"""Pictures in formats that Telegram and browsers do not show, and some models draw: BMP and TIFF."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path

from PIL import Image

from bot.media.pillow import read_image
from bot.media.tones import converted

_MOST_PIXELS = 32_000_000  # that are decoded here: 128 MB


async def as_png(path: Path, *, max_pixels: int) -> bytes:
    """Write a picture anew as PNG, with its tones and its profile. Raises InputError."""
    return await asyncio.to_thread(_read, path, min(max_pixels, _MOST_PIXELS))


def _read(path: Path, max_pixels: int) -> bytes:
    with path.open("rb") as file:
        return read_image(file, _png, max_pixels=max_pixels)


def _png(image: Image.Image) -> bytes:
    made, profile = converted(image)
    out = BytesIO()
    made.save(out, "PNG", compress_level=1, icc_profile=profile)
    return out.getvalue()
