"""Alternatives: what can be changed about a request that was drawn, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.catalogue.profiles import Profile
from bot.domain import Request
from bot.jobs.options import ModelOptions

AUTO = "auto"  # a ratio or size that the model chooses


class AlternativeKind(StrEnum):
    """What can be changed about a request that was drawn."""

    RATIO = "ratio"
    SIZE = "size"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One thing that a request can be changed to: its word, how people call it, if it is so now.

    The word AUTO has no label of its own. `credits` is what a picture counts as then, where that
    differs from the request as it is.
    `gone` is a model that its gateway says it does not have.
    """

    word: str
    label: str
    current: bool = False
    credits: int | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What can be changed about a request, and what comes of it."""

    options: ModelOptions

    def kinds(self, request: Request) -> list[AlternativeKind]:
        """List what there is something to choose from for; no price is looked up."""
        profile = self._profile(request)
        inputs, mask = len(request.sources) - request.mask, request.mask
        there = {
            AlternativeKind.RATIO: bool(profile.aspect_ratios),
            AlternativeKind.SIZE: bool(profile.sizes),
            AlternativeKind.MODEL: any(
                one is not profile and one.takes(inputs, mask=mask) for one in self.options.models()
            ),
        }
        return [kind for kind, is_there in there.items() if is_there]

    def alternatives(self, request: Request, kind: AlternativeKind) -> tuple[Alternative, ...]:
        """List what a request can be changed to; none where there is nothing to choose from."""
        profile = self._profile(request)
        match kind:
            case AlternativeKind.RATIO:
                current = request.aspect_ratio or AUTO
                words = (AUTO, *profile.aspect_ratios) if profile.aspect_ratios else ()
                return tuple(Alternative(word, word, word == current) for word in words)
            case AlternativeKind.SIZE:
                current = request.size or AUTO
                words = (AUTO, *profile.sizes) if profile.sizes else ()
                sizes = [(word, replace(request, size=_chosen(word))) for word in words]
                return tuple(
                    Alternative(word, word, word == current, self._other_price(request, other))
                    for word, other in sizes
                )
            case AlternativeKind.MODEL:
                able = self.options.able(len(request.sources), mask=request.mask)
                if not any(one is not profile for one in able):
                    return ()
                return tuple(
                    Alternative(
                        one.id,
                        one.label,
                        one is profile,
                        self._other_price(request, _drawn_by(request, one)),
                        gone=one.id in self.options.gone,
                    )
                    for one in able
                )

    def short(self, request: Request) -> list[str]:
        """Name the models that a menu of alternatives shows first, in its order."""
        able = self.options.able(len(request.sources), mask=request.mask)
        return [one.id for one in self.options.short(able, self._profile(request))]

    def changed(self, request: Request, kind: AlternativeKind, word: str) -> Request | None:
        """Make the changed request; None if there is no such alternative: data can be forged."""
        if word not in {one.word for one in self.alternatives(request, kind)}:
            return None
        profile = self.options.catalogue.get(word) if kind is AlternativeKind.MODEL else None
        drawn = _drawn_by(request, profile or self._profile(request))
        if kind is AlternativeKind.RATIO:
            drawn = replace(drawn, aspect_ratio=_chosen(word))
        elif kind is AlternativeKind.SIZE:
            drawn = replace(drawn, size=_chosen(word))
        return replace(drawn, changed=request.changed or drawn != request)

    def described(self, request: Request, model: str) -> str:
        """Write how a model drew a request, such as `FLUX · 16:9`: what it does not know is left out."""
        profile = self.options.catalogue.get(model)
        ratio, size = request.aspect_ratio, request.size
        known = profile.aspect_ratios + profile.sizes if profile else ()
        label = self.options.catalogue.label(model)
        return " · ".join([label, *(word for word in (ratio, size) if word in known)])

    def _other_price(self, now: Request, changed: Request) -> int | None:
        price = self.options.charge(changed)
        return price if price != self.options.charge(now) else None

    def _profile(self, request: Request) -> Profile:
        return self.options.catalogue.get(request.model) or self.options.default


def _chosen(word: str) -> str | None:
    return None if word == AUTO else word


def _drawn_by(request: Request, profile: Profile) -> Request:
    ratio, size = request.aspect_ratio, request.size
    return replace(
        request,
        model=profile.id,
        aspect_ratio=ratio if ratio in profile.aspect_ratios else None,
        size=size if size in profile.sizes else None,
    )
