"""Errands: calls for better words and for what a voice says, noted before and closed after.

A call whose end nobody saw, because the process ended meanwhile, keeps a row without an end for
the operator, and is made again by the next start (docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.calls import STORAGE_PAUSE, STORAGE_TRIES, UNBILLED
from bot.domain import StorageUnavailable
from bot.steps import finished

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.domain import CallReport, Errand
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

T = TypeVar("T")

log = structlog.get_logger(__name__)

MOST_CUT = 2  # calls of one message that ended with their process; another would end it once more


class ErrandBook:
    """Notes each call, counts what it consumed, and keeps what it brought."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, errand: Errand) -> int | None:
        """Commit the row of a call that is about to be made; None if it must not be made again."""
        async with self._store.transaction() as tx:
            if await tx.errands.cut(errand.chat_id, errand.message_id) >= MOST_CUT:
                log.error("not asked again: the process ended in each call", kind=errand.kind)
                return None
            return await tx.errands.start(errand, self._clock())

    async def end(
        self,
        call: int,
        errand: Errand,
        report: CallReport,
        keep: Callable[[Transaction], Awaitable[T]],
    ) -> T:
        """Commit what a call came to, and what `keep` does with it, as long as that takes.

        Giving up would ask anew, and buy once more what this call has brought.
        """
        for _ in range(STORAGE_TRIES):
            try:
                return await finished(self._end(call, errand, report, keep))
            except StorageUnavailable:
                log.exception("what a call brought cannot be kept yet", kind=errand.kind)
                await asyncio.sleep(STORAGE_PAUSE)
        raise StorageUnavailable

    async def _end(
        self,
        call: int,
        errand: Errand,
        report: CallReport,
        keep: Callable[[Transaction], Awaitable[T]],
    ) -> T:
        at = self._clock()
        async with self._store.transaction() as tx:
            await tx.errands.finish(call, report, at)
            if report.kind not in UNBILLED:
                await tx.ledger.spend((errand.account_id, errand.chat_id), report.usage, at)
            return await keep(tx)
