"""The durable floor: what a bot must cost that loses nothing, on our schema and our libraries.

It keeps every durable promise and has no features: an update is acknowledged after its job is
committed, a status message is sent and its id committed, the call has its row before it is made,
the picture is a file on the disk before anybody hears of it, the status message becomes the
picture, and the end is settled. Four transactions, through the bot's own storage, media store and
wires. What the bot costs above it is the price of its features, and of our mistakes.
"""

from __future__ import annotations

import asyncio
import binascii
import json
import os
import re
import struct
import sys
from dataclasses import dataclass

import pybase64
import uvloop
from pydantic import SecretStr
from telegram import (
    InputFile,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
    ReplyParameters,
)

from bot import memory
from bot.domain import (
    Arrival,
    CallReport,
    Drawn,
    Job,
    JobState,
    NewJob,
    OutcomeKind,
    Picture,
    Request,
    Source,
)
from bot.domain.clock import now
from bot.gateway.request import Body, InputImage
from bot.gateway.transport import Endpoint
from bot.media.inputs import open_inputs
from bot.media.store import MediaStore, Writer
from bot.storage.engine import Store
from bot.storage.schema import open_store
from bot.storage.transaction import Transaction
from bot.tg.client import Connected, open_bot, open_files
from bot.tg.files import PHOTO_BYTES, Files
from bot.tg.local_files import LocalFiles

