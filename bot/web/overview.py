"""The overview: what is going on now, how today compares, thirty days, and what needs a person."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from operator import attrgetter, itemgetter

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.billing.access import Access
from bot.config import Settings
from bot.domain import LASTING, OutcomeKind, Period
from bot.features.admin.charts import Chart, stacked
from bot.features.admin.checks import CALLS, failing
from bot.features.admin.daily_figures import (
    COMPARED,
    NO_FAILURE,
    DailyFigures,
    DayFigures,
    differences,
    usual,
)
from bot.features.admin.missing_pictures import newest_are_gone
from bot.features.admin.service import AdminService
from bot.features.admin.thresholds import newest_backup, room_in
from bot.jobs.options import instead_of_default
from bot.jobs.queue import QueueService
from bot.media.store import MediaStore
from bot.storage import sqlite_copy
from bot.storage.transaction import Transaction
from bot.web.call_pages import lost
from bot.web.visits import Door, Visit
from bot.web.wording import Wording, duration, money
from bot.web.words import outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of today beside the mean of the last seven days; None where there is none."""

    name: str
    today: str
    usual: str


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What somebody sees first."""

    settings: Settings
    media: MediaStore
    access: Access
    admin: AdminService
    queue: QueueService
    figures: DailyFigures
    door: Door
    clock: Callable[[], datetime]

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        return [
            Route("/admin", guarded(self.show)),
            Route("/admin/maintenance", guarded(self.maintain), methods=["POST"]),
        ]

    async def show(self, visit: Visit) -> Response:
        queue, days = await self.queue.overview(), await self.figures.latest()
        oldest, without_end = await self.queue.store.read(_unfinished, self.clock())
        calls = await self.queue.store.read(lambda tx: tx.statistics.ended_calls(CALLS))
        needs = [
            *self._needs_of_gateways(calls, visit.wording),
            *self._needs(days, without_end),
            *await asyncio.to_thread(lambda: list(self._needs_of_disk())),
            *await self._needs_of_pictures(),
        ]
        waited = (self.clock() - oldest).total_seconds() if oldest else None
        return visit.render(
            "overview.html",
            queue=queue,
            oldest=duration(waited),
            maintenance=self.access.maintenance,
            needs=needs,
            where=_WHERE | {text: f"/admin/jobs?outcome={kind}" for kind, text in _LASTING.items()},
            comparisons=list(_compared(days)),
            charts=list(_charts(days, visit.wording)),
        )

    async def maintain(self, visit: Visit) -> Response:
        """Take no new requests, or take them again."""
        on = visit.form.get("on") == "yes"
        return visit.back("/admin", await self.admin.maintain(visit.actor, on=on))

    def _needs(
        self, days: Sequence[DayFigures], without_end: int
    ) -> Iterator[tuple[str, dict[str, object]]]:
        """Tell what only a person can mend, as texts and what stands in their brackets."""
        for kind in sorted(LASTING):
            if n := days[-1][f"outcome:{kind}"]:
                yield _LASTING[kind], {"n": n}
        for name, seconds in self.queue.open_circuits():
            yield _NEEDS["circuit"], {"name": name, "time": duration(seconds)}
        if without_end:
            yield _NEEDS["lost"], {"n": without_end}
        if n := differences(days):
            yield _NEEDS["books"], {"n": n}
        options = self.admin.options
        if (instead := instead_of_default(options)) is not None:
            other = instead or "\N{EN DASH}"
            yield _NEEDS["retired"], {"name": options.default.id, "other": other}

    def _needs_of_gateways(
        self, calls: Sequence[tuple[datetime, OutcomeKind]], t: Wording
    ) -> Iterator[tuple[str, dict[str, object]]]:
        """Tell of what fails also when nothing is left alone, and of what the bot was told to be."""
        if found := failing(calls, self.clock()):
            kind = t(outcome(found.kind))
            yield _NEEDS["failing"], {"part": f"{found.lately:.0%}", "kind": kind}
        if self.access.maintenance:
            yield _NEEDS["maintenance"], {}
        if not self.media.answers():
            yield _NEEDS["bucket"], {}
        kept_in_file = self.settings.database_url.get_secret_value().startswith("sqlite")
        if kept_in_file and sqlite_copy.may_lose_writes():
            yield _NEEDS["sqlite"], {"version": sqlite3.sqlite_version}

    async def _needs_of_pictures(self) -> list[tuple[str, dict[str, object]]]:
        days = self.settings.media_retention_days
        gone = await newest_are_gone(self.queue.store, self.media, days)
        return [(_NEEDS["pictures"], {"place": self.settings.media_url})] if gone else []

    def _needs_of_disk(self) -> Iterator[tuple[str, dict[str, object]]]:
        at, folder = self.clock(), self.media.root
        if folder.is_dir() and (room := room_in(folder, self.settings)).low:
            yield _NEEDS["disk"], {"free": room.free, "least": room.least}
        newest = newest_backup(self.settings, at)
        if newest.late and newest.made_at is None:
            yield _NEEDS["no backup"], {}
        elif newest.late and newest.made_at:
            yield _NEEDS["backup"], {"time": duration((at - newest.made_at).total_seconds())}


# Texts of the pages, which are looked up in Chinese by themselves.
_COUNTED = {"jobs": "Jobs", "pictures": "Pictures", "users": "Users"}
_TIMED = {"median_ms": "Median wait", "p95_ms": "95 of 100 within"}
_NEEDS = {
    "failing": "Of the calls of the last half hour {part} failed, most often: {kind}.",
    "maintenance": "Maintenance: no new requests are taken until you end it.",
    "sqlite": "This SQLite ({version}) may lose writes; picturebot doctor says which do not.",
    "circuit": "{name} fails and is left alone for {time} more.",
    "lost": "Calls whose end is not known, which may have been billed: {n}.",
    "books": "The books do not agree: {n} differences, which the page of the ledger lists.",
    "retired": "{name}, the default model, is no longer offered; DEFAULT_MODEL could be: {other}.",
    "disk": "{free} MB are free on the disk; below {least} nothing is drawn.",
    "bucket": "The bucket of pictures (MEDIA_URL) does not answer; until it does nothing is drawn.",
    "pictures": "None of the newest pictures is in {place} (MEDIA_URL): is its disk mounted?",
    "no backup": "There is no backup yet.",
    "backup": "The last backup is {time} old.",
}
# Where to look at what needs somebody.
_WHERE = {
    _NEEDS["failing"]: "/admin/jobs?state=failed",
    _NEEDS["lost"]: "/admin/calls",
    _NEEDS["circuit"]: "/admin/models",
    _NEEDS["retired"]: "/admin/models",
    _NEEDS["books"]: "/admin/ledger",
    _NEEDS["sqlite"]: "/admin/diagnostics",
    _NEEDS["pictures"]: "/admin/diagnostics",
}
_SPREAD = ("median", "to 95 of 100")
_LASTING = {
    OutcomeKind.OUT_OF_MONEY: "The gateway's balance is used up; jobs that failed today: {n}.",
    OutcomeKind.BAD_KEY: "The gateway refuses the key; jobs that failed today: {n}.",
    OutcomeKind.NO_ROOM: "The disk is full; jobs that failed today: {n}.",
}


def _unfinished(tx: Transaction, at: datetime) -> tuple[datetime | None, int]:
    return tx.reports.oldest_unfinished(), len(lost(tx, at))


def _compared(days: Sequence[DayFigures]) -> Iterator[Comparison]:
    week = days[-1 - COMPARED : -1]
    if not any(day["jobs"] for day in week):  # the first day has nothing to be compared with
        yield from (replace(one, usual="") for one in _compared_with(days, week))
    else:
        yield from _compared_with(days, week)


def _compared_with(days: Sequence[DayFigures], week: Sequence[DayFigures]) -> Iterator[Comparison]:
    today = days[-1]
    for key, name in _COUNTED.items():
        yield Comparison(name, f"{today[key]:,}", f"{usual(days, itemgetter(key)):,.1f}")
    failed = usual(days, attrgetter("failed"))
    yield Comparison("Failures", f"{today.failed:,}", f"{failed:,.1f}")
    for currency in _currencies([*week, today]):
        cost = itemgetter(f"cost:{currency}")
        yield Comparison(
            "Cost", money(cost(today), currency), money(round(usual(days, cost)), currency)
        )
    for key, name in _TIMED.items():
        known = [day[key] for day in week if day[key]]
        mean = sum(known) / len(known) / 1000 if known else None
        yield Comparison(name, duration(today[key] / 1000 if today[key] else None), duration(mean))


def _charts(days: Sequence[DayFigures], t: Wording) -> Iterator[Chart]:
    names = [Period.DAY.key(day.day)[5:] for day in days]

    def plain(name: str) -> dict[str, list[float]]:
        return {"": [float(day[name]) for day in days]}

    yield Chart("Pictures", names, plain("pictures"), _count)
    failures = stacked(days, "outcome:", NO_FAILURE)
    named = {t(outcome(kind)): values for kind, values in failures.items()}
    yield Chart("Failures", names, named, _count)
    for currency in _currencies(days):
        yield Chart("Cost", names, plain(f"cost:{currency}"), partial(_money, currency))
    yield Chart("Users", names, plain("users"), _count)
    median = [day["median_ms"] / 1000 for day in days]
    rest = [max(0.0, day["p95_ms"] / 1000 - m) for day, m in zip(days, median, strict=True)]
    yield Chart(
        "Seconds to the picture",
        names,
        dict(zip(map(t, _SPREAD), (median, rest), strict=True)),
        _seconds,
    )


def _currencies(days: Sequence[DayFigures]) -> list[str]:
    return sorted({currency for day in days for currency in day.each("cost:")})


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value:,.1f} s"


def _money(currency: str, value: float) -> str:
    return money(int(value), currency)
