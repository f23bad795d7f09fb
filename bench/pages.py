"""Pages: what each page of the dashboard takes beside a million jobs of sixty days.

One real job is copied by the database, with other numbers, moments and ends; the pages are asked for as a
browser does, but for the network.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from starlette.applications import Starlette

from bench.growth import MILLION, filled
from bot.config import load_settings
from bot.domain import now
from bot.domain.meter import NO_METER
from bot.features.admin.probe_calls import ProbeBooks, Probes
from bot.outside import open_outside
from bot.parts import Parts
from bot.web.admin_pages import admin_routes
from bot.web.visits import compile_pages

DAYS, TIMES, OPERATOR = 60, 20, 1
ANEW = "/admin?counted=anew"
TOKEN, KEY = "110201543:bench", "key-of-no-gateway"
# Every twentieth ended otherwise; each took up to a minute.
_SPREAD = """
UPDATE jobs SET created_at = {at},
    ended_at = strftime('%Y-%m-%d %H:%M:%f', {at}, (id % 60) || ' seconds') || '000',
    drawn_by = CASE WHEN id % 3 THEN 'gemini-2.5-flash-image' ELSE 'gpt-image-1' END,
    state = CASE WHEN id % 20 THEN 'delivered' ELSE 'failed' END,
    outcome = CASE WHEN id % 20 THEN 'drawn' WHEN id % 40 THEN 'timeout' ELSE 'text_only' END
"""
_AT = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (({jobs} - id) * {days} * 86400.0 / {jobs}) || ' seconds') || '000'"
_CALLS = (
    "UPDATE calls SET started_at = {at}, cost_micros = 40000, currency = 'USD', latency_ms = 9000"
)
_PEOPLE = """
INSERT INTO users SELECT DISTINCT account_id, 'Somebody ' || account_id, 'name' || account_id, 'en',
    created_at, created_at FROM jobs GROUP BY account_id
"""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page takes at first and then, in milliseconds, and how large it is, in bytes."""

    path: str
    first: float
    then: float
    size: int


async def measure(millions: float, times: int = TIMES) -> list[Page]:
    """Time each page; what is counted of days that are over is counted before."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        jobs, file = round(millions * MILLION), Path(name) / "bot.db"
        async with filled(file, jobs):
            pass
        await asyncio.to_thread(_spread, file, jobs)
        async with _browser(file) as (browser, forget):
            anew = await _time(browser, ANEW, times, forget)
            return [anew, *[await _time(browser, path, times) for path in _paths(jobs)]]


def _paths(jobs: int) -> list[str]:
    return [
        "/admin",
        "/admin/jobs",
        f"/admin/jobs?before={jobs // 2}",
        "/admin/jobs?outcome=text_only",
        "/admin/jobs?outcome=bad_key",
        "/admin/jobs?user=999",
        "/admin/jobs?user=999&outcome=bad_key",
        "/admin/jobs?model=gpt-image-1&state=failed&since=2020-01-01",
        f"/admin/jobs/{jobs // 2}",
        "/admin/people",
        "/admin/people?q=somebody",
        "/admin/people?q=nobody",
        "/admin/people/999",
        "/admin/actions",
        "/admin/models",
        "/admin/models/probe?model=gpt-image-1",
        "/admin/calls",
        "/admin/ledger",
        "/admin/settings",
        "/admin/diagnostics",
    ]


def _spread(file: Path, jobs: int) -> None:
    at = _AT.format(jobs=jobs, days=DAYS)
    with closing(sqlite3.connect(file)) as sql:
        sql.execute("PRAGMA synchronous = OFF")
        for statement in (_SPREAD, _CALLS, _PEOPLE):
            sql.execute(statement.format(at=at))
        sql.execute("ANALYZE")
        sql.commit()


@asynccontextmanager
async def _browser(file: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Callable[[], None]]]:
    """Be logged in to a bot that never meets Telegram; the function makes it count today anew."""
    given = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "GATEWAY_API_KEY": KEY,
        "DATABASE_URL": f"sqlite:///{file}",
        "MEDIA_URL": str(file.with_name("media")),
        "WEB_ADDRESS": "127.0.0.1:8090",
        "ADMIN_IDS": str(OPERATOR),
    }
    settings = load_settings(given, env_file=None)
    async with AsyncExitStack() as stack:
        outside = await open_outside(settings, stack, asyncio.Event(), NO_METER)
        parts = Parts(settings, outside, settings.max_concurrency)
        await parts.figures.keep()
        compile_pages()
        probes = Probes(ProbeBooks(outside.store, now), outside.gateways)
        app = Starlette(routes=list(admin_routes(settings, outside, parts, probes)))
        opened = await parts.logins.open(await parts.logins.link(OPERATOR), "bench")
        cookies = {"picturebot": opened[0] if opened else ""}
        transport = httpx.ASGITransport(app)
        base = "http://bench"
        browser = httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies)
        yield await stack.enter_async_context(browser), parts.figures.forget


async def _time(
    browser: httpx.AsyncClient, path: str, times: int, before: Callable[[], None] = lambda: None
) -> Page:
    took: list[float] = []
    size = 0
    for _ in range(times + 1):
        before()
        began = time.perf_counter()
        page = await browser.get(path)
        took.append(1000 * (time.perf_counter() - began))
        size = len(page.raise_for_status().content)
    return Page(path, took[0], median(took[1:]), size)


def rows(pages: list[Page]) -> list[list[str]]:
    return [[one.path, f"{one.first:.0f}", f"{one.then:.1f}", f"{one.size:,}"] for one in pages]
