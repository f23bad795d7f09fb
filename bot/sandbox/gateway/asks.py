"""Asks: what a chat completion request wants drawn, read and checked as a strict gateway would."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from PIL import Image

MAX_PIXELS = 64_000_000
MAX_INPUTS = 16
THUMBNAIL = (1024, 1024)


class BadAsk(Exception):
    """The request is not one that the gateway answers: said to the client with status 400."""


@dataclass(frozen=True, slots=True)
class Input:
    """A picture that came with the request; `size` in bytes, width and height in pixels."""

    sha256: str
    mime: str
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, read: what to draw, from which pictures, for which model.

    `skeleton` is the request's JSON with a note in the place of each picture's base64;
    `thumbnails` are the inputs, decoded and scaled down, in order.
    """

    model: str
    prompt: str
    system: str
    modalities: tuple[str, ...]
    aspect_ratio: str | None
    image_size: str
    inputs: tuple[Input, ...]
    skeleton: str
    thumbnails: tuple[Image.Image, ...]


# Any: JSON from outside, narrowed field by field below.
def read(body: bytes) -> Ask:
    """Read a request's body. Raises BadAsk; CPU-bound, call it in a thread."""
    try:
        data: Any = json.loads(body)
    except ValueError as exc:
        raise BadAsk(f"invalid JSON: {type(exc).__name__}") from exc
    if not isinstance(data, dict) or not isinstance(data.get("model"), str):
        raise BadAsk("field model is required")
    if data.get("stream"):
        raise BadAsk("stream is not supported by this model")
    system, prompt, urls = _conversation(data.get("messages"))
    seen = [_picture(url) for url in urls]
    config = _image_config(data)
    return Ask(
        model=data["model"],
        prompt=prompt,
        system=system,
        modalities=_modalities(data.get("modalities", [])),
        aspect_ratio=_ratio(config.get("aspect_ratio") or _said(system, "aspect_ratio")),
        image_size=_size(config.get("image_size") or _said(system, "image_size") or "1K"),
        inputs=tuple(picture for picture, _ in seen),
        skeleton=json.dumps(_without_base64(data), ensure_ascii=False),
        thumbnails=tuple(thumbnail for _, thumbnail in seen),
    )


def _conversation(messages: Any) -> tuple[str, str, list[str]]:  # noqa: ANN401 - JSON from outside
    """Split messages into the system's text, the user's text and the picture URLs, in order."""
    if not isinstance(messages, list) or not messages:
        raise BadAsk("field messages is required")
    system: list[str] = []
    prompt: list[str] = []
    urls: list[str] = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in {"system", "developer", "user"}:
            raise BadAsk("messages: only system and user messages are understood")
        texts, pictures = _content(message.get("content"))
        (prompt if role == "user" else system).extend(texts)
        urls.extend(pictures)
    if not any(text.strip() for text in prompt):
        raise BadAsk("messages: the user says nothing")
    if len(urls) > MAX_INPUTS:
        raise BadAsk(f"too many images in the message, max allowed is {MAX_INPUTS}")
    return "\n".join(system), "\n".join(prompt), urls


def _content(content: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401 - JSON from outside
    if isinstance(content, str):
        return [content], []
    if not isinstance(content, list) or not content:
        raise BadAsk("messages: content must be a string or a list of parts")
    texts: list[str] = []
    urls: list[str] = []
    for part in content:
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                urls.append(url)
            case _:
                raise BadAsk("messages: a part must be a text or an image_url with a url")
    return texts, urls


_DATA_URL = re.compile(r"data:(image/(?:png|jpeg|webp));base64,")
_FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def _picture(url: str) -> tuple[Input, Image.Image]:
    """Decode a data URL; anything else is refused, a URL to fetch above all."""
    found = _DATA_URL.match(url, 0, 64)
    if found is None:
        raise BadAsk("image_url must be a data URL of a png, jpeg or webp picture")
    try:
        data = base64.b64decode(url[found.end() :], validate=True)
    except binascii.Error as exc:
        raise BadAsk("image_url is not valid base64") from exc
    picture, thumbnail = _decode(data)
    if picture.mime != found[1]:
        raise BadAsk(f"image_url says {found[1]} but holds {picture.mime}")
    return picture, thumbnail


def _decode(data: bytes) -> tuple[Input, Image.Image]:
    try:
        with Image.open(io.BytesIO(data), formats=list(_FORMATS)) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise BadAsk("image_url holds too many pixels")
            mime = _FORMATS[image.format or ""]
            image.draft("RGB", THUMBNAIL)
            thumbnail = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as exc:
        raise BadAsk("image_url is not a decodable picture") from exc
    thumbnail.thumbnail(THUMBNAIL)
    digest = hashlib.sha256(data).hexdigest()
    return Input(digest, mime, len(data), width, height), thumbnail


def _modalities(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON from outside
    if not isinstance(value, list) or not set(map(str, value)) <= {"text", "image"}:
        raise BadAsk("modalities must be a list of text and image")
    return tuple(value)


def _image_config(data: dict[str, Any]) -> dict[str, str]:
    """Find the picture's settings in the dialects of OpenRouter and of the new-api family."""
    google = data.get("extra_body") or {}
    google = google.get("google") or {} if isinstance(google, dict) else {}
    if not isinstance(google, dict) or "imageConfig" in google or "imageConfig" in data:
        raise BadAsk("google.imageConfig is not supported, use google.image_config")
    config = data.get("image_config") or google.get("image_config") or {}
    if not isinstance(config, dict) or not all(isinstance(v, str) for v in config.values()):
        raise BadAsk("image_config must be an object of strings")
    return config


def _said(system: str, name: str) -> str | None:
    """Read `name=value` from the system message: AiHubMix's dialect."""
    found = re.search(rf"\b{name}\s*=\s*([\w:]+)", system)
    return found[1] if found else None


def _ratio(value: str | None) -> str | None:
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", value)
    if found is None or not 1 / 8 <= int(found[1]) / int(found[2]) <= 8:  # noqa: PLR2004 - the widest there is
        raise BadAsk(f"aspect_ratio {value[:20]!r} is not supported")
    return value


def _size(value: str) -> str:
    if value not in {"1K", "2K", "4K"}:
        raise BadAsk(f"image_size {value[:20]!r} is not supported, use 1K, 2K or 4K")
    return value


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
