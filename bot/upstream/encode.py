"""Encoding: an order becomes the body of the route that its model is asked at."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bot.catalogue.profiles import InputDialect, Route
from bot.upstream.body import Body, Raw, Read, stream
from bot.upstream.chat_body import chat_body
from bot.upstream.form import form
from bot.upstream.images_body import images_body
from bot.upstream.order import Input, Order, route_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Body", "Input", "Order", "Raw", "Read", "encode", "route_of", "stream"]


def _boundary() -> str:
    """Make what no picture can hold: nobody could guess it, and chance will not."""
    return f"picturebot-{secrets.token_hex(24)}"


def encode(order: Order, boundary: Callable[[], str] = _boundary) -> Body:
    """Build the body of a request; ValueError if the model can do nothing of the kind."""
    if route_of(order) is Route.CHAT:
        return chat_body(order)
    if order.inputs and order.profile.inputs is InputDialect.MULTIPART:
        return form(order, boundary())
    return images_body(order)
