"""The profile: how often a picture needs what costs, and for what part of its way CPU is used."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.play import Audience, Stage, Subject, settled
from bench.scenes import Scene
from bench.watched import written

PLURAL = {
    "transactions": "write transactions",
    "reads": "read transactions",
    "statements": "statements",
    "hops": "thread hops",
    "tasks": "tasks",
    "calls": "calls of Telegram",
}
PHASES = (
    "update",
    "accept",
    "status",
    "call",
    "extract",
    "store",
    "deliver",
    "settle",
    "commit",
    "network",
    "loop",
    "other",
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one program did in one scene, by kind and name: for a picture.

    `phases` are milliseconds of CPU.
    """

    subject: Subject
    scene: Scene
    counts: Mapping[str, Mapping[str, float]]
    phases: Mapping[str, float]

    def total(self, kind: str) -> float:
        return sum(self.counts[kind].values())


async def profile(subject: Subject, scene: Scene) -> Profile:
    """Play a scene to a program that is counted from the end of its warming up."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        file = folder / "counts"
        async with (
            Stage.open(scene.size, scene.delay) as stage,
            stage.playing(subject, folder, ("bench.watched", "counts", str(file))) as (process, _),
        ):
            audience = Audience(stage, scene)
            await process.unless_ended(audience.warm())
            await process.unless_ended(settled(stage.meter))
            process.send(signal.SIGUSR1)
            await process.unless_ended(audience.play())
            await asyncio.sleep(1)  # what follows a delivery is part of it
            process.send(signal.SIGUSR2)
            found = await process.unless_ended(written(file))
    each = {
        kind: {name: number / scene.prompts for name, number in numbers.items()}
        for kind, numbers in found.items()
    }
    seconds = each.pop("phases")
    return Profile(subject, scene, each, {name: 1000 * used for name, used in seconds.items()})


def counted(profiles: Sequence[Profile]) -> list[tuple[str, ...]]:
    """Write the counts as rows: each kind's sum, and below it what it consists of."""
    rows: list[tuple[str, ...]] = []
    for kind, title in PLURAL.items():
        rows.append((title, *(f"{one.total(kind):.1f}" for one in profiles)))
        rows += sorted(_named(profiles, kind), key=lambda row: row[1:], reverse=True)
    return rows


def _named(profiles: Sequence[Profile], kind: str) -> list[tuple[str, ...]]:
    names = {name for one in profiles for name in one.counts[kind]}
    return [
        (f"  {name}", *(f"{one.counts[kind].get(name, 0.0):.1f}" for one in profiles))
        for name in names
    ]


def split(profiles: Sequence[Profile]) -> list[tuple[str, ...]]:
    """Write milliseconds of CPU by phase as rows, their sum last."""
    rows = [(name, *(f"{one.phases.get(name, 0.0):.2f}" for one in profiles)) for name in PHASES]
    return [*rows, ("all", *(f"{sum(one.phases.values()):.2f}" for one in profiles))]
