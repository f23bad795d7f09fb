"""The pages of the program itself: its settings, who is logged in, and a text for whoever helps."""

from __future__ import annotations

import asyncio
import platform
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.config import EffectiveSetting, Settings
from bot.features.admin.daily_figures import DailyFigures, DayFigures
from bot.features.admin.doctor import diagnose
from bot.features.admin.findings import Level
from bot.features.admin.logins import Logins
from bot.features.admin.version import program_version
from bot.jobs.queue import QueueOverview, QueueService
from bot.storage.schema import REVISION
from bot.web.visits import Door, Visit
from bot.web.wording import Wording, duration
from bot.web.words import NOTHING, origin

# Whose numbers stand in them is nobody's business who only helps.
PERSONAL = frozenset({"ADMIN_IDS", "ALLOWED_IDS", "STORAGE_CHAT_ID", "TERMS"})
# Texts of the copied page, which are looked up in Chinese; names of figures and settings stay.
LINES = {
    "database": "database {kind}, schema {revision}",
    "jobs": "jobs: {running} running, {waiting} waiting",
    "typical": "{name}: usually {time}",
    "circuit": "{name}: left alone for {time}",
    "set": "(set)",
}
LEVELS = {
    Level.OK: "ok",
    Level.NOTE: "note",
    Level.WARNING: "warning",
    Level.WRONG: "wrong",
}


@dataclass(frozen=True, slots=True)
class SystemPages:
    """Tells what holds; changes nothing but who is logged in."""

    settings: Settings
    logins: Logins
    queue: QueueService
    figures: DailyFigures
    door: Door
    _examining: asyncio.Lock = field(default_factory=asyncio.Lock)

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        return [
            Route("/admin/settings", guarded(self.show_settings)),
            Route("/admin/diagnostics", guarded(self.show), methods=["GET"]),
            Route("/admin/diagnostics", guarded(self.examine), methods=["POST"]),
        ]

    async def show_settings(self, visit: Visit) -> Response:
        return visit.render(
            "setting_list.html",
            settings=self.settings.effective(),
            sessions=await self.logins.of(visit.session.user_id),
            ago=lambda moment: duration((self.logins.clock() - moment).total_seconds()),
        )

    async def show(self, visit: Visit) -> Response:
        return visit.render("diagnostics.html", text=await self._text(visit.wording))

    async def examine(self, visit: Visit) -> Response:
        """Have the doctor look, too, who asks Telegram and the gateways: for one person at a time."""
        async with self._examining:
            found = await diagnose(self.settings)
        lines = [
            f"{visit.wording(LEVELS[one.level]):<9}{one.subject:<12}{one.text}" for one in found
        ]
        text = "\n".join([await self._text(visit.wording), "", *lines])
        return visit.render("diagnostics.html", text=text)

    async def _text(self, t: Wording) -> str:
        queue, days = await self.queue.overview(), await self.figures.latest()
        return "\n".join(
            [*_program(self.settings, t), *_work(queue, days, t), *_set(self.settings, t)]
        )


def _program(settings: Settings, t: Wording) -> Iterator[str]:
    kind = settings.database_url.get_secret_value().partition(":")[0]
    library = f"{kind} {sqlite3.sqlite_version}" if kind == "sqlite" else kind
    yield f"picturebot {program_version()}, Python {platform.python_version()}, {platform.platform()}"
    yield t(LINES["database"], kind=library, revision=REVISION)


def _work(queue: QueueOverview, days: Sequence[DayFigures], t: Wording) -> Iterator[str]:
    yield t(LINES["jobs"], running=queue.running, waiting=queue.queued)
    for day in days[-2:]:
        told = ", ".join(f"{name} {n}" for name, n in sorted(day.figures.items()))
        yield f"{day.day:%Y-%m-%d}: {told or NOTHING}"
    for one in queue.typical:
        yield t(LINES["typical"], name=one.model, time=duration(one.seconds))
    for name, seconds in queue.open_circuits:
        yield t(LINES["circuit"], name=name, time=duration(seconds))


def _set(settings: Settings, t: Wording) -> Iterator[str]:
    yield ""
    yield from (_line(one, t) for one in settings.effective() if one.origin != "the default")


def _line(one: EffectiveSetting, t: Wording) -> str:
    value = t(LINES["set"]) if one.name in PERSONAL else " ".join(one.value.split())
    return f"{one.name}={value}  # {origin(one.origin, t)}"
