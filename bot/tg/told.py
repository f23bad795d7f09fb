"""What somebody was told a while ago, and need not be told again yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

PERIOD = 3600.0  # seconds
REMEMBERED = 10_000  # who was told


@dataclass(slots=True)
class OncePerPeriod:
    """Remembers, in memory, who was told; who comes after a period is told again."""

    period: float = PERIOD
    clock: Callable[[], float] = monotonic
    remembered: int = REMEMBERED
    _told: OrderedDict[int | str, float] = field(default_factory=OrderedDict, init=False)

    @property
    def is_full(self) -> bool:
        """Whether as many were told within the period as are remembered."""
        oldest = next(iter(self._told.values()), None)
        full = len(self._told) >= self.remembered
        return full and oldest is not None and self.clock() - oldest < self.period

    def add(self, whom: int | str) -> bool:
        """Whether somebody is to be told now; from now on he was."""
        last, at = self._told.get(whom), self.clock()
        if last is not None and at - last < self.period:
            return False
        self._told[whom] = at
        self._told.move_to_end(whom)
        while len(self._told) > self.remembered:
            self._told.popitem(last=False)
        return True
