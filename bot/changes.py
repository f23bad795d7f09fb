"""Changes: a request in another shape or size, or drawn by another model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.catalogue.profiles import Profile
    from bot.domain import Request
    from bot.options import Choices


class Change(StrEnum):
    """What can be changed about a request that was drawn."""

    RATIO = "ratio"
    SIZE = "size"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing that a request can be changed to: its word, how people call it, if it is so now.

    `credits` is what a picture counts as then, where that differs from the request as it is.
    """

    word: str
    label: str
    current: bool = False
    credits: int | None = None


class Changes:
    """Tells what can be changed about a request, and what comes of it: all of it at any time."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def variants(self, request: Request, change: Change) -> tuple[Variant, ...]:
        """List what a request can be changed to; none where there is nothing to choose from."""
        profile = self._profile(request)
        match change:
            case Change.RATIO:
                words, current = profile.aspect_ratios, request.aspect_ratio
            case Change.SIZE:
                words, current = profile.sizes, request.size
            case Change.MODEL:
                able = self._choices.able(len(request.sources), mask=request.mask)
                others = (known for known in able if known is not profile)
                return tuple(self._drawn_with(request, known) for known in others)
        if change is Change.RATIO:
            return tuple(Variant(word, word, word == current) for word in words)
        prices = ((word, profile.charge(word)) for word in words)
        now = self._choices.charge(request)
        return tuple(
            Variant(word, word, word == current, price if price != now else None)
            for word, price in prices
        )

    def charge(self, request: Request) -> int:
        """Tell what a picture of a request counts as."""
        return self._choices.charge(request)

    def changed(self, request: Request, change: Change, word: str) -> Request | None:
        """Make the changed request; None if there is no such variant: data can be forged."""
        if word not in {variant.word for variant in self.variants(request, change)}:
            return None
        drawn = self._drawn_by(request, self._profile(request))
        match change:
            case Change.RATIO:
                return replace(drawn, aspect_ratio=word)
            case Change.SIZE:
                return replace(drawn, size=word)
            case Change.MODEL:
                profile = self._choices.catalogue.get(word)
                return self._drawn_by(request, profile) if profile else None

    def _drawn_with(self, request: Request, profile: Profile) -> Variant:
        price = self._choices.charge(self._drawn_by(request, profile))
        differs = price != self._choices.charge(request)
        return Variant(profile.id, profile.label, credits=price if differs else None)

    def _profile(self, request: Request) -> Profile:
        return self._choices.catalogue.get(request.model) or self._choices.default

    @staticmethod
    def _drawn_by(request: Request, profile: Profile) -> Request:
        """Name the model, and leave out what it does not know."""
        ratio, size = request.aspect_ratio, request.size
        return replace(
            request,
            model=profile.id,
            aspect_ratio=ratio if ratio in profile.aspect_ratios else None,
            size=size if size in profile.sizes else None,
        )
