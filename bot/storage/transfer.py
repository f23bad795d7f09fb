"""A transfer: all rows of one database put into another one, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, func, insert, inspect, select, text
from sqlalchemy.exc import DataError, IntegrityError

from bot.descriptors import sync
from bot.domain import BotError
from bot.storage import audit, row_numbers, schema, sqlite_copy, state
from bot.storage.columns import SafeText, Unreadable
from bot.storage.engine import normalised
from bot.storage.tables import METADATA

SLICE = 1000  # rows that are in memory at a time
# When it started tells one server from another, by whatever name and way it is reached.
_SERVER = text("SELECT pg_postmaster_start_time(), current_database(), current_schema()")

Rows = list[dict[str, Any]]
Tell = Callable[[str, int, int], object]


class NotTransferred(BotError):
    """Nothing was changed: one line for the operator."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """How many rows there are; they were there `before` where an earlier transfer had done it.

    `differences` are those of the books, which are as they were.
    """

    rows: int
    differences: list[str]
    before: bool


@dataclass(slots=True)
class _Way:
    """How far a transfer is: each row is read twice, where it was and where it is."""

    tell: Tell
    rows: int
    done: int = 0

    def read(self, sql: Connection, table: Table, doing: str) -> Iterator[Rows]:
        """Read a table in slices, as what is written: words that Postgres cannot keep are replaced."""
        words = {one.name: one.type for one in table.columns if isinstance(one.type, SafeText)}
        found = sql.execute(select(table), execution_options={"yield_per": SLICE})
        try:
            for part in found.mappings().partitions():
                rows = [dict(row) for row in part]
                for row in rows:
                    for name, kind in words.items():
                        row[name] = kind.process_bind_param(row[name], sql.dialect)
                yield rows
                self.done += len(rows)
                self.tell(f"{doing} {table.name}", self.done, 2 * self.rows)
        except (ValueError, Unreadable) as error:
            why = " ".join(str(error).split())
            raise NotTransferred(f"a row of {table.name} cannot be read: {why}") from error


@dataclass(frozen=True, slots=True)
class _Digest:
    """What rows are, in whichever order they are read: databases sort words each in its way."""

    rows: int = 0
    sum: int = 0

    def of(self, rows: Rows) -> _Digest:
        told = (repr(list(row.items())).encode(errors="surrogatepass") for row in rows)
        numbers = (int.from_bytes(hashlib.sha256(one).digest(), "big") for one in told)
        return _Digest(self.rows + len(rows), (self.sum + sum(numbers)) % 2**256)


def is_same(source: str, target: str) -> bool:
    """Whether two URLs lead to one database. Blocks; raises as `state.look`."""
    here, there = (_place(url) for url in (source, target))
    return here == there


def _place(url: str) -> object:
    if file := schema.sqlite_file(url):
        return file.resolve()
    with state.reading(url) as sql:
        return tuple(sql.execute(_SERVER).one())


def transfer(source: str, target: str, tell: Tell) -> Transferred:
    """Put all rows into a database that has none, and compare what is there then. Blocks.

    All is one transaction of the target, the making of its tables as well: who is stopped in between
    leaves nothing there. Where all rows are there already they are compared only. `tell` hears what
    is done, how many rows of how many are, and may end it by raising.
    Raises NotTransferred, and what `state.look` raises.
    """
    with state.reading(source) as reading, _changed(target) as writing:
        for sql in (reading, writing):
            if sql.dialect.name != "sqlite":  # one is still while the other's table is read
                sql.execute(text("SET idle_in_transaction_session_timeout = 0"))
        counts, there = _counts(reading), _counts(writing)
        before, way = any(there.values()), _Way(tell, sum(counts.values()))
        if before and counts != there:
            raise NotTransferred("it has other rows of a bot's already")
        for table in METADATA.sorted_tables:
            read = way.read(reading, table, "comparing" if before else "copying")
            was = _digest(read if before else _written(writing, table, read))
            if was != _digest(way.read(writing, table, "comparing")):
                raise NotTransferred(f"its {table.name} are not those that were read")
            if table.autoincrement_column is not None and not before:
                _go_on_numbering(reading, writing, table)
        if writing.dialect.name != "sqlite":
            writing.execute(text("ANALYZE"))  # the first queries know how many rows there are
        return Transferred(way.rows, audit.differences(writing), before)


@contextmanager
def _changed(url: str) -> Iterator[Connection]:
    """Open a transaction on today's tables, which are made where there are none.

    A new file has its name once it is whole: who is killed leaves `….partial`, which the next deletes.
    """
    file, parsed = schema.sqlite_file(url), normalised(url)
    if file is None or file.exists():
        with _begun(parsed, file) as sql:
            yield sql
        return
    partial = Path(f"{file}.partial")
    file.parent.mkdir(parents=True, exist_ok=True)
    _delete(partial)
    try:
        with _begun(parsed.set(database=str(partial)), partial) as sql:
            yield sql
        sync(partial)
        partial.rename(file)
        sync(file.parent)
    finally:
        _delete(partial)


def _delete(file: Path) -> None:
    for end in ("", "-journal"):
        Path(f"{file}{end}").unlink(missing_ok=True)


@contextmanager
def _begun(url: URL, file: Path | None) -> Iterator[Connection]:
    with schema.connected(url) as sql:
        _make_tables(sql, file)
        yield sql


def _make_tables(sql: Connection, file: Path | None) -> None:
    """Refuse another program's tables, but those beside ours in a server's database."""
    revision = sqlite_copy.revision_of(sql)
    if revision is None:
        there = set(inspect(sql).get_table_names())
        if there if file else there & METADATA.tables.keys():
            raise NotTransferred("it has tables of another program")
        schema.upgrade(sql)
    elif revision != schema.REVISION:
        raise NotTransferred(f"it has schema {revision}, not {schema.REVISION}")


def _counts(sql: Connection) -> dict[str, int]:
    counting = {
        table.name: select(func.count()).select_from(table) for table in METADATA.sorted_tables
    }
    return {name: sql.scalar(count) or 0 for name, count in counting.items()}


def _digest(slices: Iterable[Rows]) -> _Digest:
    digest = _Digest()
    for rows in slices:
        digest = digest.of(rows)
    return digest


def _written(sql: Connection, table: Table, slices: Iterator[Rows]) -> Iterator[Rows]:
    try:
        for rows in slices:
            sql.execute(insert(table), rows)
            yield rows
    except (IntegrityError, DataError) as error:
        # Its first line: what follows may be the row.
        why = str(error.orig).partition("\n")[0]
        raise NotTransferred(f"it does not take the rows of {table.name}: {why}") from error


def _go_on_numbering(reading: Connection, writing: Connection, table: Table) -> None:
    last = reading.scalar(select(func.max(table.c.id))) or 0
    counted = row_numbers.last_given(reading, table.name)
    if writing.dialect.name != "sqlite" or table.dialect_kwargs["sqlite_autoincrement"]:
        row_numbers.continue_from(writing, table.name, max(last, counted))
