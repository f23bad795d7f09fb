"""The form that `images/edits` and `images/variations` take: multipart/form-data of RFC 7578."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bot.catalogue.profiles import Route
from bot.upstream.body import Body, Raw
from bot.upstream.order import route_of
from bot.upstream.shape import shape

if TYPE_CHECKING:
    from bot.upstream.order import Input, Order

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def form(order: Order, boundary: str) -> Body:
    """Build the form; `boundary` must be such that nothing in it can hold it."""
    parts: list[bytes | Raw] = [_text(name, text, boundary) for name, text in _texts(order).items()]
    name = "image" if len(order.inputs) == 1 else "image[]"
    for picture in order.inputs:
        parts += _file(name, "image", picture, boundary)
    if order.mask and order.profile.mask:
        parts += _file("mask", "mask", order.mask, boundary)
    end = f"--{boundary}--\r\n".encode()
    return Body((*parts, end), route_of(order), f"multipart/form-data; boundary={boundary}")


def _texts(order: Order) -> dict[str, str]:
    profile = order.profile
    texts: dict[str, object] = {"model": profile.name, "n": 1}
    if route_of(order) is not Route.VARIATIONS:  # a variation has no prompt
        texts["prompt"] = order.text
    if profile.stream:
        texts["stream"] = True
    texts |= shape(order) | dict(profile.extra)
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in texts.items()
    }


def _text(name: str, text: str, boundary: str) -> bytes:
    return f"{_head(boundary, name)}\r\n\r\n{text}\r\n".encode()


def _file(field: str, name: str, picture: Input, boundary: str) -> list[bytes | Raw]:
    filename = f"{name}.{_ENDINGS.get(picture.mime, 'bin')}"
    head = (
        f'{_head(boundary, field)}; filename="{filename}"\r\nContent-Type: {picture.mime}\r\n\r\n'
    )
    return [head.encode(), Raw(picture), b"\r\n"]


def _head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
