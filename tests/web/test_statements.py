"""What pages read: so few statements each, and none goes through a table that grows with the jobs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.storage import Store, Transaction, migrate
from tests.conftest import Start
from tests.support.waiting import patient
from tests.web.test_dashboard import looking

Statements = list[tuple[str, Any]]

# The most statements that a page may need, whatever stands on it. Some look for the first job of a day,
# by halves: of a million that takes some twenty.
PAGES = {
    "/admin": 40,
    "/admin/jobs": 4,
    "/admin/jobs?outcome=bad_key": 4,
    "/admin/jobs?user=1002&outcome=bad_key": 4,
    "/admin/jobs?model=gpt-image-1&state=failed&since=2020-01-01&until=2030-01-01": 40,
    "/admin/jobs/1": 9,
    "/admin/people": 6,
    "/admin/people?q=bob": 6,
    "/admin/people/1002": 7,
    "/admin/models": 3,
    "/admin/models/probe?model=gpt-image-1": 6,
    "/admin/calls": 3,
    "/admin/ledger": 3,
    "/admin/actions": 3,
    "/admin/settings": 1,
    "/admin/diagnostics": 40,
}
GROWING = r"(jobs|calls|ledger|pictures|counters|costs|actions)(_\d+)?"
# An index of the few rows that have not ended, and of what has ends of its own.
FEW = r"USING (COVERING )?INDEX \w*(unfinished|live|waiting|erased)"
SCANS = {
    "sqlite": re.compile(rf"SCAN {GROWING}\b(?! {FEW})"),
    "postgresql": re.compile(rf"Seq Scan on {GROWING}\b"),
}


@contextmanager
def noted() -> Iterator[Statements]:
    found: Statements = []

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        if "FROM" in call[2] and "FROM logins" not in call[2]:  # who asks, at each page
            found.append((call[2], call[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


def plan(tx: Transaction, statement: str, values: Any) -> str:  # noqa: ANN401 - a driver's
    """Tell how a statement would be carried out, were the tables large."""
    sql = tx.jobs._sql
    if sql.dialect.name == "sqlite":
        rows = sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return "\n".join(row.detail for row in rows)
    sql.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return "\n".join(sql.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())


def scans(tx: Transaction, statements: Statements) -> list[str]:
    whole = SCANS[tx.jobs._sql.dialect.name]
    plans = {statement: plan(tx, statement, values) for statement, values in statements}
    return [f"{statement}\n{told}" for statement, told in plans.items() if whole.search(told)]


async def test_no_page_reads_a_growing_table_whole_nor_asks_more_often_for_more(
    start: Start, empty_url: str
) -> None:
    await migrate(empty_url)
    async with looking(start, DATABASE_URL=empty_url) as (chat, client), opened(empty_url) as store:
        for _ in range(3):
            await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        for path, most in PAGES.items():
            async with (
                patient()
            ):  # as long as the bot counts the days that are over, beside the page
                while True:
                    with noted() as statements:
                        assert (await client.get(path)).status_code == 200
                    assert await store.read(scans, statements) == [], path
                    if len(statements) <= most:
                        break
                    await asyncio.sleep(0.1)
