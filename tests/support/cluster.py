"""Several processes of the bot on one Postgres, to be killed and stopped, behind a load balancer."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.storage import schema
from bot.storage.engine import Store
from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.support.conversation import KEY, TOKEN, Conversation, environment
from tests.support.forks import Forked, fork
from tests.support.pages import free_address
from tests.support.waiting import patient, within
from tests.support.wire import listening


@dataclass
class Cluster(Conversation):
    """A conversation with several processes; those at `addresses` share out who connects."""

    changes: dict[str, str] = field(default_factory=dict)
    processes: list[Forked] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    async def add(self, *command: str, **changes: str) -> Forked:
        """Start a process, and wait until it is ready."""
        log = self.folder / f"{len(self.processes)}.log"
        given = environment(self.world, self.folder, **(self.changes | changes))
        if address := given.get("WEB_ADDRESS"):
            self.addresses.append(address)
        with log.open("ab") as output:
            file = output.fileno()
            path = {"PATH": os.environ["PATH"]}
            process = await fork(self.folder, command or ("run",), path | given, file, file)
        self.processes.append(process)
        await self.says(process, " ready ")
        return process

    async def ingress(self, url: str) -> Forked:
        """Start one that Telegram brings updates to, by way of the load balancer at `url`."""
        return await self.add(WEB_ADDRESS=free_address(), WEBHOOK_URL=url)

    def log(self, process: Forked) -> str:
        return (self.folder / f"{self.processes.index(process)}.log").read_text()

    async def says(self, process: Forked, words: str) -> None:
        async with patient():
            while words not in self.log(process):
                assert process.returncode is None, self.log(process)
                await asyncio.sleep(0.05)

    async def kill(self, process: Forked) -> None:
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def stop_all(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            await within(process.wait())

    @asynccontextmanager
    async def balancer(self) -> AsyncIterator[str]:
        """Share connections out in turn among those that can be reached; gives the webhook's URL."""
        turn = itertools.count()

        async def share(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                answers, questions = await self._connected(next(turn))
                with closing(questions):
                    await asyncio.gather(_pipe(reader, questions), _pipe(answers, writer))

        async with listening(share) as origin:
            yield f"{origin}/telegram"

    async def _connected(self, turn: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the next one that can be reached; raises OSError where there is none."""
        count = len(self.addresses)
        for address in (self.addresses[(turn + n) % count] for n in range(count)):
            host, port = address.split(":")
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection(host, int(port))
        raise ConnectionRefusedError


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@asynccontextmanager
async def cluster(folder: Path, url: str, **changes: str) -> AsyncIterator[Cluster]:
    """Make ready a Postgres, a sandbox, and no process yet; at the end nothing may be out of order."""
    await schema.migrate(url)
    store = await Store.open(url)
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        changes = {"DATABASE_URL": url, **changes}
        bots = Cluster(world, store, folder, asyncio.Event(), changes=changes)
        try:
            yield bots
            await bots.stop_all()
            assert await bots.audit() == []
            assert world.telegram.violations == []
        finally:
            for process in bots.processes:
                if process.returncode is None:
                    await bots.kill(process)
            await store.close()
