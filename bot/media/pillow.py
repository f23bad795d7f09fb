"""Pillow in the bot's own process, for the rare types of gateways' answers; loaded when one comes.

What people send is decoded by `decoder.py` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeVar

from PIL import Image

from bot.domain import InputError, InputProblem
from bot.media.formats import HEAD_BYTES, reader, sniff

T = TypeVar("T")


def read_image(file: BinaryIO, use: Callable[[Image.Image], T], *, max_pixels: int) -> T:
    """Let `use` look at a picture, whose head alone is read before; whatever it stumbles over is bad.

    Blocks. Raises InputError.
    """
    try:
        return _read_image(file, use, max_pixels)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise InputError(InputProblem.TOO_MANY_PIXELS) from exc
    except Exception as exc:  # decoders raise whatever a malformed file makes them stumble over
        raise InputError(InputProblem.NOT_A_PICTURE) from exc


def _read_image(file: BinaryIO, use: Callable[[Image.Image], T], max_pixels: int) -> T:
    file.seek(0)
    mime = sniff(file.read(HEAD_BYTES))
    if mime is None:
        raise InputError(InputProblem.NOT_A_PICTURE)
    file.seek(0)
    with Image.open(file, formats=[reader(mime)]) as image:
        if image.width * image.height > max_pixels:
            raise InputError(InputProblem.TOO_MANY_PIXELS)
        return use(image)


def size(file: BinaryIO, *, max_pixels: int) -> tuple[int, int]:
    """Read width and height. Blocks. Raises InputError."""
    return read_image(file, lambda image: image.size, max_pixels=max_pixels)
