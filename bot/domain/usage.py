"""Usage: what calls consume and cost, counted in periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Period(StrEnum):
    """The spans that usage is counted in, in UTC."""

    DAY = "day"
    MONTH = "month"
    ALL = "all"

    def key(self, at: datetime) -> str:
        """Name the span that holds `at`: `2026-11-22`, `2026-11` or `all`."""
        return at.strftime(_FORMATS[self])

    @staticmethod
    def keys(at: datetime) -> dict[Period, str]:
        return {period: at.strftime(form) for period, form in _FORMATS.items()}


_FORMATS = {Period.DAY: "%Y-%m-%d", Period.MONTH: "%Y-%m", Period.ALL: "all"}


class CostSource(StrEnum):
    """Who says what a call cost."""

    REPORTED = "reported"
    HEADER = "header"
    PRICE_TABLE = "price_table"
    FREE = "free"  # it never came to the model
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cost:
    """What the gateway takes for a call: `micros` are millionths of `currency`, None if unknown."""

    micros: int | None = None
    currency: str = "USD"
    source: CostSource = CostSource.UNKNOWN

    def __str__(self) -> str:
        return (
            "unknown" if self.micros is None else f"{self.micros / 1_000_000:.6f} {self.currency}"
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call consumed; a count that the gateway did not report is None."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_image: int | None = None
    tokens_reasoning: int | None = None
    cost: Cost = Cost()


@dataclass(frozen=True, slots=True)
class Totals:
    """An account's usage in one period; `costs` maps a currency to millionths of it.

    `calls` are those that may have been billed, whatever came of them.
    """

    pictures: int = 0
    reserved: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    costs: tuple[tuple[str, int], ...] = ()
    unpriced_calls: int = 0
    calls: int = 0


class TextCallKind(StrEnum):
    """What a model of words is asked for."""

    REWRITE = "rewrite"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class TextCall:
    """A call that is about to be made for a message: of which model, at which host."""

    kind: TextCallKind
    account_id: int
    chat_id: int
    message_id: int
    model: str
    host: str
