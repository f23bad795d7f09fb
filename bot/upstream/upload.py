"""A request's body on its way out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from bot.domain import InputError, OutcomeKind
from bot.upstream.body import stream
from bot.upstream.errors import Failed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.media.store import MediaStore
    from bot.upstream.body import Body


class Upload(httpx.AsyncByteStream):
    """The request's body as it is sent: remembers why it could not be, and can be closed.

    aiohttp sends it from a task of its own and drops it where it stands when the answer comes
    first, or when it is cancelled. A step that was begun is always ended: it may be opening the
    file that is to be closed.
    """

    def __init__(self, body: Body, media: MediaStore) -> None:
        self.failed: Failed | None = None
        self._pieces = stream(body, media.read)
        self._step: asyncio.Task[bytes | None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self._step = asyncio.create_task(self._next())
            piece = await asyncio.shield(self._step)
            if piece is None:
                return
            yield piece

    async def _next(self) -> bytes | None:
        try:
            return await anext(self._pieces, None)
        except (InputError, ValueError) as exc:
            self.failed = Failed(OutcomeKind.BAD_INPUT, f"an input picture is not there: {exc}")
            raise

    async def aclose(self) -> None:
        """Close the file that is being read."""
        if self._step:
            await asyncio.gather(self._step, return_exceptions=True)
        await self._pieces.aclose()
