"""The books: whether they agree, looked through in parts, so that nothing waits for it."""

from __future__ import annotations

from datetime import datetime

from bot.domain import Period
from bot.storage.audit import AuditPlace
from bot.storage.engine import Store
from bot.storage.transaction import Transaction


async def audit(store: Store) -> list[str]:
    """Describe what does not agree, a line each.

    Each part is a read of its own: SQLite could not shorten its log while one lasts.
    """
    found: list[str] = []
    place: AuditPlace | None = AuditPlace()
    while place:
        lines, place = await store.read(_part, place)
        found += lines
    return found


async def audit_and_keep(store: Store, at: datetime) -> list[str]:
    """Do so, and keep how many differences there were on that day: the overview shows the latest."""
    found = await audit(store)
    await store.write(lambda tx: tx.reports.audited(Period.DAY.key(at), len(found)))
    return found


def _part(tx: Transaction, at: AuditPlace) -> tuple[list[str], AuditPlace | None]:
    return tx.ledger.audit_part(at)
