"""The soak: the bot at work for a long time, and whether anything of it grows.

Always new people ask, in private, in a group and with photos, so that whatever is kept of each of
them shows. What has grown is told by its slope, from a quarter of the time on: by then caches that
are bounded by the load have found their size.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import linear_regression

from bench.play import FIRST_PERSON, Audience, Stage, Subject
from bench.process import Process
from bench.scenes import Scene
from bench.watched import written

MODEST = Scene(users=20, size=20_000, delay=1, rounds=0)
SAMPLES = 60
ALWAYS = ("memory, MB", "descriptors", "tasks", "objects")
LEAST = 1.0  # more in a thousand pictures: what is worth telling
REMEMBERED = 2000  # messages that the bench's Telegram can still be asked for
Sample = tuple[float, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Slope:
    """How something grew: from the first value that counts to the last one, and in a thousand pictures."""

    name: str
    first: float
    last: float
    per_thousand: float


@dataclass
class Askers:
    """People who ask one after the other, each once; `asked` counts them, a failure ends all."""

    stage: Stage
    asked: int = 0

    async def ask_on(self, place: int) -> None:
        """Ask as new people for ever: in private, with a photo, in a group."""
        await asyncio.sleep(place * MODEST.delay / MODEST.users)
        kinds = itertools.cycle([MODEST, replace(MODEST, photos=True), replace(MODEST, group=True)])
        for scene in kinds:
            self.asked += 1
            person = FIRST_PERSON + self.asked
            times = await Audience(self.stage, scene).ask(person, 0)
            if not times.right:
                raise RuntimeError(f"the picture of {person} is not what was drawn")
            self.stage.meter.by_prompt.pop(f"prompt-{person}-0")
            self.stage.telegram.forget(REMEMBERED)


async def soak(subject: Subject, minutes: float) -> tuple[list[Slope], int]:
    """Keep a program at work; tells the slopes, and how many pictures were asked for in all."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        file = folder / "held"
        async with (
            Stage.open(MODEST.size, MODEST.delay) as stage,
            stage.playing(subject, folder, ("bench.watched", "held", str(file))) as (process, _),
            asyncio.TaskGroup() as group,
        ):
            askers = Askers(stage)
            tasks = [group.create_task(askers.ask_on(place)) for place in range(MODEST.users)]
            for _ in range(SAMPLES):
                await process.unless_ended(asyncio.sleep(60 * minutes / SAMPLES))
                samples.append((askers.asked, await process.unless_ended(_sample(process, file))))
            for task in tasks:
                task.cancel()
    return slopes(samples), askers.asked


async def _sample(process: Process, file: Path) -> dict[str, float]:
    process.send(signal.SIGUSR2)
    found = await written(file)
    file.unlink()  # noqa: ASYNC240 - ours, and small
    held: dict[str, float] = {"memory, MB": process.megabytes("VmRSS")}
    return held | {"descriptors": process.descriptors()} | found


def slopes(samples: Sequence[Sample]) -> list[Slope]:
    """Fit a line through each value, by least squares, from a quarter of the samples on."""
    counted = samples[len(samples) // 4 :]
    names = {name: None for _, sample in counted for name in sample}
    return [_slope(name, [(at, sample.get(name, 0.0)) for at, sample in counted]) for name in names]


def _slope(name: str, points: Sequence[tuple[float, float]]) -> Slope:
    rise = 0.0
    if len({at for at, _ in points}) > 1:
        rise = linear_regression(*zip(*points, strict=True)).slope
    return Slope(name, points[0][1], points[-1][1], 1000 * rise)


def rows(found: Sequence[Slope]) -> list[tuple[str, ...]]:
    """Write the slopes as rows: memory, descriptors and tasks, then what has grown, the most first."""
    always = [one for one in found if one.name in ALWAYS]
    grown = [one for one in found if one.name not in ALWAYS and one.last > one.first]
    grown.sort(key=lambda one: -one.per_thousand)
    return [
        (one.name, f"{one.first:g}", f"{one.last:g}", f"{one.per_thousand:+.3g}")
        for one in (*always, *grown)
        if one in always or one.per_thousand >= LEAST
    ]
