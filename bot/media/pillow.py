"""Pillow in the bot's own process, for the heads of the rare types of gateways' answers.

What is decoded is decoded by `decoder.py` alone. Loaded when such a picture comes.
"""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from bot.domain import InputError, InputProblem
from bot.media.formats import reader


def size(file: BinaryIO, mime: str) -> tuple[int, int]:
    """Read width and height. Blocks. Raises InputError."""
    file.seek(0)
    try:
        with Image.open(file, formats=[reader(mime)]) as image:
            return image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise InputError(InputProblem.TOO_MANY_PIXELS) from exc
    except Exception as exc:  # decoders raise whatever a malformed file makes them stumble over
        raise InputError(InputProblem.NOT_A_PICTURE) from exc
