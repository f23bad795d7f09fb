"""Options: which model draws, in which shape and size, how often; a flag beats a preference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from time import monotonic

import structlog

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import Catalogue, default_model, successor
from bot.catalogue.presets import Presets, load_presets
from bot.catalogue.profiles import Profile
from bot.config import ConfigError, Settings
from bot.domain import Note, NoteKind, Preferences, Request, Source
from bot.jobs.flags import ENHANCE, NAMES, Flags, parse_flags, with_bare_words
from bot.jobs.gone_models import GoneModels
from bot.jobs.notes import alike, chosen_count, chosen_ratio, chosen_size, kept_words

log = structlog.get_logger(__name__)

SHORT = 6  # models in a menu where the operator has not chosen them


@dataclass(frozen=True, slots=True)
class Options:
    """A prompt without its flags, and how it is drawn; a ratio or size of None is the model's choice."""

    prompt: str
    profile: Profile
    aspect_ratio: str | None
    size: str | None
    count: int
    mask: bool
    notes: tuple[Note, ...] = ()

    def request(self, sources: tuple[Source, ...]) -> Request:
        return Request(
            prompt=self.prompt,
            model=self.profile.id,
            sources=sources,
            aspect_ratio=self.aspect_ratio,
            size=self.size,
            mask=self.mask,
            notes=self.notes,
        )


class OptionName(StrEnum):
    """Which flag cannot be obeyed."""

    MODEL = "model"
    NO_MODEL = "no_model"  # its name is missing
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class InvalidOption:
    """A flag that cannot be obeyed, nor guessed, and what there is instead."""

    option: OptionName
    known: tuple[str, ...] = ()


