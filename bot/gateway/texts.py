"""The texts of a stream's choices: put together while they come, their pictures cut out."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import TYPE_CHECKING

from bot.gateway.image_extractor import ImageExtractor
from bot.gateway.json import MalformedJson, Voice, documents, mapping, mappings, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.gateway.content import Spoken
    from bot.gateway.image_extractor import ImageChunk

_CONTENT = re.compile(rb'"content"\s{0,9}:\s{0,9}"(?=")')
_MARK = "\ue000"


class Texts:
    """Takes pieces of texts, still escaped; `skeleton` and `indices` are those of their sieves."""

    def __init__(self, *, skeleton: int, indices: Iterator[int]) -> None:
        self._limit = skeleton
        self._indices = indices
        self._sieves: dict[Voice, ImageExtractor] = {}

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return sum(sieve.size for sieve in self._sieves.values())

    @property
    def heard(self) -> int:
        """How many bytes the first choice has said by now."""
        sieve = self._first()
        return sieve.size + len(sieve.undecided) if sieve else 0

    @property
    def first(self) -> bytes:
        """What the first choice has said by now, with what may still become a picture."""
        sieve = self._first()
        return (sieve.skeleton + sieve.undecided)[1:] if sieve else b""

    def feed(self, spoken: Spoken) -> Iterator[ImageChunk]:
        """Take the next pieces; raises Overflow past the limit."""
        for voice, pieces in groupby(spoken, key=lambda piece: piece[0]):
            said = b"".join(text for _, text in pieces)
            if said and voice not in self._sieves:
                self._sieves[voice] = ImageExtractor(skeleton=self._limit, indices=self._indices)
                said = b'"' + said  # raw base64 is known by the quotation mark
            if said:
                yield from self._sieves[voice].feed(said)

    def finish(self) -> Iterator[ImageChunk]:
        """Take the end of the stream for the end of all texts."""
        for sieve in self._sieves.values():
            yield from sieve.finish()

    def words(self) -> dict[Voice, str | None]:
        """Give what was said; None for what is malformed."""
        return {voice: unescaped(sieve.skeleton + b'"') for voice, sieve in self._sieves.items()}

    def written(self, events: bytes) -> bytes:
        """Put the texts back into the events they were cut out of, each whole into its first."""
        left = {voice: sieve.skeleton[1:] for voice, sieve in self._sieves.items()}
        lines = []
        for line in events.splitlines(keepends=True):
            at = 0
            for found in _CONTENT.finditer(line) if left else ():
                voice = _voice(line, found.end())
                lines += [line[at : found.end()], left.pop(voice, b"") if voice else b""]
                at = found.end()
            lines.append(line[at:])
        return b"".join(lines)

    def _first(self) -> ImageExtractor | None:
        return self._sieves.get(Voice(0, "delta")) or self._sieves.get(Voice(0, "message"))


def unescaped(quoted: bytes) -> str | None:
    """Read a string of JSON; None for what is none."""
    try:
        text = json.loads(quoted.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return text if isinstance(text, str) else None


def unescaped_beginning(content: bytes) -> str | None:
    """Unescape what may end within an escape, or within a character."""
    beginning = content.decode("utf-8", "ignore").encode()
    whole = unescaped(b'"%s"' % beginning)
    if whole is None:
        whole = unescaped(b'"%s"' % beginning[: beginning.rfind(b"\\")])
    return whole


def _voice(line: bytes, at: int) -> Voice | None:
    """Tell whose text belongs between the quotation marks at `at` of a line."""
    marked = (line[:at] + _MARK.encode() + line[at:]).removeprefix(b"data: ")
    try:
        events = list(documents(marked.decode("utf-8", "replace")))
    except MalformedJson:
        return None
    choices = (one for event in events for one in enumerate(mappings(event.get("choices"))))
    for position, choice in choices:
        for name in ("delta", "message"):
            if mapping(choice.get(name)).get("content") == _MARK:
                return Voice(numbered(choice, position), name)
    return None
