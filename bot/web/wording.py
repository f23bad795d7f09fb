"""What the pages say, in English and in Chinese: a text is its own key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Self

from bot.i18n.texts import Language, parse

LANGUAGES = {"en": "English", "zh": "中文"}
MEGA = 1_000_000
MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of one language; call it with the English text and what stands in its brackets."""

    locale: str

    @classmethod
    def of(cls, accepted: str) -> Self:
        """Choose for a browser that says which languages it accepts, the first one above all."""
        return cls("zh" if accepted.strip().lower().startswith("zh") else "en")

    def __call__(self, text: str, **args: object) -> str:
        own = None if self.locale == "en" else _language(self.locale).template(text, args.get("n"))
        return (own or text).format(**args)


@cache
def _language(locale: str) -> Language:
    path = Path(__file__).with_name("locales") / f"{locale}.po"
    return parse(path.read_text(encoding="utf-8"))


def figures(value: object) -> str:
    """Write a number, a moment or nothing as the pages show it."""
    match value:
        case None:
            return "\N{EN DASH}"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case float():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def money(micros: int, currency: str) -> str:
    digits = 4 if abs(micros) < 10 * MEGA else 2
    return f"{micros / MEGA:,.{digits}f} {currency}"


def duration(seconds: float | None) -> str:
    """Write how long something takes, in its two largest units."""
    if seconds is None:
        return "\N{EN DASH}"
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{seconds:.1f} s" if whole < 10 else f"{whole} s"  # noqa: PLR2004
    for unit, part, size in (("d", "h", DAY), ("h", "min", HOUR), ("min", "s", MINUTE)):
        if whole >= size:
            smaller = {DAY: HOUR, HOUR: MINUTE, MINUTE: 1}[size]
            return f"{whole // size} {unit} {whole % size // smaller} {part}"
    return ""
