"""The JSON body of the images routes: a prompt, and pictures in the profile's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bot.catalogue.profiles import InputDialect
from bot.upstream.body import Body
from bot.upstream.order import route_of
from bot.upstream.shape import shape

if TYPE_CHECKING:
    from bot.upstream.order import Input, Order


def images_body(order: Order) -> Body:
    """Build the JSON body of an images route."""
    head = json.dumps(_options(order)).removesuffix("}").encode()
    return Body((head, *_inputs(order), b"}"), route_of(order))


def _options(order: Order) -> dict[str, object]:
    profile = order.profile
    options: dict[str, object] = {"model": profile.name, "prompt": order.text, "n": 1}
    if profile.stream:
        options["stream"] = True
    return options | shape(order) | dict(profile.extra)


def _inputs(order: Order) -> list[bytes | Input]:
    dialect, pictures = order.profile.inputs, order.inputs
    if not pictures:
        return []
    if dialect is InputDialect.REFERENCES:
        return _pictures("input_references", pictures, dialect)
    if len(pictures) == 1:
        parts = [b', "image": ', *_picture(pictures[0], dialect)]
    else:
        parts = _pictures(_SEVERAL[dialect], pictures, dialect)
    if order.mask and order.profile.mask:
        parts += [b', "mask": ', *_picture(order.mask, dialect)]
    return parts


def _pictures(
    field: str, pictures: tuple[Input, ...], dialect: InputDialect
) -> list[bytes | Input]:
    parts: list[bytes | Input] = [f', "{field}": ['.encode()]
    for at, picture in enumerate(pictures):
        parts += [b", " if at else b"", *_picture(picture, dialect)]
    return [*parts, b"]"]


def _picture(picture: Input, dialect: InputDialect) -> list[bytes | Input]:
    before, after = _WRAPPED[dialect]
    return [f'{before}"data:{picture.mime};base64,'.encode(), picture, f'"{after}'.encode()]


_SEVERAL = {InputDialect.IMAGE: "image", InputDialect.IMAGE_OBJECTS: "images"}
_WRAPPED = {
    InputDialect.IMAGE: ("", ""),
    InputDialect.IMAGE_OBJECTS: ('{"url": ', "}"),
    InputDialect.REFERENCES: ('{"type": "image_url", "image_url": {"url": ', "}}"),
}
