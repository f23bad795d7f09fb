"""The command line of the bench: plays every scene to the floors and to the bot, and reports."""

from __future__ import annotations

import asyncio
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from bench import backup as backing_up
from bench import growth as growing
from bench import pages as browsing
from bench import profile as profiling
from bench import report
from bench import soak as soaking
from bench import workers as sharing
from bench.load import Fairness, Herd, measure_fairness, measure_herd
from bench.play import SUBJECTS, Idle, Measurement, Subject, measure_idle, play
from bench.scenes import FULL, HERD, PROFILED, QUICK, Scene

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
WIDTH = 190
PLAYS = 3
PROFILED_SUBJECTS: tuple[Subject, ...] = ("durable", "bot")
NOTE = "\\* the bench's own servers were the limit: they kept more than 90 % of a core busy."


@dataclass(frozen=True, slots=True)
class Results:
    """All that one run has measured; None is what was not asked for."""

    rows: list[Measurement]
    idle: Idle | None
    fairness: Fairness | None
    herd: Herd | None

    @property
    def budgets(self) -> list[report.Budget]:
        return [
            *report.budgets(self.rows, self.idle),
            *(report.of_fairness(self.fairness) if self.fairness else ()),
            *(report.of_herd(self.herd) if self.herd else ()),
        ]

    @property
    def all_rows(self) -> list[Measurement]:
        return [*self.rows, *([self.herd.measured] if self.herd else ())]


def main(
    *,
    quick: Annotated[bool, typer.Option(help="Two scenes, once each: about a minute.")] = False,
    only: Annotated[str, typer.Option(help="Only what has this in its name.")] = "",
    profile: Annotated[bool, typer.Option(help="Count, and split CPU by phase.")] = False,
    soak: Annotated[bool, typer.Option(help="Keep the bot at work, and tell what grows.")] = False,
    minutes: Annotated[float, typer.Option(help="How long to soak.")] = 60,
    growth: Annotated[
        bool, typer.Option(help="Time the work for a message in a full database.")
    ] = False,
    pages: Annotated[
        bool, typer.Option(help="Time the dashboard's pages beside as many jobs.")
    ] = False,
    backup: Annotated[bool, typer.Option(help="Time writes beside a backup of as many.")] = False,
    workers: Annotated[
        bool, typer.Option(help="Play to one, two and four workers on Postgres.")
    ] = False,
    millions: Annotated[float, typer.Option(help="How many jobs it is full of.")] = 3,
    plays: Annotated[int, typer.Option(help="How often each scene is played to each.")] = 0,
    save: Annotated[bool, typer.Option(help="Write the table to docs/performance.md.")] = True,
) -> None:
    """Measure the bot against the floors."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if profile:
            runner.run(_profile([scene for scene in PROFILED if only in scene.name]))
        elif soak:
            runner.run(_soak(minutes))
        elif growth:
            runner.run(_growth(millions))
        elif pages:
            runner.run(_pages(millions))
        elif workers:
            runner.run(_workers())
        elif backup:
            runner.run(_backup(millions))
        else:
            plays = plays or (1 if quick else PLAYS)
            results = runner.run(_measure(only, plays, quick=quick))
            _report(results, save=save and not quick and not only)


async def _measure(only: str, plays: int, *, quick: bool) -> Results:
    scenes = [scene for scene in (QUICK if quick else FULL) if only in scene.name]
    rows = await _play_all(scenes, plays)
    more = [
        name for name in ("idle", "fairness", f"herd, {HERD.name}") if only in name and not quick
    ]
    return Results(
        rows,
        await measure_idle("bot") if "idle" in more else None,
        await measure_fairness("bot") if "fairness" in more else None,
        await measure_herd("bot") if more and more[-1].startswith("herd") else None,
    )


async def _play_all(scenes: list[Scene], plays: int) -> list[Measurement]:
    """Play each scene to all, in turn, and as often again; the medians of the plays."""
    console, rows = Console(stderr=True, width=WIDTH), list[Measurement]()
    for scene in scenes:
        played: dict[str, list[Measurement]] = {subject: [] for subject in SUBJECTS}
        for number in range(plays):
            for subject in SUBJECTS:
                one = await play(subject, scene)
                played[subject].append(one)
                line = f"{number + 1} | {' | '.join(report.cells(one, [one]))}"
                console.print(line, highlight=False)
        rows += [report.middle(played[subject]) for subject in SUBJECTS]
    return rows


async def _profile(scenes: list[Scene]) -> None:
    console = Console(width=WIDTH)
    for scene in scenes:
        profiles = [await profiling.profile(subject, scene) for subject in PROFILED_SUBJECTS]
        head = (scene.name, *(f"{subject}, a picture" for subject in PROFILED_SUBJECTS))
        console.print(report.table(head, profiling.counted(profiles)))
        head = ("phase", *(f"{subject}, CPU ms" for subject in PROFILED_SUBJECTS))
        console.print(report.table(head, profiling.split(profiles)))


async def _soak(minutes: float) -> None:
    found, asked = await soaking.soak("bot", minutes)
    head = (f"{minutes:g} minutes, {asked} pictures", "at first", "at last", "in 1,000 pictures")
    Console(width=WIDTH).print(report.table(head, soaking.rows(found)))


async def _growth(millions: float) -> None:
    found = await growing.measure(millions)
    head = (
        f"{millions:g} million jobs, medians in ms",
        f"of {growing.SMALL} jobs",
        "of all",
        "ratio",
    )
    Console(width=WIDTH).print(report.table(head, growing.rows(found)))


async def _pages(millions: float) -> None:
    found = await browsing.measure(millions)
    head = (f"{millions:g} million jobs", "first, ms", "then, median ms", "bytes")
    Console(width=WIDTH).print(report.table(head, browsing.rows(found)))


async def _backup(millions: float) -> None:
    found = await backing_up.measure(millions)
    head = (f"{millions:g} million jobs, writes in ms", "writes", "median", "99 %", "slowest")
    Console(width=WIDTH).print(report.table(head, backing_up.rows(found)))


async def _workers() -> None:
    console = Console(width=WIDTH)
    console.print(report.table(sharing.HEAD, sharing.rows(await sharing.measure())))


def _report(results: Results, *, save: bool) -> None:
    console, rows = Console(width=WIDTH), results.all_rows
    wide = [report.cells(row, rows) for row in rows]
    kept = [budget.cells() for budget in results.budgets]
    console.print(report.table(report.BUDGET_HEAD, kept))
    if wide:
        console.print(report.table(report.HEAD, wide))
    if save:
        where = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}."
        tables = (report.markdown(report.BUDGET_HEAD, kept), report.markdown(report.HEAD, wide))
        report.write(DOCUMENT, "\n\n".join((where, *tables, NOTE)))


if __name__ == "__main__":
    typer.run(main)
