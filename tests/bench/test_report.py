"""The report: ratios against the floor of the same scene, and promises kept or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.play import Idle, Measurement
from bench.report import BEGIN, END, budgets, cells, markdown, ratio, write
from bench.scenes import ALONE, CROWD

BOT = Measurement("bot", CROWD, 12.0, 150.0, (4.0, 9.0), (5.0, 8.0), 800, 60.0, 0.5, 1.0)
FLOOR = replace(BOT, subject="floor", cpu_ms=3.0)
IDLE = Idle(start=0.9, cpu_percent=0.01, peak=100.0)


def test_a_ratio_is_to_the_floor_in_the_same_scene() -> None:
    other = replace(FLOOR, scene=ALONE, cpu_ms=1.0)
    assert ratio(BOT, [other, FLOOR, BOT]) == 4.0
    assert ratio(FLOOR, [FLOOR, BOT]) is None
    assert ratio(BOT, [BOT]) is None


def test_budgets_are_met_or_not() -> None:
    met = {budget.name: budget.met for budget in budgets([FLOOR, BOT], IDLE)}
    assert all(met.values())
    lost = replace(BOT, once=799, cpu_ms=30.0, peak=201.0)
    broken = [budget.cells() for budget in budgets([FLOOR, lost], IDLE) if not budget.met]
    assert broken == [
        (f"CPU to the floor's ({CROWD.name})", "6", "10", "no"),
        (f"peak memory ({CROWD.name})", "200 MB", "201 MB", "no"),
        ("prompts not answered exactly once", "0", "1", "no"),
    ]


def test_a_rate_that_the_servers_limited_is_marked() -> None:
    assert cells(BOT, [FLOOR, BOT])[-2] == "60"
    assert cells(replace(BOT, server_load=0.95), [FLOOR, BOT])[-2] == "60*"


def test_only_what_is_between_the_marks_is_written_anew(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(document, markdown(("a", "b"), [("1", "2")]))
    assert document.read_text() == (
        f"before\n{BEGIN}\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n{END}\nafter\n"
    )
