"""A streamed answer: its events are taken in while they come, and read as one answer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import OutcomeKind
from bot.upstream.content import Content
from bot.upstream.decode import meaning
from bot.upstream.document import Malformed
from bot.upstream.errors import Failed
from bot.upstream.events import Events
from bot.upstream.fold import Fold
from bot.upstream.places import spoken
from bot.upstream.sieve import Overflow, Sieve
from bot.upstream.texts import Texts, unescaped_beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.upstream.content import Spoken
    from bot.upstream.decode import Reading
    from bot.upstream.sieve import Piece
    from bot.upstream.voice import Voice

_HEARD = 24_000  # bytes of text; what is behind them is not heard before the end
_MORE = 32  # parts of the text
_THOUGHT = re.compile(
    rb'"reasoning(?:_content)?"\s{0,9}+:\s{0,9}+"[^"]|"reasoning_details"\s{0,9}+:\s{0,9}+\[\s{0,9}+\{'
)


class Stream:
    """Takes a stream's bytes; its pictures may stand in events or, cut anywhere, in the content.

    `skeleton` bounds in bytes what is held at one time, and with it each event. `indices` number
    the pictures.
    """

    def __init__(
        self,
        *,
        skeleton: int,
        indices: Iterator[int],
        hear: Callable[[str], None] | None = None,
        record: int = 0,
    ) -> None:
        self._limit = skeleton
        self._events = Events()
        self._content = Content()
        self._around = Sieve(skeleton=skeleton, indices=indices)
        self._texts = Texts(skeleton=skeleton, indices=indices)
        self._fold = Fold()
        self._malformed = False
        self._began = False  # with what is paid for but not kept: a draft, a thought
        self._hear = hear
        self._heard = (0, "")
        self._room = record
        self._record: list[bytes] = []

    @property
    def done(self) -> bool:
        """Whether `[DONE]` came: nothing behind it matters, not even how the connection ends."""
        return self._events.done

    @property
    def recorded(self) -> bytes:
        """The events as they came, with all of a choice's content in its first."""
        body = b"".join(self._record) or b":\n\n"
        if self.done:
            body = body.rstrip(b"\n") + b"\n\ndata: [DONE]\n\n"
        return self._texts.written(body)

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Take the next bytes; raises Overflow past the limit."""
        yield from self._drawing(self._content.split(self._events.feed(data)))
        self._gather(self._around.take(b"\n"))
        if self._hear:
            self._tell(self._hear)

    def finish(self) -> Iterator[Piece]:
        """Take the end of the bytes for the end of the stream."""
        rest = self._events.feed(b"", final=True)
        yield from self._drawing(self._content.split(rest, final=True))
        for piece in (*self._around.finish(), *self._texts.finish()):
            self._began = True
            yield piece
        self._gather(self._around.skeleton)

    def read(self, status: int) -> Reading:
        """Say what the stream means.

        Without an end it is never a success, whatever pictures it brought. Pictures that came
        before an error are paid for, so they are the answer; one that the error cut short lacks
        its own end, by which it is found out later. A link has no such end, and does not count
        unless the answer had ended before the error.
        """
        reading = meaning(self._fold.document(self._words()), status, began=self._began)
        if self._fold.ended and not self._fold.drawn:
            return replace(reading, linked=())
        if self._malformed:
            return reading.without_pictures(Failed(OutcomeKind.BROKEN, "an event is malformed"))
        if not self._fold.ended and not self.done:
            error = Failed(OutcomeKind.BROKEN, "the stream ended early")
            return reading.without_pictures(error)
        return reading

    def _drawing(self, split: tuple[bytes, Spoken]) -> Iterator[Piece]:
        for piece in self._sift(*split):
            self._began = True
            yield piece

    def _sift(self, events: bytes, spoken: Spoken) -> Iterator[Piece]:
        yield from self._around.feed(events)
        yield from self._texts.feed(spoken)
        if self._around.size + self._texts.size + self._fold.size > self._limit:
            raise Overflow

    def _gather(self, events: bytes) -> None:
        for event in events.splitlines(keepends=True):
            self._note(event)
            self._began = self._began or bool(_THOUGHT.search(event))
            try:
                self._fold.take(event.strip())
            except Malformed:
                # The last event may be half of one. What matters then is whether an end had come.
                self._malformed = self._malformed or event.endswith(b"\n")

    def _note(self, event: bytes) -> None:
        if self._room > 0:
            self._room -= len(event)
            self._record.append(b"data: " + event.replace(b"\n", b"\n\n"))

    def _words(self) -> dict[Voice, str]:
        words = self._texts.words()
        self._malformed = self._malformed or None in words.values()
        return {voice: text for voice, text in words.items() if text}

    def _tell(self, hear: Callable[[str], None]) -> None:
        """Tell what can be heard by now, if that is more than before.

        Each time costs as much as all of the text, so the longer it is the more must have come.
        """
        size, (heard, before) = self._texts.heard, self._heard
        if size <= heard + heard // _MORE or size > _HEARD:
            return
        text = unescaped_beginning(self._texts.first)
        words = before if text is None else spoken(text)
        self._heard = (size, words)
        if words and words != before:
            hear(words)
