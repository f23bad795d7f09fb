"""Charts: figures of days as stacked bars, for SVG that the server writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.features.admin.daily_figures import DayFigures

WIDTH, HEIGHT = 300, 90  # of what is drawn in, without the days below
GAP = 1.5
MOST = 5  # series that have a colour of their own


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a day's bar; `series` counts from 0 and chooses the colour."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of some series, by name, over the same days; `most` is the highest day's sum."""

    title: str
    days: Sequence[str]
    series: Mapping[str, Sequence[float]]
    shown: Callable[[float], str]

    @property
    def most(self) -> float:
        return max((sum(day) for day in zip(*self.series.values(), strict=True)), default=0)

    @property
    def names(self) -> Sequence[str]:
        return list(self.series)

    def bars(self) -> Iterator[Bar]:
        step, most = WIDTH / max(1, len(self.days)), self.most or 1
        for number, day in enumerate(self.days):
            top = float(HEIGHT)
            for series, (name, values) in enumerate(self.series.items()):
                height = HEIGHT * values[number] / most
                top -= height
                if height:
                    title = f"{day} {name}: {self.shown(values[number])}"
                    yield Bar(number * step, top, step - GAP, height, series, title)


def stacked(
    days: Sequence[DayFigures], kind: str, leave_out: Sequence[str] = ()
) -> dict[str, list[float]]:
    """Make a series of each of the MOST largest figures of a kind, and one of all others."""
    each = [{k: n for k, n in day.each(kind).items() if k not in leave_out} for day in days]
    sums: dict[str, int] = {}
    for day in each:
        for name, value in day.items():
            sums[name] = sums.get(name, 0) + value
    ordered = sorted(sums, key=lambda name: -sums[name])
    series = {name: [float(day.get(name, 0)) for day in each] for name in ordered[:MOST]}
    if rest := ordered[MOST:]:
        series["…"] = [float(sum(day.get(name, 0) for name in rest)) for day in each]
    return series
