"""One account with very many jobs: how long others wait while it is exported and erased.

`python -m bench.heavy 50000 300000` writes that many jobs of one account, and of others, into a new
database by SQL, then exports and erases the one while another asks every 20 ms for a write.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import text

from bot.domain import Request, Wake, now
from bot.features.privacy.service import PrivacyService
from bot.jobs.cleanup import Cleanup
from bot.jobs.dispatch import LocalDispatch
from bot.media.store import MediaStore
from bot.storage import Store, Transaction, schema
from bot.storage.columns import RequestJson

HEAVY = 1
# Jobs take turns, as they do in life: one of the heavy account's between those of a thousand others.
_ROWS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :jobs),
account(i, id) AS (SELECT i, CASE WHEN i % :every = 0 THEN 1 ELSE 1000 + i % 1000 END FROM n)
"""
_JOBS = """
INSERT INTO jobs (id, account_id, chat_id, message_id, ordinal, request, locale, state, claim,
    dispatched, created_at, ended_at, status_message_id, text, outcome, detail, private,
    after_message_id)
{rows}
SELECT i, id, id, 3 * i, 0, replace(:request, 'NUMBER', i),
    'en', 'delivered', 1, 1, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:09.000000',
    3 * i + 1, '', 'drawn', '', 1, 0
FROM account
"""
_PICTURES = """
INSERT INTO pictures (job_id, position, sha256, mime, width, height, size, chat_id, message_id,
    file_id, account_id, deleted)
SELECT id, 0, printf('%064x', id), 'image/png', 1024, 1024, 2000000, chat_id, 3 * id + 1,
    'AgACAgIAAxkBAAI' || id, account_id, 0
FROM jobs
"""
_LEDGER = """
INSERT INTO ledger (account_id, job_id, kind, reserved_delta, settled_delta, day, month, at)
SELECT account_id, id, kind, 0, 0, '2026-01-01', '2026-01', created_at
FROM jobs, (SELECT 'reserve' AS kind UNION ALL SELECT 'settle')
"""
_CALLS = """
INSERT INTO calls (kind, job_id, claim, account_id, chat_id, message_id, model, host, route,
    started_at, ended_at, outcome, detail)
SELECT 'image', id, 1, account_id, chat_id, message_id, 'painter', 'host', 'chat', created_at,
    ended_at, 'drawn', 'words of the model'
FROM jobs
"""
_KEYS = """
INSERT INTO idempotency_keys (key, at)
SELECT 'press:' || id, created_at FROM jobs
"""


def fill(tx: Transaction, jobs: int, every: int) -> None:
    """Write `jobs` delivered jobs, each `every`th of them the heavy account's."""
    sql = tx.jobs._sql  # noqa: SLF001 - rows that no repository would write
    request = Request(prompt="a fox in the snow, NUMBER", model="painter")
    document = RequestJson().process_bind_param(request, sql.dialect)
    values = {"jobs": jobs, "every": every, "request": document}
    sql.execute(text(_JOBS.format(rows=_ROWS)), values)
    for statement in (_PICTURES, _LEDGER, _CALLS, _KEYS):
        sql.execute(text(statement))


def _note(tx: Transaction, key: str) -> bool:
    return tx.keys.add(key, now())


class Bystander:
    """Somebody else, who has a write every now and then, and counts how long he waits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._number = 0
        self.waits: list[float] = []

    async def run(self) -> None:
        while True:
            self._number += 1
            began, key = perf_counter(), f"bystander {self._number}"
            await self._store.write(_note, key)
            self.waits.append(1000 * (perf_counter() - began))
            await asyncio.sleep(0.02)

    def told(self) -> str:
        waits, self.waits = sorted(self.waits), []
        if not waits:
            return "nobody else came"
        return (
            f"others waited {median(waits):.0f} ms, at most {waits[-1]:.0f} ms ({len(waits)} times)"
        )


async def measure(folder: Path, own: int, others: int) -> None:
    url, wal = f"sqlite:///{folder}/bot.db", folder / "bot.db-wal"
    await schema.prepare(url)
    store, media = await Store.open(url), MediaStore.open(folder / "media")
    await store.write(fill, own + others, max(1, round((own + others) / own)))
    await store.close()
    store = await Store.open(url)

    async def none(_limit: int, _after: int) -> list[Wake]:
        return []

    privacy = PrivacyService(store, media, LocalDispatch(1, none), now)
    bystander = Bystander(store)
    task = asyncio.create_task(bystander.run())

    async def said(what: str, began: float) -> None:
        megabytes = wal.stat().st_size / 1e6
        took = perf_counter() - began
        sys.stdout.write(f"{what}: {took:.1f} s; {bystander.told()}; WAL {megabytes:.0f} MB\n")

    began = perf_counter()
    export = await privacy.export(HEAVY)
    export.file.close()
    await said(f"export ({export.jobs_left_out} jobs left out)", began)

    began = perf_counter()
    await privacy.erase(HEAVY, "press", "en", 1)
    await said("forget, begun", began)
    began, slices = perf_counter(), 0
    while (erasure := (await privacy.erasures())[0]).up_to_job_id:
        turn = perf_counter()
        await privacy.go_on(erasure)
        await asyncio.sleep(perf_counter() - turn)
        slices += 1
    await said(f"forget, {slices} slices", began)

    began = perf_counter()
    await Cleanup(store, media, 0, now).tidy()
    await said("housekeeping", began)
    task.cancel()
    await asyncio.wait([task])
    await store.close()


if __name__ == "__main__":
    own, others = (int(number) for number in sys.argv[1:] or ("50000", "250000"))
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(Path(name), own, others))
