"""Flags: what a prompt says of its pictures in words that are not drawn. Pure.

Explicit flags (`--ratio 16:9`, `--count=3`, `-m flux`, `--mask`) stand anywhere between words; of
several of a kind the last one holds. Phones make one dash of two hyphens: such a flag must look
right to be one. Bare words (`16:9`, `x3`, `2K`) are flags only as the run at either end of a
prompt, and only where the model knows them: everything else is part of the prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RATIO, SIZE, COUNT, MODEL = "ratio", "size", "count", "model"

_KINDS = {
    "ratio": RATIO,
    "ar": RATIO,
    "size": SIZE,
    "count": COUNT,
    "n": COUNT,
    "model": MODEL,
    "m": MODEL,
}
_FLAG = re.compile(
    r"(?<!\S)(?:(?P<dash>--|[\u2013\u2014])(?:(?P<name>ratio|ar|size|count|n|model)|(?P<mask>mask))"
    r"|-(?P<short>m))"
    r"(?:(?(mask)(?!)|(?:=|\s++))(?P<value>(?!--|[\u2013\u2014])\S+))?+(?!\S)\s?",
    re.IGNORECASE,
)
_SHAPES = {
    RATIO: re.compile(r"[0-9]{1,3}[:\uff1a][0-9]{1,3}"),
    SIZE: re.compile(r"[0-9]{1,4}k?", re.IGNORECASE),
    COUNT: re.compile(r"[0-9]{1,3}"),
    MODEL: re.compile(r"\S+"),
}
_WORD = re.compile(r"\S+")
_SIGNS = "x\u00d7\u0445"  # the letter, the sign, and the Cyrillic letter that looks like it
_TIMES = re.compile(rf"[{_SIGNS}]([1-9][0-9]?)")
# "draw a BMW X5" is no wish for five pictures, but a message may begin with a capital.
_TIMES_FIRST = re.compile(rf"[{_SIGNS}X\u0425]([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class Flags:
    """What a prompt says besides its words: each as it was written, None where nothing was said.

    An empty value is a flag without one. `explicit` names the kinds that were not bare words.
    """

    prompt: str
    ratio: str | None = None
    size: str | None = None
    count: str | None = None
    model: str | None = None
    mask: bool = False
    explicit: frozenset[str] = frozenset()

    def over(self, other: Flags) -> Flags:
        """Add what only `other` says; the prompt stays this one."""
        return replace(
            self,
            ratio=other.ratio if self.ratio is None else self.ratio,
            size=other.size if self.size is None else self.size,
            count=other.count if self.count is None else self.count,
            model=other.model if self.model is None else self.model,
            mask=self.mask or other.mask,
        )


def parse(prompt: str) -> Flags:
    """Take the explicit flags out of a prompt."""
    said: dict[str, str] = {}
    mask = False

    def take(found: re.Match[str]) -> str:
        nonlocal mask
        if found["mask"]:
            mask = True
            return ""
        kind = _KINDS[(found["name"] or found["short"]).lower()]
        value = (found["value"] or "").rstrip(",;")
        if found["dash"] != "--" and not _SHAPES[kind].fullmatch(value):
            return found[0]
        said[kind] = value
        return ""

    words, before = prompt.strip(), ""
    while words != before:  # what stood apart may have become a flag
        words, before = _FLAG.sub(take, words).strip(), words
    return Flags(
        prompt=words,
        ratio=_colon(said.get(RATIO)),
        size=said.get(SIZE),
        count=said.get(COUNT),
        model=said.get(MODEL),
        mask=mask,
        explicit=frozenset(said),
    )


def bare(flags: Flags, ratios: Sequence[str], sizes: Sequence[str]) -> Flags:
    """Take the bare words off both ends of a prompt, as far as a model knows them.

    What was said explicitly holds, and the end before the beginning.
    """
    words = list(_WORD.finditer(flags.prompt))
    found: dict[str, str] = {}
    first, last = 0, len(words)
    while last and (said := _bare(words[last - 1][0], _TIMES, ratios, sizes)):
        found.setdefault(*said)
        last -= 1
    while first < last and (said := _bare(words[first][0], _TIMES_FIRST, ratios, sizes)):
        found.setdefault(*said)
        first += 1
    prompt = flags.prompt[words[first].start() : words[last - 1].end()] if first < last else ""
    spare = Flags("", found.get(RATIO), found.get(SIZE), found.get(COUNT))
    return replace(flags, prompt=prompt).over(spare)


def _bare(
    word: str, times: re.Pattern[str], ratios: Sequence[str], sizes: Sequence[str]
) -> tuple[str, str] | None:
    if count := times.fullmatch(word):
        return COUNT, count[1]
    if _colon(word) in ratios:
        return RATIO, _colon(word) or ""
    # A bare number is a word of the prompt, also where a model has a size of that name.
    if word.upper() in sizes and not word.isdigit():
        return SIZE, word
    return None


def _colon(ratio: str | None) -> str | None:
    """Write a ratio as the catalogue does: Chinese keyboards have a colon of their own."""
    return None if ratio is None else ratio.replace("\uff1a", ":")
