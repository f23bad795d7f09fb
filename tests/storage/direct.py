"""The database without its threads: a transaction is a `with` block in the test itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.storage import Transaction, postgres, sqlite
from bot.storage.engine import normalised

_SNAPSHOTS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid != pg_backend_pid() AND backend_xmin IS NOT NULL
"""


class Direct:
    """What Store does with a function, on the same kind of connection."""

    def __init__(self, url: str) -> None:
        parsed = normalised(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._engine = sqlite.engine(parsed) if self.is_sqlite else postgres.engine(parsed)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        if not self.is_sqlite:
            with self._engine.begin() as sql:
                yield Transaction(sql)
            return
        with self._engine.connect() as sql:
            sql.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield Transaction(sql)
            except BaseException:
                sql.exec_driver_sql("ROLLBACK")
                raise
            sql.exec_driver_sql("COMMIT")

    reading = transaction

    def snapshots(self) -> int:
        """Count who holds one: on SQLite whether the log cannot be shortened, which takes nobody's."""
        with self._engine.connect() as sql:
            if self.is_sqlite:
                return int(sql.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0])
            return int(sql.exec_driver_sql(_SNAPSHOTS).scalar_one())
