"""An answer on its way in: pictures flow into files, the rest stays in memory, both bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import OutcomeKind
from bot.media.store import TooLarge
from bot.upstream.errors import Failed
from bot.upstream.sieve import Overflow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AsyncExitStack

    from bot.media.store import MediaStore, Writer
    from bot.upstream.intake import Intake
    from bot.upstream.sieve import Piece

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one answer may hold: sizes in bytes, `pixels` for a picture, times in seconds."""

    body: int = 96 * _MIB
    skeleton: int = 2 * _MIB
    picture: int = 32 * _MIB
    pictures: int = 16
    pixels: int = 100_000_000
    connect: float = 10.0
    fetch: float = 30.0


async def receive(
    chunks: AsyncIterator[bytes],
    intake: Intake,
    media: MediaStore,
    limits: Limits,
    files: AsyncExitStack,
) -> dict[int, Writer]:
    """Take an answer in; gives its pictures as files, which `files` removes unless committed.

    Raises Failed past a limit.
    """
    pictures = _Files(media, limits.picture, files)
    left = limits.body
    try:
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise Failed(OutcomeKind.BROKEN, f"more than {limits.body} bytes")
            await pictures.write(intake.feed(chunk))
            if intake.done:
                break
        await pictures.write(intake.finish())
    except Overflow as exc:
        raise Failed(OutcomeKind.BROKEN, f"more than {limits.skeleton} bytes of text") from exc
    except TooLarge as exc:
        raise Failed(OutcomeKind.BROKEN, f"a picture of more than {exc.limit} bytes") from exc
    return pictures.writers


class _Files:
    """The files of one answer's pictures, opened when their first bytes come."""

    def __init__(self, media: MediaStore, limit: int, stack: AsyncExitStack) -> None:
        self.writers: dict[int, Writer] = {}
        self._media = media
        self._limit = limit
        self._stack = stack

    async def write(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.index not in self.writers:
                opened = self._stack.enter_async_context(self._media.writer(self._limit))
                self.writers[piece.index] = await opened
            await self.writers[piece.index].write(piece.data)
