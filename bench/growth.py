"""Growth: what the work for a message takes in a large database, to the same in a small one.

Both have a person's thousand pictures and some of others. The large one has millions of others: one real job is
drawn, and its rows are copied by the database with other numbers.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bot.domain import (
    Arrival,
    CallReport,
    Drawn,
    Job,
    JobState,
    NewJob,
    OutcomeKind,
    Picture,
    Request,
    Wake,
)
from bot.domain.clock import now
from bot.features.history.service import HistoryService
from bot.features.inline.service import PictureSearch
from bot.storage.engine import Store
from bot.storage.schema import open_store
from bot.storage.transaction import Transaction

MILLION = 1_000_000
OWN = 1000  # pictures of the person who asks
SMALL = 5 * OWN  # of all, where a person's are not so many that another plan serves
OTHERS = 30_000  # people, who have the rest
ANN, FIRST_OTHER = 999, 1000
TIMES = 200
HISTORY_PAGE = 10
FIRST_MESSAGE = 1 << 30  # of what is asked here, after all that was copied

# What of a row is not copied, in SQL: `n` numbers the jobs, `who` is its account and chat.
_ROWS: dict[str, dict[str, str]] = {
    "jobs": {
        "id": "n",
        "account_id": "who",
        "chat_id": "who",
        "message_id": "2 * n",
        "status_message_id": "2 * n + 1",
        "request": "replace(request, 'a cat', 'a cat number ' || n)",
    },
    "calls": {
        "id": "n",
        "job_id": "n",
        "account_id": "who",
        "chat_id": "who",
        "message_id": "2 * n",
    },
    "pictures": {
        "id": "n",
        "job_id": "n",
        "sha256": "printf('%064x', n)",
        "chat_id": "who",
        "message_id": "2 * n + 1",
        "account_id": "who",
    },
    "ledger": {"id": "2 * n + (kind = 'settle')", "job_id": "n", "account_id": "who"},
    "message_links": {"chat_id": "who", "message_id": "2 * n", "picture_id": "n"},
    "sent_messages": {"chat_id": "who", "message_id": "2 * n"},
    "idempotency_keys": {"key": "'press:' || n"},
}
_NUMBERS = """
WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}),
of(n, who) AS (SELECT n, CASE WHEN n <= {own} THEN {ann} ELSE {other} + n % {others} END FROM numbers)
"""
_COUNTERS = """
INSERT INTO counters SELECT account_id, {period}, sum(reserved_delta), sum(settled_delta), 0, 0, 0, 0
FROM ledger GROUP BY account_id
"""
Work = Callable[[Store, int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians in milliseconds of one kind of work, in the small database and in the large one."""

    work: str
    small: float
    large: float


async def measure(millions: float, times: int = TIMES) -> list[Growth]:
    """Time each kind of work in both databases, in turn."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        small = await stack.enter_async_context(filled(folder / "small.db", SMALL))
        jobs = max(SMALL, round(millions * MILLION))
        large = await stack.enter_async_context(filled(folder / "large.db", jobs))
        return [await _compare(name, work, small, large, times) for name, work in WORK.items()]


async def _compare(name: str, work: Work, small: Store, large: Store, times: int) -> Growth:
    took: dict[Store, list[float]] = {small: [], large: []}
    for number in range(times):
        for store, spans in took.items():
            began = time.perf_counter()
            await work(store, number)
            spans.append(1000 * (time.perf_counter() - began))
    return Growth(name, median(took[small]), median(took[large]))


@asynccontextmanager
async def filled(path: Path, jobs: int) -> AsyncIterator[Store]:
    """Open a database of so many finished jobs, the first of which are Ann's."""
    url = f"sqlite:///{path}"
    async with open_store(url, 0, asyncio.Event()) as store:
        await store.write(_one)
    await asyncio.to_thread(_multiply, path, jobs)
    async with open_store(url, 0, asyncio.Event()) as store:
        yield store


def _one(tx: Transaction) -> None:
    picture = _draw(tx, _accept(tx, 2))
    tx.pictures.link(ANN, 2, picture.id)
    tx.messages.add(ANN, 2, now())
    tx.keys.add("press:1", now())


