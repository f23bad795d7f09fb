"""Pictures to send and to expect: small, real, and full of every base64 character."""

from __future__ import annotations

import random
from functools import cache
from io import BytesIO

import pybase64
from PIL import Image


@cache
def picture(kind: str = "PNG", seed: int = 1, side: int = 20) -> bytes:
    noise = random.Random(seed).randbytes(side * side * 3)
    out = BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(out, kind)
    return out.getvalue()


def base64(data: bytes) -> str:
    return pybase64.b64encode(data).decode()
