"""An event like the last one: its text is all that it adds, so that it need not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.gateway.json import JSON, mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.gateway.json import Voice

_LONGEST = 4096  # bytes of an event without its text; longer ones are not compared
_TOP = frozenset(
    {"id", "object", "created", "model", "choices", "system_fingerprint", "service_tier"}
    | {"provider", "usage"}
)
_SAID = frozenset({"role", "content"})


class Alike:
    """Remembers the last event with one text; texts longer than `longest` are not compared."""

    def __init__(self, longest: int) -> None:
        self.voice: Voice | None = None  # of the event that is being read
        self.before = b""  # of the last text
        self._longest = longest
        self._known: tuple[bytes, bytes, Voice] | None = None
        self._adds_nothing: bool | None = None  # of the remembered event, once it was looked at
        self._begun: list[bytes] = []
        self._before: bytes | None = None
        self._size = 0
        self._spoiled = False

    def leave(self, data: bytes) -> None:
        """Take what is left of the event that is being read."""
        if data and not self._spoiled:
            self._begun.append(data)
            self._size += len(data)
            self._spoiled = self._size > _LONGEST

    @property
    def fresh(self) -> bool:
        """Whether nothing of the next event was read."""
        return not self._begun and self._before is None

    def split(self) -> bool:
        """Note that a text begins here; tells whether what came before it is remembered."""
        self._spoiled = self._spoiled or self._before is not None
        self._before, self._begun = b"".join(self._begun), []
        if not self._spoiled:
            self.before = self._before
        return not self._spoiled

    def spoil(self) -> None:
        """Note that the event is not to be remembered."""
        self._spoiled = True

    def end(self) -> None:
        """Remember the event, if it has one text."""
        if self._before is not None and self.voice and not self._spoiled:
            self._known = self._before, b"".join(self._begun), self.voice
            self._adds_nothing = None
        self._begun, self._before, self._size = [], None, 0
        self.voice, self._spoiled = None, False

    def match(self, buffer: bytes, at: int) -> tuple[Voice | None, bytes, int]:
        """Tell whose text the next event is, the text, and where the event ends.

        Nobody's, if it is no such event, or not whole.
        """
        if self._known and self.fresh:
            before, after, voice = self._known
            start = at + len(before)
            known = buffer.startswith(before, at)
            end = buffer.find(b'"', start, start + self._longest) if known else -1
            text = buffer[start:end] if end >= 0 and buffer.startswith(after, end) else b"\n"
            if not text.endswith(b"\\") and b"\n" not in text and self._plain(before + after):
                return voice, text, end + len(after)
        return None, b"", at

    def _plain(self, event: bytes) -> bool:
        """Whether the remembered event, without its text, adds nothing; it is read once for that."""
        if self._adds_nothing is None:
            self._adds_nothing = _adds_nothing(event)
        return self._adds_nothing


def _adds_nothing(event: bytes) -> bool:
    """Whether an event may be said twice without a difference, but for its text."""
    try:
        document = JSON.decode(event.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    choices = mappings(mapping(document).get("choices"))
    return mapping(document).keys() <= _TOP and all(map(_only_says, choices))


def _only_says(choice: Mapping[str, object]) -> bool:
    said = mapping(choice.get("delta")).keys() | mapping(choice.get("message")).keys()
    ends = {key for key, value in choice.items() if value is not None}
    return said <= _SAID and ends <= {"index", "delta", "message"}
