"""Inputs: the pictures that come with a request, decoded and checked as a strict gateway would."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

MAX_PIXELS = 64_000_000
MAX_INPUTS = 16
THUMBNAIL = (1024, 1024)


class InvalidRequest(Exception):
    """The request is not one that the gateway answers: said to the client with status 400."""


@dataclass(frozen=True, slots=True)
class Input:
    """A picture that came with the request; `size` in bytes, width and height in pixels.

    `alpha` says that it can be transparent.
    """

    sha256: str
    mime: str
    size: int
    width: int
    height: int
    alpha: bool = False


# An input, and what it looks like, scaled down.
DecodedInput = tuple[Input, Image.Image]


def from_urls(urls: Sequence[str]) -> list[DecodedInput]:
    """Decode data URLs; anything else is refused, a URL to fetch above all. Raises InvalidRequest."""
    if len(urls) > MAX_INPUTS:
        raise InvalidRequest(f"too many images in the message, max allowed is {MAX_INPUTS}")
    return [_from_url(url) for url in urls]


def from_file(name: str, mime: str, data: bytes) -> DecodedInput:
    """Decode an uploaded file, which has to say what it is. Raises InvalidRequest."""
    seen = _decoded(data, name)
    if seen[0].mime != mime:
        raise InvalidRequest(f"{name}: unsupported mimetype ({mime!r}), the file is {seen[0].mime}")
    return seen


_DATA_URL = re.compile(r"data:(image/(?:png|jpeg|webp));base64,")
_FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def _from_url(url: str) -> DecodedInput:
    found = _DATA_URL.match(url, 0, 64)
    if found is None:
        raise InvalidRequest("image_url must be a data URL of a png, jpeg or webp picture")
    try:
        data = base64.b64decode(url[found.end() :], validate=True)
    except binascii.Error as exc:
        raise InvalidRequest("image_url is not valid base64") from exc
    seen = _decoded(data, "image_url")
    if seen[0].mime != found[1]:
        raise InvalidRequest(f"image_url says {found[1]} but holds {seen[0].mime}")
    return seen


def _decoded(data: bytes, name: str) -> DecodedInput:
    try:
        with Image.open(io.BytesIO(data), formats=list(_FORMATS)) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InvalidRequest(f"{name} holds too many pixels")
            mime = _FORMATS[image.format or ""]
            alpha = image.has_transparency_data
            image.draft("RGB", THUMBNAIL)
            thumbnail = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as exc:
        raise InvalidRequest(f"{name} is not a decodable picture") from exc
    thumbnail.thumbnail(THUMBNAIL)
    digest = hashlib.sha256(data).hexdigest()
    return Input(digest, mime, len(data), width, height, alpha), thumbnail
