"""The body of `chat/completions`: a message of words and pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bot.catalogue.profiles import Modalities, Route
from bot.upstream.body import Body
from bot.upstream.shape import shape, spoken

if TYPE_CHECKING:
    from bot.upstream.order import Input, Order

_MODALITIES = {
    Modalities.TEXT_IMAGE: ["text", "image"],
    Modalities.IMAGE_TEXT: ["image", "text"],
    Modalities.IMAGE: ["image"],
}


def chat_body(order: Order) -> Body:
    """Build the body of a chat with one message."""
    options = json.dumps(_options(order)).removesuffix("}")
    system = "".join(f"{json.dumps(message)}, " for message in _system(order))
    head = f'{options}, "messages": [{system}{{"role": "user", "content": '.encode()
    return Body((head, *_content(order), b"}]}"), Route.CHAT)


def _options(order: Order) -> dict[str, object]:
    profile = order.profile
    options: dict[str, object] = {"model": profile.name, "stream": profile.stream}
    if profile.stream:  # else no usage comes with a stream
        options["stream_options"] = {"include_usage": True}
    if modalities := _MODALITIES.get(profile.modalities):
        options["modalities"] = modalities
    return options | shape(order) | dict(profile.extra)


def _system(order: Order) -> list[dict[str, str]]:
    words = spoken(order)
    return [{"role": "system", "content": words}] if words else []


def _content(order: Order) -> list[bytes | Input]:
    """Text alone goes as a string, which every gateway takes; pictures need parts, text first."""
    if not order.inputs:
        return [json.dumps(order.text).encode()]
    parts: list[bytes | Input] = [b"[", json.dumps({"type": "text", "text": order.text}).encode()]
    for picture in order.inputs:
        url = f', {{"type": "image_url", "image_url": {{"url": "data:{picture.mime};base64,'
        parts += [url.encode(), picture, b'"}}']
    return [*parts, b"]"]
