"""Flags: what a prompt says of its pictures in words that are not drawn. Pure.

Explicit flags (`--ratio 16:9`, `--count=3`, `-m flux`, `--mask`, `--enhance`) stand anywhere
between words; of several of a kind the last one holds. Phones make one dash of two hyphens: such a
flag, and `-m`, must look right to be one, and name a model that there is; what has no value needs
its hyphens. Bare words (`16:9`, `2K`) are flags only as the run at either end of a prompt, `x3` at
the last one only, and only where the model knows them and nothing before them makes them words:
everything else is part of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher, get_close_matches

RATIO, SIZE, COUNT, MODEL = "ratio", "size", "count", "model"
MASK, ENHANCE, NO_ENHANCE = "mask", "enhance", "no-enhance"

_SHORT = {"ar": RATIO, "n": COUNT, "m": MODEL}
_FLAG = re.compile(
    r"(?<!\S)(?:(?P<dash>--|[\u2013\u2014])(?:(?P<name>ratio|ar|size|count|n|model)|(?P<switch>mask|enhance|no-enhance))"
    r"|-(?P<short>m))"
    r"(?:(?(switch)(?!)|(?:=|\s++))(?P<value>(?!--|[\u2013\u2014])\S+)|(?(switch)(?!)|=))?+(?!\S)\s?",
    re.IGNORECASE,
)
_SHAPES = {
    RATIO: re.compile(r"[0-9]{1,3}[:\uff1a][0-9]{1,3}"),
    SIZE: re.compile(r"[0-9]{1,4}k?", re.IGNORECASE),
    COUNT: re.compile(r"[0-9]{1,3}"),
}
_WORD = re.compile(r"\S+")
# The letter, the sign, and the Cyrillic letter that looks like it; "a BMW X5" is one car.
_TIMES = re.compile("(?P<sign>[xX\u00d7\u0445\u0425])(?P<count>[1-9][0-9]{0,2})")
_PROCESSORS = frozenset(["32", "64", "86"])
_CAPITALS = frozenset("X\u0425")
# Whose products are called x3. Capitals alone tell nothing: German nouns begin with one.
_MAKERS = frozenset(
    [
        *("bmw", "bambu", "fujifilm", "honor", "insta360", "nokia", "oneplus", "poco", "realme"),
        *("redmi", "thinkpad", "vivo", "xiaomi"),
        *("\u0431\u043c\u0432", "\u5b9d\u9a6c", "\u5bf6\u99ac"),  # BMW in Russian and Chinese
    ]
)
# "wallpaper in 4K" speaks of the wallpaper. The last ones are Russian, Arabic and Persian.
_PREPOSITIONS = frozenset(
    [
        *("in", "at", "of", "on", "to", "with", "for", "auf", "mit", "im", "von", "en", "\u00e0"),
        *("de", "em", "con", "di", "op", "van"),
        *("\u0432", "\u043d\u0430", "\u0641\u064a", "\u062f\u0631"),
    ]
)


@dataclass(frozen=True, slots=True)
class Flags:
    """What a prompt says besides its words: each as it was written, None where nothing was said.

    An empty value is a flag without one. `misspelt` are flags, and what they were read as, `unknown`
    those that nobody can read, `foreign` bare words that are ratios or sizes of other models: these
    two stay in the prompt. `overruled` are words, and the others of their kind that count.
    """

    prompt: str
    ratio: str | None = None
    size: str | None = None
    count: str | None = None
    model: str | None = None
    mask: bool = False
    enhance: bool | None = None
    misspelt: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    unknown: tuple[str, ...] = field(default=(), compare=False)
    foreign: tuple[str, ...] = field(default=(), compare=False)
    overruled: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def said_more(self) -> bool:
        """Whether there is anything to tell besides a ratio, a size and a count."""
        odd = self.misspelt or self.unknown or self.foreign or self.overruled
        return bool(odd or self.model is not None)

    def over(self, other: Flags) -> Flags:
        """Add what only `other` says; the prompt stays this one."""
        return replace(
            self,
            ratio=other.ratio if self.ratio is None else self.ratio,
            size=other.size if self.size is None else self.size,
            count=other.count if self.count is None else self.count,
            model=other.model if self.model is None else self.model,
            mask=self.mask or other.mask,
            enhance=other.enhance if self.enhance is None else self.enhance,
            misspelt=self.misspelt + other.misspelt,
            unknown=self.unknown + other.unknown,
            foreign=self.foreign + other.foreign,
            overruled=self.overruled + other.overruled,
        )


# What looks like a flag, and is none; the names that it may have meant.
_STRAY = re.compile(r"(?<!\S)--(?P<name>[a-z][\w-]*)(?P<value>(?:=|\s+)(?!--)\S+)?", re.IGNORECASE)
NAMES = tuple(f"--{name}" for name in (MODEL, RATIO, SIZE, COUNT))
_FULL_NAMES = (MODEL, RATIO, SIZE, COUNT, MASK, ENHANCE, NO_ENHANCE)
_LIKE = {MASK: 0.85, ENHANCE: 0.85, NO_ENHANCE: 0.85}
_ALIKE = 0.75

_FOREIGN = re.compile(r"\d{1,2}[:\uff1a]\d{1,2}|\d{1,2}[kK]")


def parse_flags(prompt: str, find: Callable[[str], object]) -> Flags:
    """Take the explicit flags out of a prompt; `find` tells whether a word names a model."""
    values: dict[str, str] = {}
    switches: list[str] = []
    misspelt: list[tuple[str, str]] = []
    overruled: list[tuple[str, str]] = []

    def mend(found: re.Match[str]) -> str:
        name = _nearest(found["name"], found["value"], find)
        if name is None or name == found["name"].lower():
            return found[0]
        misspelt.append((f"--{found['name']}", f"--{name}"))
        return f"--{name}{found['value'] or ''}"

    def take(found: re.Match[str]) -> str:
        if found["switch"]:
            if found["dash"] != "--":
                return found[0]
            switches.append(found["switch"].lower())
            return ""
        name = (found["name"] or found["short"]).lower()
        kind = _SHORT.get(name, name)
        value = (found["value"] or "").rstrip(",;")
        if found["dash"] != "--" and not _fits(kind, value, find):
            return found[0]
        if kind in values and values[kind].casefold() != value.casefold():
            overruled.append((f"--{kind} {values[kind]}", f"--{kind} {value}"))
        values[kind] = value
        return ""

    words, before = prompt.strip(), ""
    if "--" in words:
        words = _STRAY.sub(mend, words)
    while words != before:  # what stood apart may have become a flag
        words, before = _FLAG.sub(take, words).strip(), words
    return Flags(
        prompt=words,
        ratio=_colon(values.get(RATIO)),
        size=values.get(SIZE),
        count=values.get(COUNT),
        model=values.get(MODEL),
        mask=MASK in switches,
        enhance=_last_of(switches),
        misspelt=tuple(misspelt),
        unknown=tuple(f"--{stray['name']}" for stray in _STRAY.finditer(words)),
        overruled=tuple(overruled),
    )


def with_bare_words(flags: Flags, ratios: Sequence[str], sizes: Sequence[str]) -> Flags:
    """Take the bare words off both ends of a prompt, as far as a model knows them.

    What was said explicitly holds, and the end before the beginning. A ratio or size at the end
    that the model does not know stays a word, and hides none of those before it.
    """
    matches = list(_WORD.finditer(flags.prompt))
    words = [match[0] for match in matches]
    found: dict[str, str] = {}
    written: dict[str, str] = {}
    overruled: list[tuple[str, str]] = []
    first, last = 0, len(words)
    unknown: list[str] = []
    foreign: list[str] = []

    def take(flag: tuple[str, str], word: str) -> None:
        kind, value = flag
        explicit: str | None = getattr(flags, kind)
        counts = value if explicit is None else explicit
        if found.setdefault(kind, value).casefold() != value.casefold():
            overruled.append((word, written[kind]))
        elif counts.casefold() != value.casefold():
            overruled.append((word, f"--{kind} {explicit}"))
        written.setdefault(kind, word)

    while last and (
        flag := _last(words[max(last - 2, 0) : last], ratios, sizes) or _foreign(words[last - 1])
    ):
        if flag[0]:
            take(flag, words[last - 1])
        else:
            unknown.insert(0, words[last - 1])
            if last < 2 or words[last - 2].casefold() not in _PREPOSITIONS:  # noqa: PLR2004 - the one before
                foreign.insert(0, words[last - 1])
        last -= 1
    if not found:
        last, unknown = len(words), []
    while first < last and (flag := _known(words[first], ratios, sizes)):
        take(flag, words[first])
        first += 1
    prompt = flags.prompt[matches[first].start() : matches[last - 1].end()] if first < last else ""
    prompt = " ".join(filter(None, (prompt, *unknown)))
    spare = Flags("", found.get(RATIO), found.get(SIZE), found.get(COUNT))
    both = (*flags.overruled, *overruled)
    return replace(flags, prompt=prompt, foreign=tuple(foreign), overruled=both).over(spare)


def _nearest(name: str, value: str | None, find: Callable[[str], object]) -> str | None:
    """Tell which flag a misspelt one means, if its value is right for that."""
    found = get_close_matches(name.lower(), _FULL_NAMES, 1, _ALIKE)
    if not found or SequenceMatcher(None, name.lower(), found[0]).ratio() < _LIKE.get(found[0], 0):
        return None
    if found[0] in _LIKE:
        return found[0]
    return found[0] if _fits(found[0], (value or "").strip("= \t\n,;"), find) else None


def _last_of(switches: Sequence[str]) -> bool | None:
    """Whether the prompt is to be enhanced; None where no switch says so."""
    wanted = [switch == ENHANCE for switch in switches if switch in {ENHANCE, NO_ENHANCE}]
    return wanted[-1] if wanted else None


def _fits(kind: str, value: str, find: Callable[[str], object]) -> bool:
    if kind == MODEL:  # a dash and "model T" are words
        return len(value) > 1 and bool(find(value))
    return bool(_SHAPES[kind].fullmatch(value))


def _last(
    words: Sequence[str], ratios: Sequence[str], sizes: Sequence[str]
) -> tuple[str, str] | None:
    """Read the last word as a flag, unless the one before makes it a word."""
    before = words[-2] if len(words) > 1 else ""
    if before.casefold() in _PREPOSITIONS:
        return None
    times = _TIMES.fullmatch(words[-1])
    if times is None:
        return _known(words[-1], ratios, sizes)
    named = times["sign"] != "\u00d7" and _maker(before)
    if times["sign"] in _CAPITALS:  # "Mega Man X4" is a name; "a fox X2" is not
        named = named or not before or not before[0].islower()
    named = named or times["count"] in _PROCESSORS
    return None if named or before.isdigit() else (COUNT, times["count"])


def _foreign(word: str) -> tuple[str, str] | None:
    """Read a word as a ratio or size of other models, which is no flag for this one."""
    return ("", word) if _FOREIGN.fullmatch(word) else None


def _maker(word: str) -> bool:
    """Whether things of that name may be called x3: known makers, and whatever is all capitals."""
    return word.casefold() in _MAKERS or (len(word) > 1 and word.isalpha() and word.isupper())


def _known(word: str, ratios: Sequence[str], sizes: Sequence[str]) -> tuple[str, str] | None:
    if _colon(word) in ratios:
        return RATIO, _colon(word) or ""
    # A bare number is a word of the prompt, also where a model has a size of that name.
    if word.upper() in sizes and not word.isdigit():
        return SIZE, word
    return None


def _colon(ratio: str | None) -> str | None:
    """Write a ratio as the catalogue does: Chinese keyboards have a colon of their own."""
    return None if ratio is None else ratio.replace("\uff1a", ":")
