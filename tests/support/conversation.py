"""A conversation with the whole bot over the wire, written as a table.

The bot runs as it does in production, over real HTTP against the sandbox's Telegram and gateway,
on a real SQLite file. A row is what a person does and what then stands in the chat from the bot.
"""

from __future__ import annotations

import asyncio
import gc
import io
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from bot.app import BOTH, Role, run
from bot.config import load_settings
from bot.domain import Job, JobState
from bot.storage import Transaction
from bot.storage.engine import Store
from bot.storage.tables import JOBS
from sandbox.gateway import Call, Gateway
from sandbox.server import Sandbox, serve
from sandbox.telegram import Person, Place, Telegram
from tests.support.database import migrated
from tests.support.waiting import patient

_ENDED = itertools.count(1)
TAKER, WORKER = Role(at_once=0), Role(takes_updates=False)
TOKEN, KEY = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "sk-sandbox-0123456789abcdef"

# What stands under a finished picture: which levels there are depends on its model.
BUTTONS = "{Again|Variations|Edit|*Original file|Delete}"
PICTURE = f"[photo]* {BUTTONS}"  # a finished picture, whatever its caption
ASKED = "Shall this picture go for good?"
POST = "[photo]* {Again|Original file|Delete}"  # the same in a channel


def image(
    width: int = 64,
    height: int = 48,
    form: str = "PNG",
    color: tuple[int, int, int] = (200, 30, 30),
) -> bytes:
    """Make a small picture's file."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, form)
    return file.getvalue()


def environment(world: Sandbox, folder: Path, **changes: str) -> dict[str, str]:
    """Make the environment in which the bot meets the sandbox."""
    return {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "GATEWAY_API_KEY": KEY,
        "TELEGRAM_API_URL": world.telegram_url,
        "GATEWAY_URL": world.gateway_url,
        "DATABASE_URL": f"sqlite:///{folder}/bot.db",
        "MEDIA_URL": f"{folder}/media",
        "ACCESS": "open",
        "ALLOW_INSECURE_PICTURE_URLS": "true",
        "ALBUM_SETTLE_SECONDS": "0.2",
        "TELEGRAM_MAX_RATE": "0",
        "SHUTDOWN_SECONDS": "2",
        **changes,
    }


def shown_keys(message: dict[str, Any]) -> list[str]:
    """List what a message's buttons say."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [key["text"] for row in rows for key in row]


def shown(message: dict[str, Any]) -> str:
    """Write a message in one line: kind, words, buttons."""
    words = message.get("text") or message.get("caption") or ""
    if "photo" in message:
        words = f"[photo] {words}"
    elif "document" in message:
        words = f"[file {message['document'].get('file_name')}] {words}"
    keys = shown_keys(message)
    return " ".join(
        [words.strip().replace("\n", " "), *(["{" + "|".join(keys) + "}"] if keys else [])]
    )


