"""The report: a table for the terminal, the same for docs/performance.md, and the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from bench.play import Idle, Measurement
from bench.scenes import ALONE, CROWD, MB

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEAD = (
    "scene",
    "who",
    "CPU ms a picture",
    "to the floor",
    "peak MB",
    "update → gateway ms (p50, p99)",
    "answer → uploaded ms (p50, p99)",
    "pictures/s",
    "exactly once",
)
RATIOS = {2 * MB: 6.0, 8 * MB: 2.5}
BUDGET_HEAD = ("budget", "allowed", "measured", "met")


@dataclass(frozen=True, slots=True)
class Budget:
    """A promise of ours: the measured value must not be above the allowed one."""

    name: str
    allowed: float
    measured: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        return self.measured <= self.allowed

    def cells(self) -> tuple[str, ...]:
        """Write it as a row."""
        allowed, measured = (
            f"{value:.3g} {self.unit}".strip() for value in (self.allowed, self.measured)
        )
        return self.name, allowed, measured, "yes" if self.met else "no"


def ratio(row: Measurement, rows: Sequence[Measurement]) -> float | None:
    """Tell how many times the floor's CPU a program used in the same scene."""
    floors = [other for other in rows if other.subject == "floor" and other.scene == row.scene]
    return row.cpu_ms / floors[0].cpu_ms if floors and row.subject != "floor" else None


def budgets(rows: Sequence[Measurement], idle: Idle) -> list[Budget]:
    """Hold what was measured against what is promised."""
    ours = [row for row in rows if row.subject == "bot"]
    found: list[Budget] = []
    for row in ours:
        scene, times = row.scene, ratio(row, rows)
        allowed = RATIOS.get(scene.size)
        if scene.users == CROWD.users and scene.delay and not scene.photos and times and allowed:
            found.append(Budget(f"CPU to the floor's ({scene.name})", allowed, times, ""))
        if scene == ALONE:
            found += [
                Budget("update → gateway, p50, one user", 10, row.to_gateway[0], "ms"),
                Budget("answer → uploaded, p50, one user", 10, row.to_chat[0], "ms"),
            ]
    if ours:
        peak = max(ours, key=lambda row: row.peak)
        found.append(Budget(f"peak memory ({peak.scene.name})", 200, peak.peak, "MB"))
        wrong = sum(row.scene.prompts - row.once for row in ours)
        found += [
            Budget("prompts not answered exactly once", 0, wrong, ""),
            Budget("first start to first poll, new database", 1.5, _start(ours), "s"),
        ]
    return [
        *found,
        Budget("start to first poll", 1.5, idle.start, "s"),
        Budget("idle CPU", 0.1, idle.cpu_percent, "%"),
    ]


def _start(rows: Sequence[Measurement]) -> float:
    return median(row.start for row in rows)


def cells(row: Measurement, rows: Sequence[Measurement]) -> tuple[str, ...]:
    """Write a measurement as a row."""
    times = ratio(row, rows)
    return (
        row.scene.name,
        row.subject,
        f"{row.cpu_ms:.1f}",
        "" if times is None else f"{times:.1f}",
        f"{row.peak:.0f}",
        "{:.1f}, {:.1f}".format(*row.to_gateway),
        "{:.1f}, {:.1f}".format(*row.to_chat),
        f"{row.rate:.0f}" + ("*" if row.server_load > SERVER_FULL else ""),
        f"{row.once} of {row.scene.prompts}",
    )


SERVER_FULL = 0.9  # of one core: then the servers were what limited the rate


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Make a table for the terminal."""
    shown = Table(*head)
    for row in rows:
        shown.add_row(*row)
    return shown


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table for a document."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(document: Path, text: str) -> None:
    """Put a text between the document's two marks."""
    before, _, rest = document.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
