"""Pictures for the tests."""

from __future__ import annotations

import io
import json

from PIL import Image


def picture(width: int = 640, height: int = 480, kind: str = "JPEG", colour: str = "teal") -> bytes:
    """Make a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


def size_of(data: bytes) -> tuple[int, int]:
    """Tell a picture's width and height."""
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def packed(value: object) -> str:
    """Give a nested parameter as multipart forms carry it."""
    return json.dumps(value)