@dataclass
class Conversation:
    """The bot, its world, and what is to be looked at afterwards."""

    world: Sandbox
    store: Store
    folder: Path
    stop: asyncio.Event
    task: asyncio.Task[None] | None = None
    url: str = ""  # of a database other than the folder's file
    workers: int = 0  # bots beside one that then only takes updates

    def __post_init__(self) -> None:
        self._drawing: list[asyncio.Task[None]] = []
        self.telegram: Telegram = self.world.telegram
        self.gateway: Gateway = self.world.gateway
        self.alice = self.telegram.person("Alice")
        self.bob = self.telegram.person("Bob")

    def from_bot(self, chat: Place) -> list[dict[str, Any]]:
        """List the bot's messages in a chat."""
        posts = self.telegram.world.chats[chat if isinstance(chat, int) else chat.id].posts
        return [post.message for post in posts.values() if post.author == self.telegram.bot.id]

    def lines(self, chat: Place) -> list[str]:
        """List the bot's messages in a chat, a line each."""
        return [shown(message) for message in self.from_bot(chat)]

    async def sees(self, chat: Place, *expected: str) -> list[dict[str, Any]]:
        """Wait until exactly these messages of the bot stand in the chat (`*` is any text)."""

        def stands() -> bool:
            lines = self.lines(chat)
            return len(lines) == len(expected) and all(map(fnmatchcase, lines, escaped(expected)))

        try:
            await self.telegram.until(stands)
        except TimeoutError:
            raise AssertionError(f"expected {expected}\nbut see {self.lines(chat)}") from None
        return self.from_bot(chat)

    async def row(
        self,
        person: Person,
        said: str | None,
        *expected: str,
        chat: Place | None = None,
        **how: Any,  # noqa: ANN401 - whatever `Person.send` takes
    ) -> list[dict[str, Any]]:
        """One row of a table: a person says something; what is new from the bot is this.

        Gives the bot's new messages.
        """
        where = chat or person
        before = self.lines(where)
        person.send(where, said, **how)
        return (await self.sees(where, *before, *expected))[len(before) :]

    async def press(
        self, person: Person, message: dict[str, Any], button: str, chat: Place | None = None
    ) -> str:
        """Press a button under a message and tell what the bot answers."""
        answer = await person.press(chat or person, message["message_id"], button)
        return answer.text or ""

    async def delete(
        self, person: Person, message: dict[str, Any], chat: Place | None = None
    ) -> str:
        """Press Delete, and say yes; tell what the bot answers in the end."""
        place, number = chat or person, message["message_id"]
        assert await self.press(person, message, "Delete", chat) == ASKED

        def asks() -> bool:
            shown = next(one for one in self.from_bot(place) if one["message_id"] == number)
            return shown_keys(shown) == ["Yes, delete", "Keep"]

        await self.telegram.until(asks)
        return await self.press(person, message, "Yes, delete", chat)

    async def forge(
        self, person: Person, message: dict[str, Any], data: str, where: Place | None = None
    ) -> str:
        """Press what no button says, in private if not said `where`; tell what the bot answers."""
        place = person if where is None else where
        query = person.press_only(place, message["message_id"], data, forged=True)
        answer = await self.telegram.until(lambda: self.telegram.answer_to(query))
        assert answer
        return answer.text or ""

    async def said_last(self, chat: Place, line: str) -> dict[str, Any]:
        """Wait until this is the bot's last message in a chat, and give it."""

        def stands() -> bool:
            return fnmatchcase(self.lines(chat)[-1], escaped((line,))[0])

        await self.telegram.until(stands)
        return self.from_bot(chat)[-1]

    @property
    def last_call(self) -> Call:
        """The gateway's last call."""
        return self.gateway.calls[-1]

    def kept(self, message: dict[str, Any]) -> bytes:
        """Give a message's picture as Telegram keeps it, a photo's in its largest size."""
        file = message["photo"][-1] if "photo" in message else message["document"]
        return self.telegram.bytes_of(file["file_id"])

    @property
    def database_url(self) -> str:
        return self.url or f"sqlite:///{self.folder}/bot.db"

    async def execute(self, *statements: str) -> None:
        """Change rows as nothing in the bot does."""

        def execute(tx: Transaction) -> None:
            for statement in statements:
                tx.jobs._sql.exec_driver_sql(statement)

        await self.store.write(execute)

    async def jobs(self) -> list[Job]:
        """List all jobs."""

        def read(tx: Transaction) -> list[Job]:
            ids = tx.jobs._sql.execute(select(JOBS.c.id).order_by(JOBS.c.id)).scalars()
            return [job for number in ids.all() if (job := tx.jobs.get(number))]

        return await self.store.read(read)

    async def quiet(self) -> list[Job]:
        """Wait until every update is confirmed and every job has ended; list the jobs."""
        async with patient():
            while self.telegram.pending_updates or not all(
                job.state.final for job in await self.jobs()
            ):
                await asyncio.sleep(0.02)
        return await self.jobs()

    async def committed(self) -> None:
        """On a server wait for the last commit behind what is seen: it takes longer than a look."""
        if self.url:
            await self.quiet()

    async def states(self) -> list[JobState]:
        """Wait for quiet and list how the jobs ended."""
        return [job.state for job in await self.quiet()]

    async def audit(self) -> list[str]:
        """List what is wrong with the ledger."""
        return await self.store.read(lambda tx: tx.ledger.audit())

    async def restart(self, **changes: str) -> None:
        """End the bot in order and start it again."""
        await self.end()
        await self.begin(**changes)

    async def begin(self, **changes: str) -> None:
        """Start the bot and wait until it polls."""
        self.stop = asyncio.Event()
        begun = time.time()
        changes = {"DATABASE_URL": self.database_url, **changes}
        given = load_settings(environment(self.world, self.folder, **changes), env_file=None)
        self.task = asyncio.create_task(run(given, self.stop, TAKER if self.workers else BOTH))
        alone = given.model_copy(update={"web_address": None, "webhook_url": None})
        self._drawing = [
            asyncio.create_task(run(alone, self.stop, WORKER)) for _ in range(self.workers)
        ]
        poll = asyncio.create_task(self._ready(begun))
        await asyncio.wait([self.task, poll], return_when=asyncio.FIRST_COMPLETED)
        poll.cancel()
        if self.task.done():
            await self.task

    async def _ready(self, begun: float) -> None:
        def polls() -> bool:
            calls = {call.method for call in self.telegram.calls if call.at >= begun}
            return "setWebhook" in calls or ("getMe" in calls and self.telegram.polling > 0)

        await self.telegram.until(polls)

    async def end(self) -> None:
        """End the bot in order."""
        self.stop.set()
        await asyncio.gather(*self._drawing)
        if self.task:
            await self.task


def escaped(patterns: tuple[str, ...]) -> list[str]:
    """Make fnmatch take brackets literally."""
    return [pattern.replace("[", "[[]") for pattern in patterns]


@asynccontextmanager
async def started(
    folder: Path, url: str = "", workers: int = 0, /, **changes: str
) -> AsyncIterator[Conversation]:
    """Run the whole bot on a sandbox of its own; at the end nothing may be out of order.

    On a database that is migrated, or on a new file in the folder.
    """
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        store = await Store.open(url or await migrated(folder))
        conversation = Conversation(world, store, folder, asyncio.Event(), url=url, workers=workers)
        try:
            await conversation.begin(**changes)
            yield conversation
            assert await conversation.audit() == []
            assert world.telegram.violations == []
        finally:
            with suppress(asyncio.CancelledError):
                await conversation.end()
            await store.close()
            _collect()


def _collect() -> None:
    """Free what is left of the bots of before: each spares its own from the collector, for ever."""
    if next(_ENDED) % 20 == 0:
        gc.unfreeze()
        gc.collect()
