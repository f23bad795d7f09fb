"""Storage: everything the bot remembers, in SQLite or Postgres."""

from bot.storage.engine import Store
from bot.storage.schema import SchemaOutdated, SchemaTooNew, SchemaTooOld, migrate, prepare
from bot.storage.transaction import Transaction

__all__ = [
    "SchemaOutdated",
    "SchemaTooNew",
    "SchemaTooOld",
    "Store",
    "Transaction",
    "migrate",
    "prepare",
]
