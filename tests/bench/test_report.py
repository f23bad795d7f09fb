"""The report: ratios against both floors of the same scene, and promises kept or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.load import Fairness, Herd
from bench.play import Idle, Measurement
from bench.report import (
    BEGIN,
    END,
    budgets,
    cells,
    markdown,
    middle,
    of_fairness,
    of_herd,
    ratio,
    write,
)
from bench.scenes import ALONE, BURST, CROWD, HERD

BOT = Measurement(
    subject="bot",
    scene=CROWD,
    cpu_ms=12.0,
    peak=150.0,
    to_gateway=(4.0, 9.0),
    to_chat=(5.0, 8.0),
    once=800,
    rate=95.0,
    took=10.0,
    load=0.5,
    start=0.7,
)
FLOOR = replace(BOT, subject="floor", cpu_ms=3.0)
DURABLE = replace(BOT, subject="durable", cpu_ms=10.0)
IDLE = Idle(start=0.7, cpu_percent=0.01, megabytes=90.0)


def test_a_ratio_is_to_the_floor_in_the_same_scene() -> None:
    other = replace(FLOOR, scene=ALONE, cpu_ms=1.0)
    assert ratio(BOT, [other, FLOOR, BOT], "floor") == 4.0
    assert ratio(BOT, [FLOOR, DURABLE, BOT], "durable") == 1.2
    assert ratio(DURABLE, [FLOOR, DURABLE, BOT], "durable") is None
    assert ratio(FLOOR, [FLOOR, DURABLE, BOT], "durable") is None
    assert ratio(BOT, [BOT], "floor") is None


def test_of_several_plays_the_medians_count_and_what_was_lost_in_any() -> None:
    plays = [replace(BOT, cpu_ms=cpu, once=once) for cpu, once in ((9, 800), (30, 799), (10, 800))]
    assert (middle(plays).cpu_ms, middle(plays).once) == (10, 799)
    pairs = [replace(BOT, to_chat=(p50, 50.0 - p50)) for p50 in (7.0, 1.0, 2.0)]
    assert middle(pairs).to_chat == (2.0, 48.0)


def test_budgets_are_met_or_not() -> None:
    met = {budget.name: budget.met for budget in budgets([FLOOR, DURABLE, BOT], IDLE)}
    assert all(met.values())
    assert len(met) == 11
    lost = replace(BOT, once=799, cpu_ms=30.0, peak=201.0, rate=89.0, to_chat=(151.0, 200.0))
    rows = [FLOOR, DURABLE, lost]
    broken = [budget.cells() for budget in budgets(rows, IDLE) if not budget.met]
    assert broken == [
        (f"CPU to durable ({CROWD.name})", "≤ 1.25", "3", "no"),
        (f"CPU to bare ({CROWD.name})", "≤ 5", "10", "no"),
        (f"pictures/s ({CROWD.name})", "≥ 90", "89", "no"),
        (f"answer → uploaded, p50 ({CROWD.name})", "≤ 150 ms", "151 ms", "no"),
        (f"peak memory ({CROWD.name})", "≤ 200 MB", "201 MB", "no"),
        ("prompts not answered exactly once", "≤ 0", "1", "no"),
    ]


def test_a_burst_is_held_against_the_time_of_the_bare_floor() -> None:
    bare = replace(FLOOR, scene=BURST, took=4.0, once=200)
    rows = [bare, replace(BOT, scene=BURST, took=7.0, once=200)]
    broken = [budget.cells() for budget in budgets(rows, None) if not budget.met]
    assert broken == [(f"time to bare ({BURST.name})", "≤ 1.5", "1.75", "no")]


def test_a_prompt_beside_many_jobs_is_held_against_the_same_alone() -> None:
    budgets = of_fairness(Fairness(2000, alone=(4.0, 8.0), beside=(5.0, 16.0)))
    assert [budget.cells()[1:] for budget in budgets] == [
        ("≤ 1.5", "1.25", "yes"),
        ("≤ 1.5", "2", "no"),
    ]


def test_of_a_herd_nobody_is_lost_and_edits_are_few() -> None:
    row = replace(BOT, scene=HERD, once=1999, peak=390.0)
    assert [budget.met for budget in of_herd(Herd(row, edits=1.0))] == [False, True, True]
    row = replace(BOT, scene=HERD, once=2000, peak=410.0)
    assert [budget.met for budget in of_herd(Herd(row, edits=3.0))] == [True, False, False]


def test_a_rate_that_the_servers_limited_is_marked() -> None:
    assert "95" in cells(BOT, [FLOOR, BOT])
    assert "95*" in cells(replace(BOT, load=0.95), [FLOOR, BOT])


def test_only_what_is_between_the_marks_is_written_anew(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(document, markdown(("a", "b"), [("1", "2")]))
    assert document.read_text() == (
        f"before\n{BEGIN}\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n{END}\nafter\n"
    )
