"""Charts: figures of days as stacked bars, for a page's SVG or as a picture for Telegram."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.features.admin.daily_figures import DayFigures

WIDTH, HEIGHT = 300, 90  # of what is drawn in, without the days below
GAP = 1.5
MOST = 5  # series that have a colour of their own
PICTURE = (960, 420)  # of one for Telegram, in pixels: with numbers and dates, in no language
_LEFT, _TOP, _BOTTOM, _RIGHT = 64, 24, 44, 16
_BACK, _GRID, _INK = "#ffffff", "#e3e6ea", "#5b6570"
_COLOURS = ("#3478c6", "#d2453d")
_LINES = 4  # of the grid
_DATES = 5  # days between two dates


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


def png(chart: Chart) -> bytes:
    """Draw a chart of at most two series; takes CPU."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - a start does not wait for it

    image = Image.new("RGB", PICTURE, _BACK)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    right, foot = PICTURE[0] - _RIGHT, PICTURE[1] - _BOTTOM
    top = _ceiling(chart.most)
    for line in range(_LINES + 1):
        y = foot - (foot - _TOP) * line // _LINES
        pen.line((_LEFT, y, right, y), fill=_GRID)
        pen.text((_LEFT - 8, y), f"{top * line // _LINES}", fill=_INK, font=font, anchor="rm")
    wide, high = (right - _LEFT) / WIDTH, (foot - _TOP) / HEIGHT * chart.most / top
    for bar in chart.bars():
        left, head = _LEFT + wide * bar.x, foot - high * (HEIGHT - bar.y)
        box = (left, head, left + wide * bar.width, max(head + 1, head + high * bar.height))
        pen.rectangle(box, fill=_COLOURS[bar.series])
    step = (right - _LEFT) / max(1, len(chart.days))
    for number, day in enumerate(chart.days):
        if (len(chart.days) - 1 - number) % _DATES == 0:
            middle = _LEFT + step * (number + 0.5), foot + 10
            pen.text(middle, day, fill=_INK, font=font, anchor="mt")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _ceiling(most: float) -> int:
    """Round up to a number that the grid's lines divide: 4, 8, 20, 40, 80, 200 and on."""
    top = _LINES
    while top < most:
        top = top * 5 // 2 if str(top)[0] == "8" else top * 2
    return top
