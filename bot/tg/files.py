"""Files from and for Telegram: streamed into the media store, never handed on as a link.

A file's address contains the bot token, so nobody but this module and `local_files` ever sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
from telegram import Bot, InputFile, Message
from telegram.request import BaseRequest

from bot.domain import InputError, InputProblem, MediaUnavailable, Source, TryLater
from bot.media.inputs import Inputs
from bot.media.regular import open_regular
from bot.media.store import TooLarge
from bot.tg.errors import Rejected, translated
from bot.tg.local_files import LocalFiles
from bot.tg.proxy import BROKEN

TRIES = 3
OFFICIAL = "https://api.telegram.org/"
HAND_OUT_SECONDS = 60.0  # one's own server fetches a whole file before it names it
PHOTO_BYTES, PHOTO_SIDES, PHOTO_RATIO = 10 * 1024 * 1024, 10_000, 20
PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True, slots=True)
class Files:
    """Fetches what users sent; `max_bytes` bounds one file."""

    bot: Bot
    client: aiohttp.ClientSession
    local: LocalFiles
    inputs: Inputs
    max_bytes: int

    async def fetch(self, source: Source) -> str:
        """Bring a source's bytes into the media store and tell their sha256.

        Raises InputError where the file is gone, too large, unreadable or unnamed, TryLater where
        Telegram does not answer, MediaUnavailable where nothing can be kept.
        """
        if source.sha256 and await self.inputs.media.size(source.sha256) is not None:
            return source.sha256
        if source.file_id is None:
            raise InputError(InputProblem.GONE)
        for tries in range(TRIES):
            try:
                return await self._bring(source.file_id)
            except MediaUnavailable:
                raise
            except TryLater as error:
                await asyncio.sleep(max(2**tries, error.seconds))
        return await self._bring(source.file_id)

    async def _bring(self, file_id: str) -> str:
        address = await self._address(file_id)
        # PTB puts its server's address before what it does not find on this machine.
        path = address.removeprefix(f"{self.bot.base_file_url}/")
        pieces = self.local.read(path) if path.startswith("/") else self._download(address)
        try:
            async with aclosing(pieces), self.inputs.media.writer(self.max_bytes) as writer:
                async for piece in pieces:
                    await writer.write(piece)
                return await self.inputs.keep(writer)
        except TooLarge as error:
            raise InputError(InputProblem.TOO_MANY_BYTES) from error

    async def _download(self, address: str) -> AsyncGenerator[bytes]:
        try:
            async with self.client.get(address, allow_redirects=False) as response:
                if response.status != HTTPStatus.OK:
                    raise TryLater
                async for piece in response.content.iter_any():
                    yield piece
        except BROKEN:
            raise TryLater from None  # its message may hold the address

    async def _address(self, file_id: str) -> str:
        try:
            with translated():
                own = not self.bot.base_url.startswith(OFFICIAL)
                wait = HAND_OUT_SECONDS if own else BaseRequest.DEFAULT_NONE
                file = await self.bot.get_file(file_id, read_timeout=wait)
        except Rejected as refused:
            if refused.says("temporarily unavailable"):  # or the id is wrong: both are called so
                raise TryLater from refused
            large = refused.says("file is too big")
            problem = InputProblem.TOO_MANY_BYTES if large else InputProblem.GONE
            raise InputError(problem) from refused
        if not file.file_path:
            raise InputError(InputProblem.GONE)
        return file.file_path


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture's bytes as Telegram gets them; what `moves` would stand still as a photo.

    `data` has the bytes where they are at hand, else `local` lends a file with them.
    """

    local: Callable[[], AbstractAsyncContextManager[Path]]
    name: str
    mime: str
    width: int
    height: int
    size: int
    moves: bool = False
    data: bytes | None = field(default=None, repr=False)

    @asynccontextmanager
    async def input_file(self, *, attach: bool = False) -> AsyncGenerator[InputFile]:
        """Give it as PTB takes it, its file open where the bytes are not at hand."""
        if self.data is not None:
            yield InputFile(self.data, self.name, attach=attach)
            return
        async with self.local() as path:
            handle = await asyncio.to_thread(open_regular, path)
            try:
                yield InputFile(handle, self.name, attach=attach, read_file_handle=False)
            finally:
                handle.close()

    @property
    def fits_photo(self) -> bool:
        """Whether Telegram takes it as a photo; else it goes as a document.

        https://core.telegram.org/bots/api#sendphoto
        """
        long, short = max(self.width, self.height), max(1, min(self.width, self.height))
        return (
            self.mime in PHOTO_TYPES
            and not self.moves
            and self.size <= PHOTO_BYTES
            and self.width + self.height <= PHOTO_SIDES
            and long <= PHOTO_RATIO * short
        )


def file_id_of(message: object) -> str:
    if not isinstance(message, Message):
        return ""
    if message.photo:
        return message.photo[-1].file_id
    return message.document.file_id if message.document else ""