class UnsupportedReason(StrEnum):
    """Why a model cannot draw a prompt that others can."""

    WORDS_ONLY = "words_only"
    NEEDS_PICTURE = "needs_picture"
    NO_MASK = "no_mask"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A model that cannot draw a prompt, and the models on offer that can; none is possible.

    `reason` is None where the model has learnt it, or another was chosen, since that was asked.
    """

    reason: UnsupportedReason | None
    profile: Profile
    others: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Everything that can be chosen from, and what comes of choosing.

    `gone` has the models of which their gateways say so; `menu` are ids of those that menus show
    first, in this order, none for the catalogue's first ones. `order` is what operators have decided
    since, and goes before it where it is not empty.
    """

    catalogue: Catalogue
    default: Profile
    max_count: int
    clock: Callable[[], datetime]
    gone: GoneModels = field(default_factory=lambda: GoneModels(monotonic))
    menu: tuple[str, ...] = ()
    order: list[str] = field(default_factory=list, init=False)

    def parse(self, text: str) -> Flags:
        return parse_flags(text, self.catalogue.find)

    def wants_enhancing(self, text: str) -> bool | None:
        """Tell whether a prompt says that it is to be made better; None where it does not."""
        return self.parse(text).enhance if ENHANCE in text.casefold() else None

    def profile(self, preferences: Preferences) -> Profile:
        """The preferred model, or the default where that is not to be had."""
        known = self.catalogue.get(preferences.model or "")
        return self.default if known is None or known.id in self.gone.off else known

    def preferred(self, preferences: Preferences) -> Options:
        """How a prompt without flags is drawn: with the preferences that still can be met."""
        return self._options(self.profile(preferences), preferences, Flags(""))

    def with_known_model(self, request: Request) -> Request:
        """Swap a model that is not to be had for the default: old buttons stay alive."""
        request = replace(request, notes=())  # they were told
        if self.catalogue.get(request.model) and request.model not in self.gone.off:
            return request
        return replace(request, model=self.default.id, aspect_ratio=None, size=None, changed=True)

    def charge(self, request: Request) -> int:
        known = self.catalogue.get(request.model)
        return known.charge(request.size) if known else 1

    def models(self, current: Profile | None = None) -> list[Profile]:
        """The models on offer today, and the current one whatever became of it."""
        offered: Sequence[Profile] = self.catalogue.offered(self.clock().date())
        if off := self.gone.off:
            offered = [known for known in offered if known.id not in off]
        if current is None or current in offered:
            return list(offered)
        return [known for known in self.catalogue if known in offered or known is current]

    def short(self, models: Sequence[Profile], current: Profile | None) -> list[Profile]:
        """Choose the models that a menu shows first: a few, and the current one among them."""
        menu = self.order or self.menu
        if not menu and len(models) <= SHORT + 1:  # a button for more takes as much room
            return list(models)
        known = {one.id: one for one in models}
        first = [known[name] for name in menu if name in known] or list(models[:SHORT])
        return [*first, *(one for one in models if one is current and one not in first)]

    def check(self, flags: Flags, preferences: Preferences) -> Options | InvalidOption:
        """Tell what a prompt is drawn with, or that nobody can guess the model that it names."""
        profile = self._named(flags, preferences)
        if profile is None:
            name = OptionName.MODEL if flags.model else OptionName.NO_MODEL
            return InvalidOption(name, tuple(map(_word, self._nameable())))
        return self._options(
            profile, preferences, with_bare_words(flags, profile.aspect_ratios, profile.sizes)
        )

    def resolve(
        self,
        flags: Flags,
        preferences: Preferences,
        *,
        earlier: str = "",
        profile: Profile | None = None,
    ) -> Options:
        """Tell what a prompt is drawn with, by the usual model where the one that it names is gone.

        `earlier` are flags that were written before, with its pictures; `profile` beats both.
        """
        before = self.parse(earlier) if earlier else Flags("")
        named = profile is None
        profile = (
            profile or self._named(flags.over(before), preferences) or self.profile(preferences)
        )
        ratios, sizes = profile.aspect_ratios, profile.sizes
        flags = with_bare_words(flags, ratios, sizes)
        flags = flags.over(with_bare_words(before, ratios, sizes))
        return self._options(profile, preferences, flags, named=named)

    def instead(
        self,
        options: Options,
        flags: Flags,
        preferences: Preferences,
        sources: Sequence[Source],
        *,
        earlier: str,
    ) -> Options | None:
        """Have the usual model edit a picture whose own model cannot; None if it cannot either."""
        usual = self.profile(preferences)
        drawn = self.resolve(flags, preferences, earlier=earlier, profile=usual)
        if usual is options.profile or self.unsupported(drawn, sources):
            return None
        note = Note(NoteKind.CANNOT_EDIT, options.profile.label, usual.label)
        return replace(drawn, notes=(note, *drawn.notes))

    def unsupported(self, options: Options, sources: Sequence[Source]) -> Unsupported | None:
        """Tell why the model cannot draw from these pictures, the mask among them, and who can."""
        profile, inputs = options.profile, len(sources) - options.mask
        if profile.takes(inputs, mask=options.mask):
            return None
        able = self.able(len(sources), mask=options.mask)
        return Unsupported(_reason(profile, inputs), profile, able)

    def able(self, pictures: int, *, mask: bool) -> tuple[Profile, ...]:
        """The models on offer that can draw from so many pictures, the mask among them."""
        return tuple(one for one in self.models() if one.takes(pictures - mask, mask=mask))

    def _named(self, flags: Flags, preferences: Preferences) -> Profile | None:
        if flags.model is None:
            return self.profile(preferences)
        return self._find(flags.model) or alike(flags.model, self._nameable())

    def _nameable(self) -> list[Profile]:
        """The models on offer, and the default, which draws whatever became of it."""
        return [one for one in self.models(self.default) if one.id not in self.gone.off]

    def _find(self, word: str) -> Profile | None:
        """Find a model of the catalogue that operators have not switched off."""
        found = self.catalogue.find(word)
        return None if found is None or found.id in self.gone.off else found

    def _notes(self, flags: Flags, profile: Profile, *, named: bool) -> list[Note]:
        """Tell of flags that there are not, and of words that this model does not know."""
        notes = [Note(NoteKind.FLAG, written, read) for written, read in flags.misspelt]
        notes += [Note(NoteKind.TWICE, word, counts) for word, counts in flags.overruled]
        known = ", ".join(NAMES)
        notes += [Note(NoteKind.NO_FLAG, written, known) for written in flags.unknown]
        if named and flags.model is not None and self._find(flags.model) is None:
            guessed = alike(flags.model, self._nameable()) is profile
            kind = NoteKind.MODEL if guessed else NoteKind.GONE
            notes.append(Note(kind, flags.model, profile.label))
        ratios = {ratio for one in self.catalogue for ratio in one.aspect_ratios}
        return notes + kept_words(flags.foreign, profile, ratios)

    def _options(
        self, profile: Profile, preferences: Preferences, flags: Flags, *, named: bool = True
    ) -> Options:
        """`named` says that the flags, and no button, chose the model."""
        most = self.max_count
        count, of_count = chosen_count(flags.count, most)
        ratio, size = chosen_ratio(flags.ratio, profile), chosen_size(flags.size, profile)
        notes = (*ratio.notes, *size.notes, *of_count)
        if flags.said_more:
            notes = (*self._notes(flags, profile, named=named), *notes)
        return Options(
            prompt=flags.prompt,
            profile=profile,
            aspect_ratio=ratio.word or _known(profile.aspect_ratios, preferences.aspect_ratio),
            size=size.word or _known(profile.sizes, preferences.size),
            count=count or min(preferences.count or 1, most),
            mask=flags.mask,
            notes=notes,
        )


