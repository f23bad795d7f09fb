"""Requests for chat completions: prompts, pictures and settings out of messages, in every dialect."""

from __future__ import annotations

import re
from typing import Any

from sandbox.gateway import inputs, requests
from sandbox.gateway.inputs import InvalidRequest
from sandbox.gateway.requests import DrawingRequest, Route

_KNOWN = ("model", "messages", "modalities", "stream")


def read(body: bytes) -> DrawingRequest:
    """Read a request's body. Raises InvalidRequest; CPU-bound, call it in a thread."""
    data = requests.json_object(body)
    system, prompt, urls = _conversation(data.get("messages"))
    requests.check_text(prompt)
    config = _image_config(data)
    size = config.get("image_size") or _said(system, "image_size")
    seen = inputs.from_urls(urls)
    return DrawingRequest(
        route=Route.CHAT,
        model=data["model"],
        prompt=prompt,
        system=system,
        modalities=_modalities(data.get("modalities", [])),
        aspect_ratio=requests.ratio(config.get("aspect_ratio") or _said(system, "aspect_ratio")),
        size=size,
        image_size=requests.named_size(size or "1K"),
        inputs=tuple(picture for picture, _ in seen),
        thumbnails=tuple(thumbnail for _, thumbnail in seen),
        stream=requests.boolean(data, "stream"),
        include_usage=_include_usage(data),
        fields=requests.scalars(data, *_KNOWN),
        skeleton=requests.skeleton(data),
    )


# Any: JSON from outside, narrowed field by field.
def _conversation(messages: Any) -> tuple[str, str, list[str]]:  # noqa: ANN401
    """Split messages into the system's text, the user's text and the picture URLs, in order."""
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("field messages is required")
    system: list[str] = []
    prompt: list[str] = []
    urls: list[str] = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("system", "developer", "user"):
            raise InvalidRequest("messages: only system and user messages are understood")
        texts, pictures = _content(message.get("content"))
        (prompt if role == "user" else system).extend(texts)
        urls.extend(pictures)
    if not any(text.strip() for text in prompt):
        raise InvalidRequest("messages: the user says nothing")
    return "\n".join(system), "\n".join(prompt), urls


def _content(content: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401 - JSON from outside
    if isinstance(content, str):
        return [content], []
    if not isinstance(content, list) or not content:
        raise InvalidRequest("messages: content must be a string or a list of parts")
    texts: list[str] = []
    urls: list[str] = []
    for part in content:
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                urls.append(url)
            case _:
                raise InvalidRequest("messages: a part must be a text or an image_url with a url")
    return texts, urls


def _modalities(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON from outside
    if not isinstance(value, list) or not set(map(str, value)) <= {"text", "image"}:
        raise InvalidRequest("modalities must be a list of text and image")
    return tuple(value)


def _image_config(data: dict[str, Any]) -> dict[str, str]:
    """Find the picture's settings in the dialects of OpenRouter and of the new-api family."""
    google = data.get("extra_body") or {}
    google = google.get("google") or {} if isinstance(google, dict) else {}
    if not isinstance(google, dict) or "imageConfig" in google or "imageConfig" in data:
        raise InvalidRequest("google.imageConfig is not supported, use google.image_config")
    config = data.get("image_config") or google.get("image_config") or {}
    if not isinstance(config, dict) or not all(isinstance(v, str) for v in config.values()):
        raise InvalidRequest("image_config must be an object of strings")
    return config


def _include_usage(data: dict[str, Any]) -> bool:
    options = data.get("stream_options") or {}
    if not isinstance(options, dict) or (options and not data.get("stream")):
        raise InvalidRequest("stream_options is an object, and only allowed when stream is true")
    return requests.boolean(options, "include_usage")


def _said(system: str, name: str) -> str | None:
    """Read `name=value` from the system message: AiHubMix's dialect."""
    found = re.search(rf"\b{name}\s*=\s*([\w:]+)", system)
    return found[1] if found else None
