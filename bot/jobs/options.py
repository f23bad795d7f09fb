"""Options: which model draws, in which shape and size, how often; a flag beats a preference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.jobs import flags

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.catalogue.models import Catalogue
    from bot.catalogue.profiles import Profile
    from bot.domain import Preferences, Request
    from bot.jobs.flags import Flags


@dataclass(frozen=True, slots=True)
class Options:
    """What a wish comes to: its words without flags, and how they are drawn.

    An aspect ratio or size of None is left to the drawing.
    """

    prompt: str
    profile: Profile
    aspect_ratio: str | None
    size: str | None
    count: int
    mask: bool


class OptionName(StrEnum):
    """Which flag cannot be obeyed."""

    MODEL = "model"
    RATIO = "ratio"
    SIZE = "size"
    COUNT = "count"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class InvalidOption:
    """A flag that cannot be obeyed, and what there is instead.

    `model` is the label of the model that does not know the word.
    """

    problem: OptionName
    known: tuple[str, ...] = ()
    model: str = ""


class UnsupportedReason(StrEnum):
    """Why a model cannot draw a wish that others can."""

    WORDS_ONLY = "words_only"
    NEEDS_PICTURE = "needs_picture"
    NO_MASK = "no_mask"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A model that cannot draw a wish, and the models on offer that can; none is possible.

    `lack` is None where the model has learnt it, or another was chosen, since that was asked.
    """

    lack: UnsupportedReason | None
    profile: Profile
    others: tuple[Profile, ...]


class ModelOptions:
    """Everything that can be chosen from, and what comes of choosing."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        default: Profile,
        max_count: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self.catalogue = catalogue
        self.default = default
        self.max_count = max_count

    def profile(self, chosen: Preferences) -> Profile:
        """Find the chosen model, or the default where it has left the catalogue."""
        return self.catalogue.get(chosen.model or "") or self.default

    def preferred(self, chosen: Preferences) -> Options:
        """Tell what a prompt without flags is drawn with: the choices that still exist."""
        return self._obeyed(self.profile(chosen), chosen, flags.Flags(""))

    def charge(self, request: Request) -> int:
        """Tell what a picture of a request counts as against the limits of whoever asks for it."""
        known = self.catalogue.get(request.model)
        return known.charge(request.size) if known else 1

    def models(self, current: Profile | None = None) -> list[Profile]:
        """List the models on offer today, and the current one whatever became of it."""
        today = self._clock().date()
        return [known for known in self.catalogue if known.offered(today) or known is current]

    def misfit(self, prompt: str, chosen: Preferences) -> InvalidOption | None:
        """Find a flag that cannot be obeyed."""
        said = flags.parse(prompt, self.catalogue.find)
        profile = self._named(said, chosen)
        if profile is None:
            return InvalidOption(OptionName.MODEL, tuple(map(_word, self.models())))
        said = flags.bare(said, profile.aspect_ratios, profile.sizes)
        lists = (
            (OptionName.RATIO, said.ratio, profile.aspect_ratios),
            (OptionName.SIZE, said.size, profile.sizes),
        )
        for problem, word, known in lists:
            if word is not None and word.upper() not in known:
                return InvalidOption(problem, known, profile.label)
        if said.count is not None and _count(said.count, self.max_count) is None:
            return InvalidOption(OptionName.COUNT, (str(self.max_count),))
        return None

    def enhanced(self, prompt: str) -> bool | None:
        """Tell whether a prompt says that it is to be made better; None where it does not."""
        return flags.parse(prompt, self.catalogue.find).enhance

    def options(
        self, prompt: str, chosen: Preferences, *, spare: str = "", model: Profile | None = None
    ) -> Options:
        """Tell what a prompt is drawn with, as far as the model knows what was asked for.

        `spare` are flags that were written earlier; `model` beats what was written.
        """
        find = self.catalogue.find
        own, earlier = flags.parse(prompt, find), flags.parse(spare, find)
        profile = model or self._named(own.over(earlier), chosen) or self.profile(chosen)
        ratios, sizes = profile.aspect_ratios, profile.sizes
        said = flags.bare(own, ratios, sizes).over(flags.bare(earlier, ratios, sizes))
        return self._obeyed(profile, chosen, said)

    def inability(self, profile: Profile, pictures: int, *, mask: bool) -> Unsupported | None:
        """Tell why a model cannot draw from so many pictures, the mask among them, and who can."""
        inputs = pictures - mask
        if profile.takes(inputs, mask=mask):
            return None
        return Unsupported(_lack(profile, inputs), profile, self.able(pictures, mask=mask))

    def able(self, pictures: int, *, mask: bool) -> tuple[Profile, ...]:
        """List the models on offer that can draw from so many pictures, the mask among them."""
        takes = [known for known in self.models() if known.takes(pictures - mask, mask=mask)]
        return tuple(takes)

    def _named(self, said: Flags, chosen: Preferences) -> Profile | None:
        if said.model is None:
            return self.profile(chosen)
        return self.catalogue.find(said.model)

    def _obeyed(self, profile: Profile, chosen: Preferences, said: Flags) -> Options:
        most = self.max_count
        return Options(
            prompt=said.prompt,
            profile=profile,
            aspect_ratio=_known(profile.aspect_ratios, said.ratio, chosen.aspect_ratio),
            size=_known(profile.sizes, said.size, chosen.size),
            count=_count(said.count or "", most) or min(chosen.count or 1, most),
            mask=said.mask,
        )


def _known(known: tuple[str, ...], *wanted: str | None) -> str | None:
    """Take the first wanted word that a model knows."""
    return next((word.upper() for word in wanted if word and word.upper() in known), None)


def _count(word: str, most: int) -> int | None:
    digits = word.isascii() and word.isdigit() and len(word) < 4  # noqa: PLR2004 - no huge numbers
    return int(word) if digits and 1 <= int(word) <= most else None


def _word(profile: Profile) -> str:
    """Name a model as it is typed behind `--model`: a label may hold spaces."""
    return profile.aliases[0] if profile.aliases else profile.id


def _lack(profile: Profile, inputs: int) -> UnsupportedReason:
    if not inputs:
        return UnsupportedReason.NEEDS_PICTURE
    if not profile.edits:
        return UnsupportedReason.WORDS_ONLY
    return UnsupportedReason.TOO_MANY if inputs > profile.max_inputs else UnsupportedReason.NO_MASK


class AlternativeKind(StrEnum):
    """What can be changed about a request that was drawn."""

    RATIO = "ratio"
    SIZE = "size"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One thing that a request can be changed to: its word, how people call it, if it is so now.

    `credits` is what a picture counts as then, where that differs from the request as it is.
    """

    word: str
    label: str
    current: bool = False
    credits: int | None = None


