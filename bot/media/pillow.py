"""Pillow in the bot's own process, for the rare types of gateways' answers; loaded when one comes.

What people send is decoded by `decoder.py` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PIL import Image

from bot.domain import InputError, InputProblem
from bot.media.formats import HEAD_BYTES, reader, sniff

T = TypeVar("T")


def read_image(path: Path, use: Callable[[Image.Image], T], *, max_pixels: int) -> T:
    """Let `use` look at a picture, whose head alone is read before; whatever it stumbles over is bad.

    Blocks. Raises InputError.
    """
    try:
        return _read_image(path, use, max_pixels)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(InputProblem.GONE) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise InputError(InputProblem.TOO_MANY_PIXELS) from exc
    except Exception as exc:  # decoders raise whatever a malformed file makes them stumble over
        raise InputError(InputProblem.NOT_A_PICTURE) from exc


def _read_image(path: Path, use: Callable[[Image.Image], T], max_pixels: int) -> T:
    with path.open("rb") as file:
        mime = sniff(file.read(HEAD_BYTES))
        if mime is None:
            raise InputError(InputProblem.NOT_A_PICTURE)
        file.seek(0)
        with Image.open(file, formats=[reader(mime)]) as image:
            if image.width * image.height > max_pixels:
                raise InputError(InputProblem.TOO_MANY_PIXELS)
            return use(image)


def size(path: Path, *, max_pixels: int) -> tuple[int, int]:
    """Read width and height. Blocks. Raises InputError."""
    return read_image(path, lambda image: image.size, max_pixels=max_pixels)
