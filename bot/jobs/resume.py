"""Taking up what an earlier process has left unfinished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from bot.billing.access import Limits
    from bot.domain import Wake
    from bot.jobs.dispatch import LocalDispatch
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

PAGE = 500


async def resume(store: Store, dispatch: LocalDispatch, limits: Limits) -> None:
    """Dispatch every unfinished job again, and say which calls' ends nobody saw."""
    if calls := await store.read(lambda tx: tx.calls.unfinished(PAGE)):
        newest = max(call.started_at for call in calls)  # whether an operator has seen them all
        words = "calls without an end, perhaps billed: python -m bot audit"
        log.warning(words, calls=len(calls), newest=newest.isoformat(timespec="seconds"))
    after = 0
    while wakes := await store.read(_unfinished, after):
        dispatch.wake(wakes)
        after = wakes[-1].job_id
    dispatch.wake(await store.write(_admit_waiting, limits.concurrency))


def _unfinished(tx: Transaction, after: int) -> list[Wake]:
    return tx.jobs.unfinished(after, PAGE)


def _admit_waiting(tx: Transaction, concurrency: int) -> list[Wake]:
    accounts = tx.jobs.undispatched_accounts()
    return [wake for account in accounts for wake in tx.jobs.admit(account, concurrency)]
