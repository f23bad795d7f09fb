"""Latencies: how long each model took of late, remembered in this process."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from bot.storage.engine import Store

WINDOW = 20  # calls of a model that count
ENOUGH = 3  # fewer than so many tell nothing
LOOKED_AT = 1000  # rows of calls that are read at the start


@dataclass(frozen=True, slots=True)
class Usual:
    """What a model usually takes: the median of `calls` calls that brought pictures."""

    model: str
    seconds: float
    calls: int


class Latencies:
    """Keeps the last calls of each model that brought pictures."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=WINDOW))

    @classmethod
    async def read(cls, store: Store) -> Self:
        """Begin with what earlier processes saw."""
        latencies = cls()
        async with store.reading() as tx:
            for model, milliseconds in await tx.attempts.latencies(LOOKED_AT):
                latencies.note(model, milliseconds)
        return latencies

    def note(self, model: str, milliseconds: int) -> None:
        """Take one more call into account, the oldest out of it."""
        self._calls[model].append(milliseconds)

    def usual(self, model: str) -> Usual | None:
        """Tell what a model usually takes; None while that is not known."""
        calls = self._calls.get(model, ())
        if len(calls) < ENOUGH:
            return None
        return Usual(model, median(calls) / 1000, len(calls))

    def all(self) -> list[Usual]:
        """List what is known, by model."""
        return [usual for model in sorted(self._calls) if (usual := self.usual(model))]
