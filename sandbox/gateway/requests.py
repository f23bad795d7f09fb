"""Requests: what is to be drawn, whichever route asks for it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from PIL import Image

from sandbox.gateway.inputs import Input, InvalidRequest
from sandbox.gateway.replies import Format

_NAMED_SIZES = ("512", "1K", "2K", "4K")
_SIDES = range(64, 8193)
_MOST_PIXELS = 4096 * 4096


class Route(StrEnum):
    """The routes that draw: their paths behind `/v1/`. IMAGES is OpenRouter's own."""

    CHAT = "chat/completions"
    GENERATIONS = "images/generations"
    EDITS = "images/edits"
    VARIATIONS = "images/variations"
    IMAGES = "images"


@dataclass(frozen=True, slots=True)
class DrawingRequest:
    """A request, read: what to draw, from which pictures, for which model.

    `size` is what the client said, in the words of his dialect; it is understood as `image_size`
    (1K, 2K …) or as `pixels`, width and height. `ignored` counts the pictures that came along and
    that the model does not see. `link` says how the pictures shall be given, None as the model
    usually does. `partials` is how many drafts a stream shall show, `priced`
    that the answer shall name its cost (OpenRouter). `fields` holds the other
    scalar fields of the body; `skeleton` is the request as JSON with a note in the place of each
    picture; `thumbnails` are the inputs, decoded and scaled down, in order.
    """

    route: Route
    model: str
    prompt: str
    skeleton: str
    system: str = ""
    modalities: tuple[str, ...] = ()
    aspect_ratio: str | None = None
    size: str | None = None
    image_size: str = "1K"
    pixels: tuple[int, int] | None = None
    count: int = 1
    inputs: tuple[Input, ...] = ()
    mask: Input | None = None
    ignored: int = 0
    thumbnails: tuple[Image.Image, ...] = ()
    stream: bool = False
    include_usage: bool = False
    link: bool | None = None
    format: Format | None = None
    partials: int = 0
    priced: bool = False
    fields: dict[str, str] = field(default_factory=dict)


# Any: JSON from outside, narrowed field by field.
def json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object that names a model. Raises InvalidRequest."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"invalid JSON: {type(exc).__name__}") from exc
    if not isinstance(data, dict) or not isinstance(data.get("model"), str):
        raise InvalidRequest("field model is required")
    check_text(data["model"])
    return data


def check_text(text: str) -> None:
    """Raise InvalidRequest for halves of surrogate pairs: JSON can hold them, text cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest("invalid Unicode") from exc


def boolean(data: dict[str, Any], name: str) -> bool:
    """Read a field that is true or false, false where it is absent. Raises InvalidRequest."""
    value = data.get(name)
    if value not in (None, True, False):
        raise InvalidRequest(f"{name} must be true or false")
    return bool(value)


def ratio(value: object) -> str | None:
    """Read an aspect ratio: `16:9`, at most eight times as wide as high. Raises InvalidRequest."""
    if value in (None, "", "auto"):
        return None
    found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", str(value))
    if found is None or not 1 / 8 <= int(found[1]) / int(found[2]) <= 8:  # noqa: PLR2004 - the widest there is
        raise InvalidRequest(f"aspect_ratio {str(value)[:20]!r} is not supported")
    return found[0]


def named_size(value: str) -> str:
    """Read a size that has a name: the K is a capital. Raises InvalidRequest."""
    if value not in _NAMED_SIZES:
        raise InvalidRequest(f"image_size {value[:20]!r} is not supported, use 1K, 2K or 4K")
    return value


def pixels(value: str) -> tuple[int, int] | None:
    """Read `1024x768`; None if it has another form. Raises InvalidRequest beyond the limits."""
    found = re.fullmatch(r"(\d{1,5})[xX*](\d{1,5})", value)
    if found is None:
        return None
    width, height = int(found[1]), int(found[2])
    if width not in _SIDES or height not in _SIDES or width * height > _MOST_PIXELS:
        raise InvalidRequest(f"size {value!r} is not supported: from 64x64 to 4096x4096 pixels")
    return width, height


def scalars(data: dict[str, Any], *known: str) -> dict[str, str]:
    """Give the fields that are no objects, as text, without those that are known by name."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in data.items()
        if key not in known and isinstance(value, (str, int, float, bool))
    }


def skeleton(data: Any) -> str:  # noqa: ANN401 - JSON from outside
    """Write the request down with a note in the place of each picture."""
    return json.dumps(_without_base64(data), ensure_ascii=False)


def _without_base64(node: Any) -> Any:  # noqa: ANN401 - JSON from outside
    match node:
        case dict():
            return {key: _without_base64(value) for key, value in node.items()}
        case list():
            return [_without_base64(value) for value in node]
        case str() if node.startswith("data:"):
            head, _, payload = node.partition(",")
            return f"{head},<b64 {len(payload)} chars>"
    return node
