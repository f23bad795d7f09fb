"""The bot as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain import JobState
from bot.storage import schema
from bot.storage.engine import Store
from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.support.conversation import KEY, TOKEN, Conversation, environment
from tests.support.database import migrated
from tests.support.forks import Forked, fork
from tests.support.waiting import patient, within


@dataclass
class Killable(Conversation):
    """A conversation with a bot that can die at any moment and be started again."""

    changes: dict[str, str] = field(default_factory=dict)
    process: Forked | None = None
    words: tuple[str, ...] = ("run",)

    async def begin(self, **changes: str) -> None:
        """Start the process and wait until it polls."""
        self.changes |= changes
        before = self.greetings()
        given = environment(self.world, self.folder, LOG_LEVEL="DEBUG", **self.changes)
        path = {"PATH": os.environ["PATH"]}
        with self.log.open("ab") as output:
            file = output.fileno()
            self.process = await fork(self.folder, self.words, path | given, file, file)
        await self.telegram.until(lambda: self.greetings() > before)

    @asynccontextmanager
    async def beside(self, *words: str, **changes: str) -> AsyncIterator[Killable]:
        """Run another process in the same world, which is killed at the end unless it has ended."""
        other = Killable(
            self.world,
            self.store,
            self.folder,
            self.stop,
            changes=self.changes | changes,
            words=words,
        )
        async with other.beginning():
            yield other

    @asynccontextmanager
    async def beginning(self) -> AsyncIterator[None]:
        """Run it as long as the block lasts, then end it in order."""
        await self.begin()
        try:
            yield
            await self.end()
        finally:
            await self.kill()

    def greetings(self) -> int:
        """Count the starts that have come as far as polling."""
        return sum(call.method == "getMe" for call in self.telegram.calls)

    @property
    def log(self) -> Path:
        """The process's output, of all its lives."""
        return self.folder / "bot.log"

    async def kill(self) -> None:
        """Kill it as the kernel would: no handler, no farewell."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def revive(self) -> None:
        """Kill it and start it again."""
        await self.kill()
        await self.begin()

    async def end(self) -> None:
        """End the process in order."""
        if self.process and self.process.returncode is None:
            self.process.terminate()
            await within(self.process.wait())

    async def reaches(self, state: JobState) -> None:
        """Wait until the newest job is in a state: looked at as often as the disk allows.

        On a busy machine a short one may be over before it is seen: then it is in a later one.
        """
        order = list(JobState)
        async with patient():
            while True:
                jobs = await self.jobs()
                if jobs and order.index(jobs[-1].state) >= order.index(state):
                    return
                await asyncio.sleep(0)


@asynccontextmanager
async def running(
    folder: Path, words: tuple[str, ...] = ("run",), /, **changes: str
) -> AsyncIterator[Killable]:
    """Run the bot as a process on a sandbox of its own; a database that is named is made ready."""
    url = changes.get("DATABASE_URL") or await migrated(folder)
    if "DATABASE_URL" in changes:
        await schema.migrate(url)
    store = await Store.open(url)
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        bot = Killable(world, store, folder, asyncio.Event(), changes=changes, words=words)
        try:
            await bot.begin()
            yield bot
            await bot.end()
            assert await bot.audit() == []
            assert world.telegram.violations == []
        finally:
            if bot.process and bot.process.returncode is None:
                await bot.kill()
            await store.close()