def _known(known: tuple[str, ...], word: str | None) -> str | None:
    return word.upper() if word and word.upper() in known else None


def _word(profile: Profile) -> str:
    """Name a model as it is typed behind `--model`: a label may hold spaces."""
    return profile.aliases[0] if profile.aliases else profile.id


def _reason(profile: Profile, inputs: int) -> UnsupportedReason:
    if not inputs:
        return UnsupportedReason.NEEDS_PICTURE
    if not profile.edits:
        return UnsupportedReason.WORDS_ONLY
    too_many = inputs > profile.max_inputs
    return UnsupportedReason.TOO_MANY if too_many else UnsupportedReason.NO_MASK


def load_options(settings: Settings, clock: Callable[[], datetime]) -> ModelOptions:
    """Read the catalogue and find the default model in it; raises ConfigError."""
    catalogue = load_catalogue(settings.models_file)
    default = default_model(catalogue, settings.default_model)
    menu = tuple(_of_menu(catalogue, word) for word in settings.menu_models)
    return ModelOptions(catalogue, default, settings.max_count, clock, menu=menu)


def instead_of_default(options: ModelOptions) -> str | None:
    """Name a model instead of a default that is gone, empty where there is none; None where it is not."""
    default, today = options.default, options.clock().date()
    if default.offered(today) and default.id not in options.gone:
        return None
    heir = successor(options.catalogue, default, today)
    return heir.id if heir else ""


def warn_of_retired(options: ModelOptions) -> None:
    """Tell the operator of a default model that has retired; for a bot that has started."""
    if (instead := instead_of_default(options)) is not None:
        model, other = options.default.id, instead or "none"
        log.warning("DEFAULT_MODEL is no longer offered", model=model, try_instead=other)


def _of_menu(catalogue: Catalogue, word: str) -> str:
    profile = catalogue.find(word)
    if profile is None:
        known = ", ".join(known.id for known in catalogue if not known.hidden)
        raise ConfigError(f"MENU_MODELS: {word} is not in the catalogue; there are: {known}")
    return profile.id


def load_presets_for(options: ModelOptions, file: Path | None) -> Presets:
    """Read the presets, whose flags some model must obey each; raises ConfigError."""
    presets = load_presets(file)
    models = [Preferences(model=profile.id) for profile in options.models()]
    for preset in presets:
        flags = options.parse(preset.fill("words"))
        results = [options.check(flags, model) for model in models]
        unknown = [word for result in results if (word := _unknown(result))]
        if unknown and len(unknown) == len(results):
            raise ConfigError(
                f"PRESETS_FILE: preset {preset.id}: prompt: no model knows {unknown[0]}"
            )
    return presets


def _unknown(result: Options | InvalidOption) -> str:
    """Tell what a model does not know of a preset; empty if it can draw it as it is written."""
    if isinstance(result, InvalidOption):
        return f"its {result.option}"
    return result.notes[0].word if result.notes else ""
