"""A chart of the last days as a picture, for Telegram; numbers and dates alone, in no language."""

from __future__ import annotations

import io
from collections.abc import Sequence

from bot.storage.statistics import DayTotals

WIDTH, HEIGHT = 960, 420
_LEFT, _TOP, _BOTTOM, _RIGHT = 64, 24, 44, 16
_BACK, _GRID, _INK = "#ffffff", "#e3e6ea", "#5b6570"
_DRAWN, _FAILED = "#3478c6", "#d2453d"
_LINES = 4  # of the grid
_DATES = 5  # days between two dates


def draw(days: Sequence[DayTotals]) -> bytes:
    """Draw pictures, and above them in red what brought none, a bar a day, as PNG; takes CPU."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - a start does not wait for it

    image = Image.new("RGB", (WIDTH, HEIGHT), _BACK)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    height = HEIGHT - _TOP - _BOTTOM
    top = _ceiling(max((max(day.pictures, 0) + day.failed for day in days), default=0))
    for line in range(_LINES + 1):
        y = _TOP + height - height * line // _LINES
        pen.line((_LEFT, y, WIDTH - _RIGHT, y), fill=_GRID)
        pen.text((_LEFT - 8, y), f"{top * line // _LINES}", fill=_INK, font=font, anchor="rm")
    step = (WIDTH - _LEFT - _RIGHT) / max(len(days), 1)
    for number, day in enumerate(days):
        left, right = _LEFT + step * number + step * 0.15, _LEFT + step * (number + 1) - step * 0.15
        foot = float(_TOP + height)
        for count, colour in ((max(day.pictures, 0), _DRAWN), (day.failed, _FAILED)):
            if count:
                head = foot - max(height * count / top, 1)
                pen.rectangle((left, head, right, foot), fill=colour)
                foot = head
        if (len(days) - 1 - number) % _DATES == 0:
            middle = (left + right) / 2, HEIGHT - _BOTTOM + 10
            pen.text(middle, day.day[5:], fill=_INK, font=font, anchor="mt")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _ceiling(most: int) -> int:
    """Round up to a number that the grid's lines divide: 4, 8, 20, 40, 80, 200 and on."""
    top = _LINES
    while top < most:
        top = top * 5 // 2 if str(top)[0] == "8" else top * 2
    return top
