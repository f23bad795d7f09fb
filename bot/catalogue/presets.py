"""Presets: requests that are ready to be pressed, shipped and the operator's own."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot.catalogue.entry import Entry, Wrong
from bot.config import ConfigError
from bot.i18n.texts import LOCALES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WORDS = "{words}"  # in a prompt: what the person writes

_SHIPPED = Path(__file__).parent / "presets.toml"
_ID = r"[a-z0-9][a-z0-9-]{0,29}"
_LONGEST_LABEL, _LONGEST_EMOJI = 30, 8
_LONGEST_PROMPT = 2000
_SHOWN = ("prompt", "emoji", "label", "labels")


@dataclass(frozen=True, slots=True)
class Preset:
    """A ready request.

    `labels` are by locale, `label` is for all others; ours have none, their names are texts.
    """

    id: str
    prompt: str
    emoji: str = ""
    label: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def from_words(self) -> bool:
        """Whether it needs words; all others need a picture."""
        return WORDS in self.prompt

    def name(self, locale: str) -> str:
        """Its own name in a language, empty where it has none of its own."""
        return self.labels.get(locale, self.label)

    def asking(self, words: str = "") -> str:
        """Word the request; words that have no place in it follow it."""
        if self.from_words:
            return self.prompt.replace(WORDS, words)
        return f"{self.prompt}\n{words}" if words else self.prompt

    def words_in(self, prompt: str) -> str | None:
        """Tell what a person wrote in a prompt of this preset's wording; None for all others."""
        before, _, after = self.prompt.partition(WORDS)
        if not self.from_words:
            words = prompt[len(before) :].removeprefix("\n")
        elif before or after:
            words = prompt[len(before) : len(prompt) - len(after)]
        else:
            return None
        return words if self.asking(words) == prompt else None


class Presets:
    """All presets, in the order in which people see them."""

    def __init__(self, presets: tuple[Preset, ...] = ()) -> None:
        self._presets = {preset.id: preset for preset in presets}

    def __iter__(self) -> Iterator[Preset]:
        return iter(self._presets.values())

    def get(self, preset_id: str) -> Preset | None:
        """Look a preset up."""
        return self._presets.get(preset_id)

    def wording(self, prompt: str) -> tuple[Preset, str] | None:
        """Tell which preset worded a prompt, and the words in it that are a person's own."""
        for preset in self:
            words = preset.words_in(prompt)
            if words is not None:
                return preset, words
        return None

    @property
    def of_pictures(self) -> tuple[Preset, ...]:
        """Those that work on a picture."""
        return tuple(preset for preset in self if not preset.from_words)


def load_presets(path: Path | None = None) -> Presets:
    """Read the shipped presets, and lay those at `path` over them; raises ConfigError."""
    shipped = parse_presets(_text(_SHIPPED), str(_SHIPPED), own=False)
    return parse_presets(_text(path), str(path), shipped) if path else shipped


def parse_presets(
    text: str, name: str, below: Presets | None = None, *, own: bool = True
) -> Presets:
    """Read presets from TOML over those `below`; `name` is the file's, for ConfigError.

    An id that is known replaces that preset in its place, `offered = false` takes it away, a new
    one stands behind all others, `extends = false` leaves nothing of what is below. `own` ones
    have a label each, where they replace none.
    """
    try:
        return _layered(Entry("top level", tomllib.loads(text)), below or Presets(), own=own)
    except Wrong as exc:
        raise ConfigError(f"{name}: {' '.join(str(exc).split())}") from None
    except ValueError as exc:
        raise ConfigError(f"{name}: is not TOML: {exc}") from exc


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({type(exc).__name__})") from exc


def _layered(document: Entry, below: Presets, *, own: bool) -> Presets:
    if not document.take("extends", bool, default=True):
        below = Presets()
    entries = document.take("preset", list, [])
    document.end()
    merged: dict[str, Preset | None] = {preset.id: preset for preset in below}
    ids = Counter(_id(values) for values in entries)
    for position, values in enumerate(entries, 1):
        entry = Entry(_id(values) or f"preset number {position}", values)
        if ids[_id(values)] > 1 and _id(values):
            raise entry.wrong("id", "is there twice")
        known, preset_id = _read(entry, below, own=own)
        merged[preset_id] = known
    return Presets(tuple(preset for preset in merged.values() if preset))


def _id(values: object) -> str:
    found = values.get("id") if isinstance(values, dict) else None
    return f"preset {found}" if isinstance(found, str) and found else ""


def _read(entry: Entry, below: Presets, *, own: bool) -> tuple[Preset | None, str]:
    preset_id = entry.words("id")
    if not re.fullmatch(_ID, preset_id):
        raise entry.wrong("id", 'must be small letters, digits and dashes such as "id-photo"')
    known = below.get(preset_id)
    if not entry.take("offered", bool, default=True):
        if known is None:
            raise entry.wrong("id", "is no preset that could be taken away")
        for field_ in _SHOWN:
            if field_ in entry:
                raise entry.wrong(field_, "has no use where offered is false")
        entry.end()
        return None, preset_id
    preset = Preset(
        preset_id,
        prompt=_prompt(entry),
        emoji=_within(entry, "emoji", entry.take("emoji", str, "").strip(), _LONGEST_EMOJI),
        label=_within(entry, "label", entry.take("label", str, "").strip(), _LONGEST_LABEL),
        labels=_labels(entry),
    )
    entry.end()
    if own and known is None and not preset.label:
        raise entry.wrong("label", "is missing")
    return preset, preset_id


def _prompt(entry: Entry) -> str:
    prompt = _within(entry, "prompt", entry.words("prompt"), _LONGEST_PROMPT)
    for place in re.findall(r"\{\w+\}", prompt):
        if place != WORDS:
            raise entry.wrong("prompt", f"has {place}, but only {WORDS} is replaced")
    return prompt


def _labels(entry: Entry) -> Mapping[str, str]:
    labels = entry.take("labels", dict, {})
    for locale, label in labels.items():
        if locale not in LOCALES:
            raise entry.wrong(f"labels.{locale}", f"is no language; there are {', '.join(LOCALES)}")
        if not isinstance(label, str) or not label.strip():
            raise entry.wrong(f"labels.{locale}", "must be a text")
        _within(entry, f"labels.{locale}", label, _LONGEST_LABEL)
    return labels


def _within(entry: Entry, name: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise entry.wrong(name, f"is longer than {longest} characters")
    return text
