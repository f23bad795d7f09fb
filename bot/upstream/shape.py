"""The shape of the picture that is wanted: how its ratio and size are told in each dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.catalogue.profiles import RatioDialect

if TYPE_CHECKING:
    from bot.upstream.order import Order

_SQUARE = "1:1"


def shape(order: Order) -> dict[str, object]:
    """Make the fields of the body that tell ratio and size; none where there is nothing to tell."""
    ratio, size = _ratio(order), _size(order)
    config = _given(aspect_ratio=ratio, image_size=size)
    match order.profile.ratio_dialect:
        case RatioDialect.IMAGE_CONFIG if config:
            return {"image_config": config}
        case RatioDialect.EXTRA_BODY if config:
            # The new-api family wants this key literally, in snake case.
            return {"extra_body": {"google": {"image_config": config}}}
        case RatioDialect.PIXELS:
            return _given(size=_pixels(order, ratio, size))
        case RatioDialect.RATIO:
            return _given(aspect_ratio=ratio, resolution=size)
        case RatioDialect.RATIO_LOWER:
            return _given(aspect_ratio=ratio, resolution=size and size.lower())
        case _:
            return {}


def spoken(order: Order) -> str:
    """Tell ratio and size in a system message's words; empty in all other dialects."""
    if order.profile.ratio_dialect is not RatioDialect.SYSTEM_MESSAGE:
        return ""
    told = _given(aspect_ratio=_ratio(order), image_size=_size(order))
    return "\n".join(f"{name}={value}" for name, value in told.items())


def _ratio(order: Order) -> str | None:
    return order.aspect_ratio if order.aspect_ratio in order.profile.aspect_ratios else None


def _size(order: Order) -> str | None:
    return order.size if order.size in order.profile.sizes else None


def _given(**fields: str | None) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _pixels(order: Order, ratio: str | None, size: str | None) -> str | None:
    """Find the ratio's pixels at that size; a size without a ratio is a square."""
    if not ratio and not size:
        return None
    base = dict(order.profile.pixels).get(ratio or _SQUARE)
    if not base or not size:
        return base
    factor = _side(size) / _side(order.profile.base_size)
    width, height = (round(int(side) * factor) for side in base.split("x"))
    return f"{width}x{height}"


def _side(size: str) -> int:
    return int(size[:-1]) * 1024 if size.endswith("K") else int(size)