class Alternatives:
    """Tells what can be changed about a request, and what comes of it: all of it at any time."""

    def __init__(self, choices: ModelOptions) -> None:
        self._options = choices

    def variants(self, request: Request, change: AlternativeKind) -> tuple[Alternative, ...]:
        """List what a request can be changed to; none where there is nothing to choose from."""
        profile = self._profile(request)
        match change:
            case AlternativeKind.RATIO:
                words, current = profile.aspect_ratios, request.aspect_ratio
            case AlternativeKind.SIZE:
                words, current = profile.sizes, request.size
            case AlternativeKind.MODEL:
                able = self._options.able(len(request.sources), mask=request.mask)
                others = (known for known in able if known is not profile)
                return tuple(self._drawn_with(request, known) for known in others)
        if change is AlternativeKind.RATIO:
            return tuple(Alternative(word, word, word == current) for word in words)
        prices = ((word, profile.charge(word)) for word in words)
        now = self._options.charge(request)
        return tuple(
            Alternative(word, word, word == current, price if price != now else None)
            for word, price in prices
        )

    def charge(self, request: Request) -> int:
        """Tell what a picture of a request counts as."""
        return self._options.charge(request)

    def changed(self, request: Request, change: AlternativeKind, word: str) -> Request | None:
        """Make the changed request; None if there is no such variant: data can be forged."""
        if word not in {variant.word for variant in self.variants(request, change)}:
            return None
        drawn = self._drawn_by(request, self._profile(request))
        match change:
            case AlternativeKind.RATIO:
                return replace(drawn, aspect_ratio=word)
            case AlternativeKind.SIZE:
                return replace(drawn, size=word)
            case AlternativeKind.MODEL:
                profile = self._options.catalogue.get(word)
                return self._drawn_by(request, profile) if profile else None

    def _drawn_with(self, request: Request, profile: Profile) -> Alternative:
        price = self._options.charge(self._drawn_by(request, profile))
        differs = price != self._options.charge(request)
        return Alternative(profile.id, profile.label, credits=price if differs else None)

    def _profile(self, request: Request) -> Profile:
        return self._options.catalogue.get(request.model) or self._options.default

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
