"""Counts: what a program does in this process for its pictures, told by what costs.

Transactions, statements, trips to the database's threads and to executors, tasks, calls of
Telegram: each where every path leads through it. Nothing of the program is changed but for the
counting.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import uvloop
from sqlalchemy import Engine, event

from bot.storage.engine import Store
from bot.storage.sqlite import ConnectionThread
from bot.tg.http import BotRequest

# Of a transaction's frame, not of what is done in it.
FRAME = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA"})
_TABLE = re.compile(r"\b(?:INTO|FROM|UPDATE|JOIN)\s+(\w+)")


@dataclass
class Counts:
    """How often what was done, by name, since `clear`."""

    transactions: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    hops: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        for counter in vars(self).values():
            counter.clear()

    def install(self) -> None:
        """Count from now on, for the life of this process."""
        _before(Store, "write", lambda _, work, *__, **___: self._note(self.transactions, work))
        _before(Store, "read", lambda _, work, *__, **___: self._note(self.reads, work))
        _before(ConnectionThread, "submit", lambda *_: self._note(self.hops, "SQLite's thread"))
        _before(ThreadPoolExecutor, "submit", lambda _, call, *args, **__: self._hop(call, args))
        _before(uvloop.Loop, "create_task", lambda _, work, **__: self._note(self.tasks, work))
        _before(BotRequest, "do_request", lambda _, url, *__, **___: self._call(url))
        event.listen(Engine, "connect", self._trace)

    def _note(self, counter: Counter[str], what: object) -> None:
        counter[getattr(what, "__qualname__", None) or str(what)] += 1

    def _hop(self, call: Callable[..., object], args: tuple[object, ...]) -> None:
        # What asyncio.to_thread hands over is `Context.run` of the function.
        inner = (*call.args, call) if isinstance(call, partial) else (*args, call)
        named = next((one for one in inner if hasattr(one, "__qualname__")), call)
        self._note(self.hops, f"a thread for {getattr(named, '__qualname__', named)}")

    def _call(self, url: str) -> None:
        method = url.rpartition("/")[2]
        if method != "getUpdates":
            self.calls[method] += 1

    def _trace(self, connection: object, _entry: object) -> None:
        driver: object = getattr(connection, "driver_connection", connection)
        if isinstance(driver, sqlite3.Connection):
            driver.set_trace_callback(self._statement)

    def _statement(self, sql: str) -> None:
        verb = sql.lstrip().partition(" ")[0].upper()
        if verb not in FRAME:
            table = _TABLE.search(sql)
            self.statements[f"{verb} {table[1] if table else ''}"] += 1


def _before(owner: type, name: str, note: Callable[..., None]) -> None:
    """Have something noted before each call of a method."""
    method = getattr(owner, name)

    @wraps(method)
    def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the method takes
        note(*args, **kwargs)
        return method(*args, **kwargs)

    setattr(owner, name, counted)
