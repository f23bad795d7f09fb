"""An order: what to ask a model for, and where that has to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.catalogue.profiles import Profile, Route


@dataclass(frozen=True, slots=True)
class Input:
    """An input picture that is ready to be sent: `size` in bytes, `sha256` its name in the store.

    `mime` is `image/png`, `image/jpeg` or `image/webp`: what gateways of every family take.
    """

    sha256: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask a model for; `mask` shows where in the first input to draw.

    A ratio, a size or a mask that the profile does not declare is not sent: the order may have
    been meant for another model. `insist` repeats the demand for a picture, after an answer of
    words alone.
    """

    prompt: str
    profile: Profile
    inputs: tuple[Input, ...] = ()
    aspect_ratio: str | None = None
    size: str | None = None
    mask: Input | None = None
    insist: bool = False

    @property
    def text(self) -> str:
        """The prompt with the profile's sentences behind it."""
        retry = self.profile.retry_sentence if self.insist else ""
        return " ".join(filter(None, (self.prompt, self.profile.image_sentence, retry)))


def route_of(order: Order) -> Route:
    """Say where an order is asked; ValueError if its model can do nothing of the kind."""
    route = order.profile.edit_route if order.inputs else order.profile.route
    if route is None:
        raise ValueError(f"{order.profile.id} has no route for {len(order.inputs)} pictures")
    return route