def _multiply(path: Path, jobs: int) -> None:
    of = _NUMBERS.format(first=2, last=jobs, own=OWN, ann=ANN, other=FIRST_OTHER, others=OTHERS)
    with closing(sqlite3.connect(path)) as sql:
        sql.execute("PRAGMA synchronous = OFF")
        for table, changed in _ROWS.items():
            columns = [row[1] for row in sql.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(changed.get(name, name) for name in columns)
            sql.execute(f"{of} INSERT INTO {table} SELECT {values} FROM of, {table}")  # noqa: S608 - all of it is ours
        sql.execute("DELETE FROM counters")
        for period in ("day", "month", "'all'"):
            sql.execute(_COUNTERS.format(period=period))
        sql.execute("ANALYZE")
        sql.commit()


def _accept(tx: Transaction, message: int) -> Job:
    request = Request("a cat", "gemini-2.5-flash-image")
    job = tx.jobs.add(NewJob(ANN, ANN, message, request, "en"), now())
    if job is None:
        raise RuntimeError("the message came before")
    tx.ledger.reserve(ANN, job.id, 1, now(), 0, 0)
    tx.jobs.set_status_message(job.id, message + 1)
    return job


def _draw(tx: Transaction, job: Job) -> Picture:
    """Take a job to its end; what a gateway and Telegram would do is done."""
    tx.jobs.admit(ANN, 1)
    claimed = tx.jobs.claim(Wake(job.id, job.claim), now())
    if claimed is None:
        raise RuntimeError("it does not run")
    call = tx.calls.start(claimed, claimed.request.model, "gateway", "chat", now())
    tx.calls.finish(call, CallReport(OutcomeKind.DRAWN), now())
    drawn = Drawn((Picture(0, f"{job.id:064x}", "image/png", 64, 48, 1234),))
    kept = tx.jobs.keep(job.id, claimed.claim, drawn, now())
    if kept is None:
        raise RuntimeError("the claim was lost")
    picture = kept[1][0]
    tx.pictures.arrive(Arrival(picture.id, ANN, job.message_id + 1, "file"))
    tx.jobs.end(job.id, claimed.claim, JobState.DELIVERED, OutcomeKind.DRAWN, "", now())
    tx.ledger.settle(job.id, 1, now())
    return picture


async def _prompt(store: Store, number: int) -> None:
    job = await store.write(_accept, FIRST_MESSAGE + 2 * number)
    await store.write(_draw, job)


async def _cancel(store: Store, number: int) -> None:
    """Do what /cancel does where nothing waits."""

    def cancel(tx: Transaction) -> None:
        tx.keys.add(f"cancel:{number}", now())
        waiting = tx.jobs.end_waiting(ANN, now())
        tx.jobs.cancel_all(ANN, now())
        tx.ledger.release_all(ANN, [job.id for job in waiting], now())
        tx.pending.cancel(ANN)
        tx.albums.cancel(ANN)

    await store.write(cancel)


async def _history(store: Store, _number: int, page: int) -> None:
    history, anchor = HistoryService(store), OWN - page + 2
    await history.step(ANN, ANN, anchor)


async def _search(store: Store, _number: int, words: str) -> None:
    await PictureSearch(store).page(ANN, words)


async def _known(store: Store, _number: int) -> None:
    await store.read(lambda tx: tx.messages.known(ANN, FIRST_MESSAGE, FIRST_MESSAGE + 100))
    await store.read(lambda tx: tx.messages.newest(ANN))


async def _ahead(store: Store, _number: int) -> None:
    await store.read(lambda tx: (tx.jobs.counts(), tx.jobs.waiting(ANN, 10)))


WORK: dict[str, Work] = {
    "a prompt, all that is written for it": _prompt,
    "/cancel": _cancel,
    "/history, first page": partial(_history, page=1),
    "/history, tenth page": partial(_history, page=HISTORY_PAGE),
    "inline, the latest pictures": partial(_search, words=""),
    "inline, by words that some have": partial(_search, words="cat 77"),
    "inline, by words that none has": partial(_search, words="dog"),
    "messages of a chat that are known": _known,
    "/queue": _ahead,
}


def rows(found: Sequence[Growth]) -> list[tuple[str, ...]]:
    return [
        (one.work, f"{one.small:.2f}", f"{one.large:.2f}", f"{one.large / one.small:.2f}")
        for one in found
    ]
