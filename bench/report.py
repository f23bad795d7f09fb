"""The report: a table for the terminal, the same for docs/performance.md, and the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from rich.table import Table

from bench.load import Fairness, Herd
from bench.play import Idle, Measurement, Subject
from bench.scenes import ALONE, ALONE_8, ALONE_20, BURST, CROWD, EDITS, Scene

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEAD = (
    "scene",
    "who",
    "to bare",
    "to durable",
    "CPU ms a picture",
    "pictures/s",
    "update → gateway ms (p50, p99)",
    "answer → uploaded ms (p50, p99)",
    "peak MB",
    "exactly once",
)
BUDGET_HEAD = ("budget", "allowed", "measured", "met")
BARE = {CROWD: 5.0, ALONE: 6.0, EDITS: 3.0, ALONE_8: 1.6, ALONE_20: 1.3}
DURABLE = {CROWD: 1.25}
BURST_TIMES = 1.5
LATENCIES = {ALONE: (6.0, 8.0), CROWD: (60.0, 150.0)}
FAIR, HERD_PEAK, HERD_EDITS = 1.5, 400.0, 2.0
RATE, PEAK, IDLE_MB, START, IDLE_PERCENT = 90.0, 200.0, 100.0, 0.8, 0.05
SERVER_FULL = 0.9  # of one core: then the servers were what limited the rate


@dataclass(frozen=True, slots=True)
class Budget:
    """A promise of ours: the measured value must not be above the allowed one, or not below it."""

    name: str
    allowed: float
    measured: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        if self.at_least:
            return self.measured >= self.allowed
        return self.measured <= self.allowed

    def cells(self) -> tuple[str, ...]:
        """Write it as a row."""
        allowed, measured = (
            f"{value:.3g} {self.unit}".strip() for value in (self.allowed, self.measured)
        )
        sign = "≥" if self.at_least else "≤"
        return self.name, f"{sign} {allowed}", measured, "yes" if self.met else "no"


def middle(plays: Sequence[Measurement]) -> Measurement:
    """Make one measurement of several plays: each value's median, `once` of the worst."""
    return replace(
        plays[0],
        cpu_ms=median(play.cpu_ms for play in plays),
        peak=median(play.peak for play in plays),
        to_gateway=_pair([play.to_gateway for play in plays]),
        to_chat=_pair([play.to_chat for play in plays]),
        once=min(play.once for play in plays),
        rate=median(play.rate for play in plays),
        took=median(play.took for play in plays),
        load=median(play.load for play in plays),
        start=median(play.start for play in plays),
    )


def _pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def ratio(row: Measurement, rows: Sequence[Measurement], to: Subject) -> float | None:
    """Tell how many times a floor's CPU a program used in the same scene."""
    floor = find(rows, to, row.scene)
    return row.cpu_ms / floor.cpu_ms if floor and row.subject not in ("floor", to) else None


def find(rows: Sequence[Measurement], subject: Subject, scene: Scene) -> Measurement | None:
    found = (row for row in rows if row.subject == subject and row.scene == scene)
    return next(found, None)


def budgets(rows: Sequence[Measurement], idle: Idle | None) -> list[Budget]:
    """Hold what was measured against what is promised; what was not played is left out."""
    ours = [row for row in rows if row.subject == "bot"]
    found = [budget for row in ours for budget in _of_scene(row, rows)]
    if ours:
        peak = max(ours, key=lambda row: row.peak)
        wrong = sum(row.scene.prompts - row.once for row in ours)
        start = median(row.start for row in ours)
        found += [
            Budget(f"peak memory ({peak.scene.name})", PEAK, peak.peak, "MB"),
            Budget("prompts not answered exactly once", 0, wrong, ""),
            Budget("CPU of a first start, to the first poll", START, start, "s"),
        ]
    if idle:
        found += [
            Budget("CPU of a later start, to the first poll", START, idle.start, "s"),
            Budget("idle CPU", IDLE_PERCENT, idle.cpu_percent, "%"),
            Budget("idle memory", IDLE_MB, idle.megabytes, "MB"),
        ]
    return found


def of_fairness(found: Fairness) -> list[Budget]:
    """Hold a prompt beside many jobs of somebody else against the same prompt alone."""
    beside = f"beside {found.waiting} waiting jobs, to alone"
    spans = zip(("update → gateway", "answer → uploaded"), found.beside, found.alone, strict=True)
    return [Budget(f"{name} {beside}", FAIR, busy / alone, "") for name, busy, alone in spans]


def of_herd(found: Herd) -> list[Budget]:
    """Hold many who wait long against what is promised of them."""
    row = found.measured
    lost = row.scene.prompts - row.once
    return [
        Budget(f"prompts not answered exactly once ({row.scene.name})", 0, lost, ""),
        Budget(f"peak memory ({row.scene.name})", HERD_PEAK, row.peak, "MB"),
        Budget(f"edits of a status message ({row.scene.name})", HERD_EDITS, found.edits, ""),
    ]


def _of_scene(row: Measurement, rows: Sequence[Measurement]) -> list[Budget]:
    scene, found = row.scene, list[Budget]()
    for to, limits in (("durable", DURABLE), ("bare", BARE)):
        times = ratio(row, rows, "durable" if to == "durable" else "floor")
        if times and scene in limits:
            found.append(Budget(f"CPU to {to} ({scene.name})", limits[scene], times, ""))
    bare = find(rows, "floor", scene)
    if scene == BURST and bare:
        name = f"time to bare ({scene.name})"
        found.append(Budget(name, BURST_TIMES, row.took / bare.took, ""))
    if scene == CROWD:
        found.append(Budget(f"pictures/s ({scene.name})", RATE, row.rate, "", at_least=True))
    if scene in LATENCIES:
        ask, upload = LATENCIES[scene]
        found += [
            Budget(f"update → gateway, p50 ({scene.name})", ask, row.to_gateway[0], "ms"),
            Budget(f"answer → uploaded, p50 ({scene.name})", upload, row.to_chat[0], "ms"),
        ]
    return found


def cells(row: Measurement, rows: Sequence[Measurement]) -> tuple[str, ...]:
    """Write a measurement as a row."""
    times = [ratio(row, rows, "floor"), ratio(row, rows, "durable")]
    return (
        row.scene.name,
        {"floor": "bare floor", "durable": "durable floor", "bot": "bot"}[row.subject],
        *("" if value is None else f"{value:.2f}" for value in times),
        f"{row.cpu_ms:.1f}",
        f"{row.rate:.0f}" + ("*" if row.load > SERVER_FULL else ""),
        "{:.1f}, {:.1f}".format(*row.to_gateway),
        "{:.1f}, {:.1f}".format(*row.to_chat),
        f"{row.peak:.0f}",
        f"{row.once} of {row.scene.prompts}",
    )


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
