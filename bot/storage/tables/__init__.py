"""The tables, declared once for SQLite and Postgres.

A job is unfinished while `ended_at` is NULL: the database checks that the state agrees, and the
partial indexes rest on it, since SQLite cannot see through a bound state.
Statements use the Core tables named here.
"""

from bot.storage.tables.base import SHARED_ABOVE, AttemptState, Base, LedgerKind
from bot.storage.tables.errands import ERRANDS
from bot.storage.tables.money import ALLOWANCES, COSTS, COUNTERS, LEDGER
from bot.storage.tables.people import CHATS, PREFERENCES, USERS
from bot.storage.tables.traces import CLEARANCES, HANDLED, OUTGOING, PUBLISHED
from bot.storage.tables.waiting import ALBUM_ITEMS, ALBUMS, ASKS, REWRITES, VOICES
from bot.storage.tables.work import ATTEMPTS, JOBS, PICTURES, STAND_INS

METADATA = Base.metadata

__all__ = [
    "ALBUMS",
    "ALBUM_ITEMS",
    "ALLOWANCES",
    "ASKS",
    "ATTEMPTS",
    "CHATS",
    "CLEARANCES",
    "COSTS",
    "COUNTERS",
    "ERRANDS",
    "HANDLED",
    "JOBS",
    "LEDGER",
    "METADATA",
    "OUTGOING",
    "PICTURES",
    "PREFERENCES",
    "PUBLISHED",
    "REWRITES",
    "SHARED_ABOVE",
    "STAND_INS",
    "USERS",
    "VOICES",
    "AttemptState",
    "LedgerKind",
]
