"""A backup: what writes wait while one is made, beside what they wait without.

The bot's own scheduled backup runs in the process and loop in which people write, as it does in production.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median, quantiles

from bench.growth import MILLION, filled
from bot.config import Settings, load_settings
from bot.domain import now
from bot.features.admin import backups
from bot.features.admin.backup import backups as whole
from bot.storage import Store, Transaction

WRITERS, PAUSE = 200, 0.1  # people, and seconds between two writes of each
PICTURES, PICTURE = 1000, 100_000  # bytes
TIMES = 3


@dataclass(frozen=True, slots=True)
class Waits:
    """How long writes took, in seconds, without a backup and beside one."""

    without: list[float]
    beside: list[float]


async def measure(millions: float, pictures: int = PICTURES, times: int = TIMES) -> Waits:
    """Write as long without a backup as beside `times` of them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with filled(folder / "bot.db", round(millions * MILLION)) as store:
            await asyncio.to_thread(_draw, folder / "media", pictures)
            numbers, beside, without = itertools.count(), list[float](), list[float]()
            began = time.monotonic()
            async with _writing(store, numbers, beside):
                for number in range(times):
                    await _back_up(folder, number)
            lasted = time.monotonic() - began
            async with _writing(store, numbers, without):
                await asyncio.sleep(lasted)
            return Waits(without, beside)


def _draw(media: Path, pictures: int) -> None:
    for _ in range(pictures):
        content = os.urandom(PICTURE)
        name = sha256(content).hexdigest()
        (media / name[:2]).mkdir(parents=True, exist_ok=True)
        (media / name[:2] / name).write_bytes(content)


async def _back_up(folder: Path, number: int) -> None:
    into = folder / f"backups-{number}"
    making = asyncio.create_task(backups.run(_settings(folder, into)))
    try:
        await asyncio.to_thread(_made, into)
    finally:
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)


def _made(into: Path) -> None:
    while not whole(into):
        time.sleep(0.02)


def _settings(folder: Path, into: Path) -> Settings:
    given = {
        "DATABASE_URL": f"sqlite:///{folder}/bot.db",
        "MEDIA_URL": f"{folder}/media",
        "BACKUP_DIR": str(into),
        "BACKUP_EVERY": "1",
    }
    return load_settings(given, env_file=None)


def _note(tx: Transaction, key: str) -> None:
    tx.keys.add(key, now())


@asynccontextmanager
async def _writing(store: Store, numbers: Iterator[int], took: list[float]) -> AsyncIterator[None]:
    async def write() -> None:
        while True:
            began = time.perf_counter()
            await store.write(_note, f"bench:{next(numbers)}")
            took.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)

    tasks = [asyncio.create_task(write()) for _ in range(WRITERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def rows(found: Waits) -> list[tuple[str, ...]]:
    lines = {"without": found.without, "beside a backup": found.beside}
    told = {
        name: (median(took), quantiles(took, n=100)[-1], max(took)) for name, took in lines.items()
    }
    ratios = [one / other for other, one in zip(*told.values(), strict=True)]
    return [
        *(
            (name, f"{len(lines[name])}", *(f"{1000 * one:.1f}" for one in times))
            for name, times in told.items()
        ),
        ("ratio", "", *(f"{one:.2f}" for one in ratios)),
    ]
