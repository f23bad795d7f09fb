"""The command line of the bench: plays every scene to the floor and to the bot, and reports."""

from __future__ import annotations

import asyncio
import platform
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from bench import report
from bench.play import Idle, Measurement, measure_idle, play
from bench.scenes import FULL, QUICK, Scene

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
WIDTH = 170
NOTE = "\\* the bench's own servers were the limit: they kept more than 90 % of a core busy."


def main(
    *,
    quick: Annotated[bool, typer.Option(help="Only what the budgets are about.")] = False,
    only: Annotated[str, typer.Option(help="Only scenes whose name has this in it.")] = "",
    save: Annotated[bool, typer.Option(help="Write the table to docs/performance.md.")] = True,
) -> None:
    """Measure the bot against the floor."""
    scenes = [scene for scene in (QUICK if quick else FULL) if only in scene.name]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows, idle = runner.run(_measure(scenes))
    console = Console(width=WIDTH)
    wide = [report.cells(row, rows) for row in rows]
    kept = [budget.cells() for budget in report.budgets(rows, idle)]
    console.print(report.table(report.HEAD, wide))
    console.print(report.table(report.BUDGET_HEAD, kept))
    if save and not quick and not only:
        where = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}."
        tables = (report.markdown(report.HEAD, wide), report.markdown(report.BUDGET_HEAD, kept))
        report.write(DOCUMENT, "\n\n".join((where, tables[0], NOTE, tables[1])))


async def _measure(scenes: list[Scene]) -> tuple[list[Measurement], Idle]:
    console, rows = Console(stderr=True, width=WIDTH), []
    for scene in scenes:
        for subject in ("floor", "bot"):
            rows.append(await play(subject, scene))
            console.print(" | ".join(report.cells(rows[-1], rows)), highlight=False)
    return rows, await measure_idle("bot")


if __name__ == "__main__":
    typer.run(main)
