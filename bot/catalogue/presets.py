"""Presets: requests that are ready to be pressed, shipped and the operator's own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StrictBool

from bot.catalogue.toml import STRICT, naming, read_file, read_toml, validated
from bot.config import ConfigError
from bot.i18n.texts import LOCALES
from bot.values import matching

WORDS = "{words}"  # in a prompt: what the person writes

_SHIPPED = Path(__file__).with_name("presets.toml")


def _words_only(prompt: str) -> str:
    for place in re.findall(r"\{\w+\}", prompt):
        if place != WORDS:
            raise ValueError(f"has {place}, but only {WORDS} is replaced")
    return prompt


def _locale(name: str) -> str:
    if name not in LOCALES:
        raise ValueError(f"is no language; there are {', '.join(LOCALES)}")
    return name


@dataclass(frozen=True, slots=True)
class Preset:
    """A ready request.

    `labels` are by locale, `label` is for all others; ours have none, their names are texts. One
    that is not `offered` has nothing but its id, and takes away what an earlier file has there.
    """

    __pydantic_config__ = STRICT

    id: Annotated[
        str,
        matching(
            "[a-z0-9][a-z0-9-]{0,29}",
            'must be small letters, digits and dashes such as "id-photo"',
        ),
    ]
    prompt: Annotated[str, Field(max_length=2000), AfterValidator(_words_only)] = ""
    emoji: Annotated[str, Field(max_length=8)] = ""
    label: Annotated[str, Field(max_length=30)] = ""
    labels: Mapping[
        Annotated[str, AfterValidator(_locale)], Annotated[str, Field(min_length=1, max_length=30)]
    ] = field(default_factory=dict)
    offered: StrictBool = True

    @property
    def from_words(self) -> bool:
        """Whether it needs words; all others need a picture."""
        return WORDS in self.prompt

    def name(self, locale: str) -> str:
        """Its own name in a language, empty where it has none of its own."""
        return self.labels.get(locale, self.label)

    def fill(self, words: str = "") -> str:
        """The prompt with these words; where it has no place for them, they follow it."""
        if self.from_words:
            return self.prompt.replace(WORDS, words)
        return f"{self.prompt}\n{words}" if words else self.prompt

    def words_in(self, prompt: str) -> str | None:
        """The words that a person put into this preset's prompt; None if it is another prompt."""
        before, _, after = self.prompt.partition(WORDS)
        if not self.from_words:
            words = prompt[len(before) :].removeprefix("\n")
        elif before or after:
            words = prompt[len(before) : len(prompt) - len(after)]
        else:
            return None
        return words if self.fill(words) == prompt else None


class Presets:
    """All presets, in the order in which people see them."""

    def __init__(self, presets: tuple[Preset, ...] = ()) -> None:
        self._presets = {preset.id: preset for preset in presets}

    def __iter__(self) -> Iterator[Preset]:
        return iter(self._presets.values())

    def get(self, preset_id: str) -> Preset | None:
        return self._presets.get(preset_id)

    def wording(self, prompt: str) -> tuple[Preset, str] | None:
        """The preset that a prompt is from, and the words that a person put into it."""
        for preset in self:
            words = preset.words_in(prompt)
            if words is not None:
                return preset, words
        return None

    @property
    def of_pictures(self) -> tuple[Preset, ...]:
        return tuple(preset for preset in self if not preset.from_words)


def load_presets(path: Path | None = None) -> Presets:
    """Read the shipped presets, and lay those at `path` over them; raises ConfigError."""
    shipped = parse_presets(read_file(_SHIPPED), str(_SHIPPED), own=False)
    with naming("PRESETS_FILE"):
        return parse_presets(read_file(path), str(path), shipped) if path else shipped


def parse_presets(
    text: str, name: str, below: Presets | None = None, *, own: bool = True
) -> Presets:
    """Read presets from TOML over those `below`; `name` is the file's, for ConfigError.

    An id that is known replaces that preset in its place, `offered = false` takes it away, a new
    one stands behind all others, `extends = false` leaves nothing of what is below. `own` ones
    have a label each, where they replace none.
    """
    with naming(name):
        file = validated(_PresetsFile, read_toml(text))
        if below is None or not file.extends:
            below = Presets()
        if wrong := next(_conflicts(file.preset, below, own=own), None):
            raise ConfigError(wrong)
        merged = {preset.id: preset for preset in (*below, *file.preset)}
        return Presets(tuple(preset for preset in merged.values() if preset.offered))


def _conflicts(presets: tuple[Preset, ...], below: Presets, *, own: bool) -> Iterator[str]:
    for preset_id, count in Counter(preset.id for preset in presets).items():
        if count > 1:
            yield f"preset {preset_id}: id is there twice"
    for preset in presets:
        known = below.get(preset.id)
        if not preset.offered and known is None:
            yield f"preset {preset.id}: id is no preset that could be taken away"
        if preset.offered and own and known is None and not preset.label:
            yield f"preset {preset.id}: label is missing"


def _entry(preset: Preset) -> Preset:
    if preset.offered and not preset.prompt:
        raise ValueError("prompt is missing")
    for name in ("prompt", "emoji", "label", "labels"):
        if not preset.offered and getattr(preset, name):
            raise ValueError(f"{name} has no use where offered is false")
    return preset


class _PresetsFile(BaseModel):
    model_config = STRICT

    extends: StrictBool = True
    preset: tuple[Annotated[Preset, AfterValidator(_entry)], ...] = ()
