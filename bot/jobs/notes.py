"""Notes: what is drawn otherwise than somebody wrote, and why; they stand under the status. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import log2

from bot.catalogue.profiles import Profile
from bot.domain import Note, NoteKind

_PIXELS = {"K": 1024, "": 1}
_SIZE = re.compile(r"([0-9]{1,5})(K?)", re.IGNORECASE)
_RATIO = re.compile(r"([0-9]{1,3}):([0-9]{1,3})")
_ALIKE = 0.6  # of a model's name; difflib's measure


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice that the model knows, or None, and what is to be said of it."""

    word: str | None = None
    notes: tuple[Note, ...] = ()


def chosen_ratio(word: str | None, profile: Profile) -> Chosen:
    """Take a ratio that was written, or the nearest one that the model knows."""
    return _chosen(word, profile.aspect_ratios, profile, _shape)


def chosen_size(word: str | None, profile: Profile) -> Chosen:
    return _chosen(word, profile.sizes, profile, _pixels)


def chosen_count(word: str | None, most: int) -> tuple[int | None, tuple[Note, ...]]:
    """Take a number of pictures that was written, `most` at most; None where it is no number."""
    if word is None:
        return None, ()
    if not (word.isascii() and word.isdigit()):
        return None, (Note(NoteKind.NO_NUMBER, word, str(most)),)
    count = min(max(int(word[:6]), 1), most)
    notes = () if count == int(word) else (Note(NoteKind.COUNT, word, str(count)),)
    return count, notes


def kept_words(words: Iterable[str], profile: Profile, known: Collection[str]) -> list[Note]:
    """Tell of sizes, and of ratios that others know, which stay words: this model has them not."""
    notes = []
    for word in words:
        if _SIZE.fullmatch(word):
            near = _nearest(word, profile.sizes, _pixels)
        elif word in known:
            near = _nearest(word, profile.aspect_ratios, _shape)
        else:
            continue
        kind = NoteKind.STAYS if near else NoteKind.STAYS_ALONE
        notes.append(Note(kind, word, near or "", profile.label))
    return notes


def alike(word: str, profiles: Iterable[Profile]) -> Profile | None:
    """Find the model that a misspelt name means; None where none is like it."""
    names = {
        name.casefold(): profile
        for profile in profiles
        for name in (profile.id, profile.label, *profile.aliases)
    }
    found = get_close_matches(word.casefold(), names, 1, _ALIKE)
    return names[found[0]] if found else None


def _chosen(
    word: str | None,
    known: Sequence[str],
    profile: Profile,
    measure: Callable[[str], float | None],
) -> Chosen:
    if word is None or word.upper() in known:
        return Chosen(word.upper() if word else None)
    if near := _nearest(word, known, measure):
        return Chosen(near, (Note(NoteKind.NEAREST, word, near, profile.label),))
    kind = NoteKind.THERE_ARE if known else NoteKind.LEFT_OUT
    return Chosen(None, (Note(kind, word, ", ".join(known), profile.label),))


def _nearest(word: str, known: Sequence[str], measure: Callable[[str], float | None]) -> str | None:
    wanted = measure(word)
    measured = {one: size for one in known if (size := measure(one)) is not None}
    if wanted is None or not measured:
        return None
    return min(measured, key=lambda one: abs(measured[one] - wanted))


def _pixels(word: str) -> float | None:
    found = _SIZE.fullmatch(word)
    if found is None or not int(found[1]):
        return None
    return log2(int(found[1]) * _PIXELS[found[2].upper()])


def _shape(word: str) -> float | None:
    found = _RATIO.fullmatch(word)
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return log2(int(found[1]) / int(found[2]))
