"""Chaos: processes on one Postgres and one bucket are killed and stopped at random, and these two are away.

`python -m tests.kill.chaos 300` plays it at length; the tests play a short one.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import text

from bot.domain import JobState, Period, now
from bot.storage import schema
from bot.storage.engine import Store
from sandbox.gateway import Gateway, Reply
from sandbox.server import serve
from sandbox.telegram import Person, Telegram
from tests.support import postgres
from tests.support.conversation import KEY, TOKEN, image
from tests.support.process import Killable
from tests.support.s3 import S3
from tests.support.waiting import patient

TAKER, WORKER = ("run", "--no-worker"), ("worker", "--concurrency", "8")
TAKERS, WORKERS = 2, 3
PROMPTS = 3  # of a person, the last one with a photo
AWAY = 5  # seconds that the bucket is
STATES = "SELECT state, count(*) AS jobs FROM jobs GROUP BY state"
# Without those that were begun and then not made, as their rows say.
CALLS = """
SELECT job_id, started_at, ended_at FROM calls WHERE outcome IS DISTINCT FROM 'undeliverable'
ORDER BY id
"""
PICTURES = "SELECT DISTINCT sha256 FROM pictures"


@dataclass
class Chaos:
    """What is done to whom, and what must hold afterwards; `restarts` are those of the Postgres."""

    bot: Killable
    server: postgres.Postgres
    s3: S3
    people: list[Person]
    restarts: int
    dice: random.Random
    processes: list[Killable] = field(default_factory=list)
    blows: list[tuple[datetime, datetime]] = field(default_factory=list)  # from when to when
    done: list[str] = field(default_factory=list)

    async def play(self, seconds: float) -> None:
        """Have everybody ask within so many seconds, and meanwhile strike again and again."""
        async with asyncio.TaskGroup() as group:
            for person in self.people:
                group.create_task(self._ask(person, seconds))
            group.create_task(self._strike_on(seconds))
            group.create_task(self._have_no_bucket(seconds))
        for process in self.processes:
            if process.process:
                process.process.send_signal(signal.SIGCONT)
        for person in self.people:
            await self.bot.telegram.until(partial(self._has_all, person), timeout=600)
        await self._stay()

    async def problems(self) -> list[str]:
        """List what is not as promised."""
        states = await self._states()
        expected = len(self.people) * PROMPTS
        found = [*await self.bot.audit(), *self.bot.telegram.violations]
        if states != {JobState.DELIVERED: expected}:
            found.append(f"{expected} prompts became {states}")
        found += [
            f"{person.id} sees {self.bot.lines(person)}"
            for person in self.people
            if len(self.bot.lines(person)) != PROMPTS
        ]
        found += [line for person in self.people for line in await self._misbooked(person)]
        pictures = await self.bot.store.read(lambda tx: list(tx._sql.execute(text(PICTURES))))
        kept = {f"bot/{row.sha256[:2]}/{row.sha256}" for row in pictures}
        if lost := kept - self.s3.names():
            found.append(f"{len(lost)} of {len(kept)} pictures are not in the bucket")
        rows = await self.bot.store.read(lambda tx: list(tx._sql.execute(text(CALLS))))
        for number, row in enumerate(rows):
            again = any(later.job_id == row.job_id for later in rows[number + 1 :])
            if again and not self._was_struck(row.started_at, row.ended_at):
                found.append(f"job {row.job_id} was bought again, and nobody had been struck")
        if len(rows) < len(self.bot.gateway.calls):  # some were begun, and never made
            found.append(f"{len(rows)} rows tell of {len(self.bot.gateway.calls)} calls")
        return found

    async def _states(self) -> dict[str, int]:
        """Wait until all jobs have ended, and count them by their states."""
        async with patient():
            while await self.bot.store.read(lambda tx: tx.jobs.by_state()):
                await asyncio.sleep(0.1)
        rows = await self.bot.store.read(lambda tx: list(tx._sql.execute(text(STATES))))
        return {row.state: row.jobs for row in rows}

    async def _misbooked(self, person: Person) -> list[str]:
        totals = await self.bot.store.read(lambda tx: tx.ledger.totals(person.id, now()))
        charged, reserved = totals[Period.ALL].pictures, totals[Period.ALL].reserved
        if (charged, reserved) == (PROMPTS, 0):
            return []
        return [f"{person.id} was charged {charged} pictures, and {reserved} more are reserved"]

    def _was_struck(self, began: datetime, ended: datetime | None) -> bool:
        return any(
            began <= over and (ended is None or begun <= ended) for begun, over in self.blows
        )

    @contextmanager
    def _blow(self, name: str) -> Iterator[None]:
        """Note what is done to whom: a row whose commit the Postgres did not tell of is one of its, too."""
        self.done.append(name)
        begun = datetime.now(UTC)
        try:
            yield
        finally:
            self.blows.append((begun, datetime.now(UTC)))

    def _has_all(self, person: Person) -> bool:
        lines = self.bot.lines(person)
        return len(lines) >= PROMPTS and all(line.startswith("[photo]") for line in lines)

    async def _stay(self) -> None:
        """Let those who slept finish what they were at: whatever they still say would be seen."""
        await asyncio.sleep(3)

    async def _ask(self, person: Person, seconds: float) -> None:
        for number in range(PROMPTS):
            await asyncio.sleep(self.dice.uniform(0, seconds / PROMPTS))
            if number < PROMPTS - 1:
                person.send(person, f"fox {number}")
            else:
                person.send(person, photo=image(color=self._color()), caption="make it blue")

    def _color(self) -> tuple[int, int, int]:
        return self.dice.randrange(256), self.dice.randrange(256), self.dice.randrange(256)

    async def _have_no_bucket(self, seconds: float) -> None:
        await asyncio.sleep(self.dice.uniform(0.2, 0.6) * seconds)
        self.done.append("bucket")
        await asyncio.to_thread(self.s3.stop)
        await asyncio.sleep(AWAY)
        self.s3.come_back()

    async def _strike_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        restarts = sorted(self.dice.uniform(0.2, 0.8) * seconds for _ in range(self.restarts))
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < until:
                await asyncio.sleep(self.dice.uniform(1, 3))
                if restarts and time.monotonic() - began > restarts[0]:
                    restarts.pop(0)
                    with self._blow("Postgres"):
                        await asyncio.to_thread(self.server.restart)
                    continue
                victim = self.dice.choice(self.processes)
                if victim.process is None or victim.process.returncode is not None:
                    continue
                if self.dice.random() < 0.5:
                    with self._blow(f"kill {victim.words[0]}"):
                        await victim.kill()
                    group.create_task(self._revive(victim))
                else:
                    with self._blow(f"stop {victim.words[0]}"):
                        victim.process.send_signal(signal.SIGSTOP)
                    group.create_task(self._wake(victim, self.dice.uniform(0.5, 40)))

    async def _revive(self, victim: Killable) -> None:
        await asyncio.sleep(self.dice.uniform(0, 2))
        await victim.begin()

    async def _wake(self, victim: Killable, seconds: float) -> None:
        process = victim.process
        await asyncio.sleep(seconds)
        if process:
            process.send_signal(signal.SIGCONT)


async def play(folder: Path, jobs: int, seconds: float, restarts: int, seed: int) -> Chaos:
    """Play it once; gives what was done, with all processes ended and what is wrong in `done`."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(postgres.running())
        url = server.url(server.create())
        await schema.migrate(url)
        store = await Store.open(url)
        stack.push_async_callback(store.close)
        world = await stack.enter_async_context(serve(Telegram(TOKEN), Gateway(KEY)))
        world.gateway.default = Reply(noise=1200, delay=0.5)
        s3 = stack.enter_context(S3().serving())
        changes = {"DATABASE_URL": url, "USER_CONCURRENCY": "3", **s3.media(folder)}
        bot = Killable(world, store, folder, asyncio.Event(), changes=changes, words=TAKER)
        people = [bot.telegram.person(f"Person {number}") for number in range(jobs // PROMPTS)]
        chaos = Chaos(bot, server, s3, people, restarts, random.Random(seed))
        await stack.enter_async_context(bot.beginning())
        chaos.processes.append(bot)
        for number, words in enumerate([TAKER] * (TAKERS - 1) + [WORKER] * WORKERS):
            own = {"MEDIA_TEMP_DIR": f"{folder}/media {number}"}
            chaos.processes.append(await stack.enter_async_context(bot.beside(*words, **own)))
        await chaos.play(seconds)
        chaos.done += [f"WRONG: {problem}" for problem in await chaos.problems()]
        return chaos


def main(jobs: int, seed: int) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        chaos = asyncio.run(play(Path(name), jobs, seconds=jobs / 3, restarts=2, seed=seed))
        log = (Path(name) / "bot.log").read_text()
    counts = {one: chaos.done.count(one) for one in dict.fromkeys(chaos.done)}
    calls, prompts = len(chaos.bot.gateway.calls), len(chaos.people) * PROMPTS
    print(f"seed {seed}: {prompts} prompts, {calls} calls in {time.monotonic() - began:.0f} s")  # noqa: T201
    print("\n".join(f"{count} × {one}" for one, count in counts.items()))  # noqa: T201
    print(f"{log.count('Traceback')} tracebacks in the log")  # noqa: T201
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_text(log)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10_000)
