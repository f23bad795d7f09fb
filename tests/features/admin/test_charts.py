"""Charts: bars that stand on the ground and never grow out of their frame."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.features.admin.charts import HEIGHT, MOST, PICTURE, WIDTH, Chart, png, stacked
from bot.features.admin.daily_figures import DayFigures
from tests.storage.rows import NOON

VALUES = st.floats(0, 1e12, allow_nan=False)


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), max_size=31)
    )
)
def test_bars_stay_in_their_frame(days: list[list[float]]) -> None:
    series = {str(n): list(values) for n, values in enumerate(zip(*days, strict=True))}
    chart = Chart("x", [str(n) for n in range(len(days))], series, str)
    for bar in chart.bars():
        assert -1e-6 <= bar.y <= HEIGHT
        assert 0 < bar.height <= HEIGHT + 1e-6
        assert bar.y + bar.height <= HEIGHT + 1e-6
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH


def test_a_chart_of_nothing_is_empty() -> None:
    empty = Chart("x", ["11-01"], {"": [0.0]}, str)
    assert list(empty.bars()) == []
    assert empty.most == 0
    assert Chart("x", ["11-01"], {}, str).most == 0


def test_a_bar_says_what_it_is() -> None:
    (bar,) = Chart("x", ["11-01"], {"refused": [3.0]}, "{:.0f}".format).bars()
    assert bar.title == "11-01 refused: 3"


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=31))
@settings(max_examples=5, deadline=None)
def test_a_picture_is_drawn_of_any_days(days: list[tuple[int, int]]) -> None:
    drawn, failed = [float(n) for n, _ in days], [float(n) for _, n in days]
    names = [f"11-{n:02}" for n in range(len(days))]
    data = png(Chart("x", names, {"pictures": drawn, "failed": failed}, str))
    with Image.open(io.BytesIO(data)) as shown:
        assert (shown.format, shown.size) == ("PNG", PICTURE)


def test_what_is_rare_is_put_together() -> None:
    names = {f"outcome:{n}": 10 * n for n in range(1, MOST + 3)}
    days = [DayFigures(NOON, names | {"outcome:drawn": 999, "jobs": 1})]
    series = stacked(days, "outcome:", ["drawn"])
    assert list(series) == [str(n) for n in range(MOST + 2, 2, -1)] + ["…"]
    assert series["…"] == [30.0]
    assert stacked([], "outcome:") == {}


@pytest.mark.parametrize("name", ["jobs", "outcome:refused"])
def test_what_a_day_has_not_is_nothing(name: str) -> None:
    assert DayFigures(NOON, {})[name] == 0
