"""A loop whose time is counted: whoever sleeps is woken at once, and the clock says how long it was."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.elapsed += timeout or 0.0
        return super().select(0)


class CountedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._counted = _Selector()
        super().__init__(self._counted)

    def time(self) -> float:
        return 1000.0 + self._counted.elapsed


def run_counted(work: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing but time."""
    with asyncio.Runner(loop_factory=CountedLoop) as runner:
        return runner.run(work)
