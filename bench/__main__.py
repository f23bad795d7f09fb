"""The command line of the bench: plays every scene to the floors and to the bot, and reports."""

from __future__ import annotations

import asyncio
import platform
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from bench import profile as profiling
from bench import report
from bench.play import SUBJECTS, Idle, Measurement, Subject, measure_idle, play
from bench.scenes import FULL, PROFILED, QUICK, Scene

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
WIDTH = 190
PLAYS = 3
PROFILED_SUBJECTS: tuple[Subject, ...] = ("durable", "bot")
NOTE = "\\* the bench's own servers were the limit: they kept more than 90 % of a core busy."


def main(
    *,
    quick: Annotated[bool, typer.Option(help="Two scenes, once each: about a minute.")] = False,
    only: Annotated[str, typer.Option(help="Only scenes whose name has this in it.")] = "",
    profile: Annotated[bool, typer.Option(help="Count, and split CPU by phase.")] = False,
    plays: Annotated[int, typer.Option(help="How often each scene is played to each.")] = 0,
    save: Annotated[bool, typer.Option(help="Write the table to docs/performance.md.")] = True,
) -> None:
    """Measure the bot against the floors."""
    if profile:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_profile([scene for scene in PROFILED if only in scene.name]))
        return
    scenes = [scene for scene in (QUICK if quick else FULL) if only in scene.name]
    idle = not quick and only in "idle"
    plays = plays or (1 if quick else PLAYS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(_measure(scenes, plays))
        still = runner.run(measure_idle("bot")) if idle else None
    _report(rows, still, save=save and not quick and not only)


async def _measure(scenes: list[Scene], plays: int) -> list[Measurement]:
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


def _report(rows: list[Measurement], idle: Idle | None, *, save: bool) -> None:
    console = Console(width=WIDTH)
    wide = [report.cells(row, rows) for row in rows]
    kept = [budget.cells() for budget in report.budgets(rows, idle)]
    console.print(report.table(report.BUDGET_HEAD, kept))
    if wide:
        console.print(report.table(report.HEAD, wide))
    if save:
        where = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}."
        tables = (report.markdown(report.BUDGET_HEAD, kept), report.markdown(report.HEAD, wide))
        report.write(DOCUMENT, "\n\n".join((where, *tables, NOTE)))


if __name__ == "__main__":
    typer.run(main)
