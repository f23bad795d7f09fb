"""The pages of the ledger: its rows, all of them as a file, and whether the books agree."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bot.domain import now
from bot.features.admin.books import audit_and_keep
from bot.storage.engine import Store
from bot.storage.reports import NEWEST
from bot.storage.transaction import Transaction
from bot.web.visits import Door, Visit

PATH = "/admin/ledger"
PAGE, PIECE = 100, 1000  # rows of a page, of one read for the file
MOST = 100  # differences that are shown
COLUMNS = ("id", "at", "account_id", "job_id", "kind", "reserved_delta", "settled_delta", "day")


@dataclass(frozen=True, slots=True)
class LedgerPages:
    """Looks at the books; reading all of them is done for one person at a time."""

    store: Store
    door: Door
    _auditing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        return [
            Route(PATH, guarded(self.show), methods=["GET"]),
            Route(PATH, guarded(self.audit), methods=["POST"]),
            Route(f"{PATH}.csv", guarded(self.download)),
        ]

    async def show(self, visit: Visit) -> Response:
        return await self._page(visit, None)

    async def audit(self, visit: Visit) -> Response:
        """Compare rows, counters and jobs; with a million jobs that takes some seconds."""
        async with self._auditing:
            differences = await audit_and_keep(self.store, now())
        return await self._page(visit, differences)

    async def download(self, _visit: Visit) -> Response:
        name = "attachment; filename=ledger.csv"
        headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
        return StreamingResponse(self._csv(), media_type="text/csv", headers=headers)

    async def _page(self, visit: Visit, differences: Sequence[str] | None) -> Response:
        before = visit.before or NEWEST
        rows, names = await self.store.read(_rows_named, before)
        return visit.render(
            "ledger.html",
            rows=rows,
            names=names,
            older=rows[-1]["id"] if len(rows) == PAGE else None,
            audited=differences is not None,
            differences=(differences or [])[:MOST],
            count=len(differences or []),
        )

    async def _csv(self) -> AsyncIterator[str]:
        yield ",".join(COLUMNS) + "\r\n"
        before = NEWEST
        while rows := await self.store.read(lambda tx: tx.reports.movements(before, PIECE)):  # noqa: B023 - read before it changes
            text = io.StringIO()
            csv.writer(text).writerows([_cell(row[name]) for name in COLUMNS] for row in rows)
            yield text.getvalue()
            before = rows[-1]["id"]


def _rows_named(tx: Transaction, before: int) -> tuple[list[dict[str, Any]], dict[int, str]]:
    rows = tx.reports.movements(before, PAGE)
    return rows, tx.reports.names({row["account_id"] for row in rows})


def _cell(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