MODEL, ROUTE = "gemini-2.5-flash-image", "chat/completions"
LARGEST = 64 * 1024 * 1024
TIMEOUT, CONNECTIONS, AT_ONCE = 300.0, 256, 1000
GROUP = 4  # characters of base64 that are three bytes
_MARK, _END = b";base64,", re.compile(rb'[)"]')
_SIZE = struct.Struct(">II")
_SIZE_AT = 16  # in a PNG


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A bot without features."""

    store: Store
    media: MediaStore
    endpoint: Endpoint
    bot: Connected
    files: Files

    async def run(self) -> None:
        """Take messages until the process is ended; a batch is confirmed once its jobs are committed."""
        offset = 0
        async with asyncio.TaskGroup() as group:
            while True:
                updates = await self.bot.get_updates(
                    offset, timeout=50, allowed_updates=("message",), read_timeout=10
                )
                messages = [update.message for update in updates if update.message]
                accepting = [self.store.write(self._accept, message) for message in messages]
                for accepted in await asyncio.gather(*accepting):
                    if accepted:
                        group.create_task(self._perform(*accepted))
                offset = updates[-1].update_id + 1 if updates else offset

    def _accept(self, tx: Transaction, message: Message) -> tuple[Job, int] | None:
        """Accept a job, and begin it; None if its message came before."""
        at = now()
        sources = tuple(Source(file_id=size.file_id) for size in message.photo[-1:])
        request = Request(message.text or message.caption or "", MODEL, sources)
        chat = message.chat.id
        new = NewJob(chat, chat, message.message_id, request, "en")
        job = tx.jobs.add(new, at, AT_ONCE, begin=True)
        if job is None:
            return None
        tx.ledger.reserve(chat, job.id, 1, at, 0, 0)
        return job, tx.calls.start(job, MODEL, self.endpoint.host, ROUTE, at)

    async def _perform(self, job: Job, call_id: int) -> None:
        reply = ReplyParameters(job.message_id)
        status = await self.bot.send_message(job.chat_id, "Drawing …", reply_parameters=reply)
        place = status.message_id
        await self.store.write(lambda tx: tx.jobs.set_status_message(job.id, place))
        picture, report = await self._draw(job)
        picture = await self.store.write(self._keep, job, call_id, picture, report)
        file_id = await self._deliver(job, place, picture)
        await self.store.write(self._end, job, place, picture.id, file_id)

    async def _draw(self, job: Job) -> tuple[Picture, CallReport]:
        inputs = [await self._input(source) for source in job.request.sources]
        began = asyncio.get_running_loop().time()
        async with (
            self.endpoint.post(_body(job.request.prompt, inputs), accept="application/json") as got,
            self.media.writer(LARGEST) as writer,
        ):
            decoder = Decoder(writer)
            async for piece in got.aiter_raw():
                await decoder.feed(piece)
            stored, status = await writer.commit(), got.status_code
        width, height = decoder.size
        picture = Picture(0, stored.sha256, "image/png", width, height, stored.size)
        took = round(1000 * (asyncio.get_running_loop().time() - began))
        return picture, CallReport(OutcomeKind.DRAWN, http_status=status, latency_ms=took)

    async def _input(self, source: Source) -> InputImage:
        sha256 = await self.files.fetch(source)
        return InputImage(sha256, "image/jpeg", await self.media.size(sha256) or 0)

    def _keep(
        self, tx: Transaction, job: Job, call_id: int, picture: Picture, report: CallReport
    ) -> Picture:
        at = now()
        tx.calls.finish(call_id, report, at)
        tx.ledger.spend((job.account_id,), report.usage, at)
        kept = tx.jobs.keep(job.id, job.claim, Drawn((picture,)), at)
        if kept is None:
            raise RuntimeError("the claim was lost")
        return kept[1][0]

    async def _deliver(self, job: Job, place: int, picture: Picture) -> str:
        async with self.media.local(picture.sha256) as path:
            with path.open("rb") as file:
                content = InputFile(file, "picture.png", attach=True, read_file_handle=False)
                photo = picture.size <= PHOTO_BYTES
                media = InputMediaPhoto(content) if photo else InputMediaDocument(content)
                shown = await self.bot.edit_message_media(media, job.chat_id, place)
        assert isinstance(shown, Message)  # noqa: S101 - our own message, not an inline one
        return shown.photo[-1].file_id if shown.photo else shown.document.file_id  # type: ignore[union-attr]

    def _end(self, tx: Transaction, job: Job, place: int, picture_id: int, file_id: str) -> None:
        at = now()
        tx.pictures.arrive(Arrival(picture_id, job.chat_id, place, file_id))
        tx.jobs.end(job.id, job.claim, JobState.DELIVERED, OutcomeKind.DRAWN, "", at)
        tx.ledger.settle(job.id, None, at, also=job.counted_in)


class Decoder:
    """Writes the one picture of an answer as it comes; `size` is its width and height."""

    def __init__(self, writer: Writer) -> None:
        self.size = (0, 0)
        self._writer = writer
        self._before: bytes | None = b""
        self._carry = b""
        self._ended = False

    async def feed(self, piece: bytes) -> None:
        if self._ended:
            return
        if self._before is not None:
            self._before += piece
            at = self._before.find(_MARK)
            if at < 0:
                return
            piece, self._before = self._before[at + len(_MARK) :], None
        base64 = self._carry + piece if self._carry else piece
        whole = len(base64) - len(base64) % GROUP
        try:
            data = pybase64.b64decode(memoryview(base64)[:whole], validate=True)
            self._carry = base64[whole:]
        except binascii.Error:
            end = _END.search(base64)
            if end is None:
                raise
            self._ended = True
            data = pybase64.b64decode(memoryview(base64)[: end.start()], validate=True)
        if self.size == (0, 0):
            self.size = _SIZE.unpack_from(data, _SIZE_AT)
        await self._writer.write(data)


def _body(prompt: str, inputs: list[InputImage]) -> Body:
    before = '{"model":%s,"messages":[{"role":"user","content":[{"type":"text","text":%s}'
    parts: list[bytes | InputImage] = [(before % (json.dumps(MODEL), json.dumps(prompt))).encode()]
    for one in inputs:
        url = b',{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,'
        parts += [url, one, b'"}}']
    return Body((*parts, b"]}]}"))


async def main(telegram_url: str, gateway_url: str, folder: str) -> None:
    """Serve until the process is ended."""
    token, key = os.environ["TELEGRAM_BOT_TOKEN"], os.environ["GATEWAY_API_KEY"]
    memory.economize()
    media, bot = MediaStore.open(f"{folder}/media"), open_bot(token, telegram_url, 0)
    endpoint = Endpoint(
        gateway_url, SecretStr(key), media, timeout=TIMEOUT, connections=CONNECTIONS
    )
    async with (
        open_store(f"sqlite:///{folder}/bot.db", 0, asyncio.Event()) as store,
        open_files(telegram_url) as downloads,
        open_inputs(media) as inputs,
    ):
        await bot.initialize()
        files = Files(bot, downloads, LocalFiles(None), inputs, LARGEST)
        await Skeleton(store, media, endpoint, bot, files).run()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
