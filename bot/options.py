"""Options: which model draws, in which shape and size, how often; a flag beats a preference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot import flags

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.catalogue.models import Catalogue
    from bot.catalogue.profiles import Profile
    from bot.domain import Preferences, Request
    from bot.flags import Flags


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


class Problem(StrEnum):
    """Which flag cannot be obeyed."""

    MODEL = "model"
    RATIO = "ratio"
    SIZE = "size"
    COUNT = "count"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A flag that cannot be obeyed, and what there is instead.

    `model` is the label of the model that does not know the word.
    """

    problem: Problem
    known: tuple[str, ...] = ()
    model: str = ""


class Lack(StrEnum):
    """Why a model cannot draw a wish that others can."""

    WORDS_ONLY = "words_only"
    NEEDS_PICTURE = "needs_picture"
    NO_MASK = "no_mask"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Inability:
    """A model that cannot draw a wish, and the models on offer that can; none is possible.

    `lack` is None where the model has learnt it, or another was chosen, since that was asked.
    """

    lack: Lack | None
    profile: Profile
    others: tuple[Profile, ...]


class Choices:
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

    def misfit(self, prompt: str, chosen: Preferences) -> Misfit | None:
        """Find a flag that cannot be obeyed."""
        said = flags.parse(prompt, self.catalogue.find)
        profile = self._named(said, chosen)
        if profile is None:
            return Misfit(Problem.MODEL, tuple(map(_word, self.models())))
        said = flags.bare(said, profile.aspect_ratios, profile.sizes)
        lists = (
            (Problem.RATIO, said.ratio, profile.aspect_ratios),
            (Problem.SIZE, said.size, profile.sizes),
        )
        for problem, word, known in lists:
            if word is not None and word.upper() not in known:
                return Misfit(problem, known, profile.label)
        if said.count is not None and _count(said.count, self.max_count) is None:
            return Misfit(Problem.COUNT, (str(self.max_count),))
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

    def inability(self, profile: Profile, pictures: int, *, mask: bool) -> Inability | None:
        """Tell why a model cannot draw from so many pictures, the mask among them, and who can."""
        inputs = pictures - mask
        if profile.takes(inputs, mask=mask):
            return None
        return Inability(_lack(profile, inputs), profile, self.able(pictures, mask=mask))

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


def _lack(profile: Profile, inputs: int) -> Lack:
    if not inputs:
        return Lack.NEEDS_PICTURE
    if not profile.edits:
        return Lack.WORDS_ONLY
    return Lack.TOO_MANY if inputs > profile.max_inputs else Lack.NO_MASK
