"""Workers: one that takes updates, and one, two and four that draw, on a Postgres that writes to the disk.

Where each has few places, those bound what is drawn, and twice the workers draw twice as much; where
each has many, the cores do. The embedded default plays the same scenes in turn with them.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import LiteralString

import psycopg

from bench.play import SETTLE_SECONDS, START_SECONDS, Audience, Stage, environment, quantiles
from bench.process import Process, cpu_of, running
from bench.scenes import MB, Scene
from bot.storage import schema
from tests.support import postgres

WORKERS = (1, 2, 4)
FEW, MANY = 4, 64  # places of each worker
SIZE, DELAY, ROUNDS = 2 * MB, 2.0, 6
CROWD = Scene(200, SIZE, DELAY, 2)
OPTIONS = "-c track_commit_timestamp=on -c max_connections=300"
# What is reserved is written as the job is, and never changed.
_WAITED: LiteralString = """
SELECT 1000 * extract(epoch FROM jobs.started_at - pg_xact_commit_timestamp(ledger.xmin))::float8 AS span
FROM jobs JOIN ledger ON ledger.job_id = jobs.id AND ledger.kind = 'reserve'
WHERE jobs.id > %s AND jobs.started_at IS NOT NULL ORDER BY span
"""
_NEWEST: LiteralString = "SELECT coalesce(max(id), 0) FROM jobs"
HEAD = (
    "scene",
    "processes",
    "pictures/s",
    "to half as many workers",
    "commit to claim, p50 / p99 ms",
    "CPU ms a picture",
    "ratio to the embedded",
    "and of Postgres",
    "servers, cores",
    "once",
)


@dataclass(frozen=True, slots=True)
class Shared:
    """What `workers` did in a scene, with `places` each; none is the embedded default.

    `rate` in pictures a second, CPU in milliseconds a picture, of the bot's processes and of the
    database's; `waited` is from a job's commit to its claim, as (median, 99th percentile) in
    milliseconds. `once` counts the prompts that were bought once and answered once, `load` tells
    the cores that the bench's own servers took.
    """

    scene: Scene
    workers: int
    places: int
    rate: float
    waited: tuple[float, float]
    cpu_ms: float
    postgres_ms: float
    once: int
    load: float


@dataclass(frozen=True, slots=True)
class Crew:
    """The bot's processes; without a `server` they are one, the embedded default."""

    processes: Sequence[Process]
    workers: int = 0
    places: int = 0
    server: postgres.Postgres | None = None
    database: str = ""

    def cpu(self) -> float:
        return sum(process.cpu() for process in self.processes)

    def postgres_cpu(self) -> float:
        return cpu_of(self.server.pid) if self.server else 0.0

    async def play(self, stage: Stage, scene: Scene) -> Shared:
        audience = Audience(stage, scene)
        await audience.warm()
        after = await asyncio.to_thread(self._ask, _NEWEST)
        cpu, of_postgres = self.cpu(), self.postgres_cpu()
        own, began = time.process_time(), time.perf_counter()
        await audience.play()
        load = (time.process_time() - own) / (time.perf_counter() - began)
        await asyncio.sleep(SETTLE_SECONDS)  # what follows a delivery is part of its cost
        cpu, of_postgres = self.cpu() - cpu, self.postgres_cpu() - of_postgres
        arrived = sorted(times.uploaded for times in stage.meter.delivered)
        waited = await asyncio.to_thread(self._ask, _WAITED, *after[:1])
        return Shared(
            scene=scene,
            workers=self.workers,
            places=self.places,
            rate=(len(arrived) - 1) / (arrived[-1] - arrived[0]),
            waited=quantiles(waited),
            cpu_ms=1000 * cpu / scene.prompts,
            postgres_ms=1000 * of_postgres / scene.prompts,
            once=audience.once(),
            load=load,
        )

    def _ask(self, question: LiteralString, *values: float) -> list[float]:
        if self.server is None:
            return []
        with psycopg.connect(self.server.url(self.database)) as sql:
            return [row[0] for row in sql.execute(question, values)]


async def measure() -> list[Shared]:
    """Play each scene to each number of workers, and to the embedded default between them."""
    found: list[Shared] = []
    with postgres.running(OPTIONS) as server:
        for workers in WORKERS:
            light = Scene(workers * FEW // 2, SIZE, DELAY, ROUNDS)  # somebody is always free
            full = Scene(workers * FEW * 2, SIZE, DELAY, ROUNDS)
            for places, scenes in ((FEW, [light, full]), (MANY, [CROWD])):
                for crewing in (_embedded, partial(_workers, server, workers, places)):
                    async with crewing() as (stage, crew):
                        found += [await crew.play(stage, scene) for scene in scenes]
    return found


@asynccontextmanager
async def _embedded() -> AsyncIterator[tuple[Stage, Crew]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with (
            Stage.open(SIZE, DELAY) as stage,
            stage.playing("bot", Path(folder)) as (process, _),
        ):
            yield stage, Crew([process])


@asynccontextmanager
async def _workers(
    server: postgres.Postgres, workers: int, places: int
) -> AsyncIterator[tuple[Stage, Crew]]:
    database = server.create()
    url = server.url(database)
    await schema.migrate(url)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stage = await stack.enter_async_context(Stage.open(SIZE, DELAY))
        given = environment(stage.url, folder) | {"DATABASE_URL": url}
        drawing = ["worker", "--concurrency", str(places)]
        starting = [
            running(["-m", "bot", *command], given, folder / f"log.{number}")
            for number, command in enumerate([["run", "--no-worker"], *[drawing] * workers])
        ]
        processes = [await stack.enter_async_context(one) for one in starting]
        for number, process in enumerate(processes):
            await process.unless_ended(_ready(folder / f"log.{number}"))
        yield stage, Crew(processes, workers, places, server, database)
    server.drop(database)


async def _ready(log: Path) -> None:
    async with asyncio.timeout(START_SECONDS):
        while " ready " not in log.read_text():  # noqa: ASYNC110, ASYNC240 - another process writes it
            await asyncio.sleep(0.1)


def rows(found: Sequence[Shared]) -> list[list[str]]:
    return [_cells(one, found) for one in found]


def _cells(one: Shared, found: Sequence[Shared]) -> list[str]:
    """Compare what was measured with the embedded default, and with half as many workers."""
    same = [other for other in found if other.scene.users == one.scene.users and not other.workers]
    embedded = median(other.cpu_ms for other in same)
    busy = one.scene.users // max(1, one.workers)
    halves = [
        other
        for other in found
        if 2 * other.workers == one.workers
        and other.places == one.places
        and (other.scene == one.scene or other.scene.users == busy * other.workers)
    ]
    who = f"1 + {one.workers} of {one.places}" if one.workers else "embedded"
    return [
        one.scene.name,
        who,
        f"{one.rate:.1f}",
        f"{one.rate / halves[0].rate:.2f}" if one.workers and halves else "",
        "{:.1f} / {:.1f}".format(*one.waited) if one.workers else "",
        f"{one.cpu_ms:.1f}",
        f"{one.cpu_ms / embedded:.2f}" if one.workers else "",
        f"{one.postgres_ms:.1f}" if one.workers else "",
        f"{one.load:.2f}",
        f"{one.once} of {one.scene.prompts}",
    ]
