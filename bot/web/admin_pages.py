"""All pages under /admin: the dashboard of those who run the bot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.config import Settings
from bot.domain import now
from bot.features.admin.probe_calls import Probes
from bot.jobs.queue import QueueService
from bot.media.thumbnails import Thumbnails
from bot.outside import Outside
from bot.parts import Parts
from bot.web.account_pages import AccountPages
from bot.web.action_pages import ActionPages
from bot.web.call_pages import CallPages
from bot.web.job_pages import JobPages
from bot.web.ledger_pages import LedgerPages
from bot.web.login import HOME, LoginPages
from bot.web.model_pages import ModelPages
from bot.web.overview import OverviewPage
from bot.web.probe_pages import ProbePages
from bot.web.system_pages import SystemPages
from bot.web.visits import Attempts, Door, Visit

STATIC = Path(__file__).with_name("static")


def admin_routes(
    settings: Settings, outside: Outside, parts: Parts, probes: Probes
) -> Sequence[BaseRoute]:
    """List the pages, each of which asks who is there; but for what everybody's browser may load."""
    store, access, admin = outside.store, parts.admin.access, parts.admin
    secure = (settings.web_reached_at or "").startswith("https://")
    door = Door(parts.logins, access.is_admin, secure=secure)
    queue = QueueService(store, outside.latencies, outside.gateways)
    thumbnails, content = Thumbnails(outside.inputs), settings.web_show_content
    models = [profile.id for profile in outside.options.catalogue]
    pages = (
        LoginPages(parts.logins, door, Attempts(monotonic)),
        OverviewPage(settings, outside.media, access, admin, queue, parts.figures, door, now),
        JobPages(store, outside.media, thumbnails, admin, models, content, door),
        AccountPages(store, access, admin, door),
        ModelPages(settings, store, outside.options, admin, queue, door),
        ProbePages(outside.options.catalogue, probes, thumbnails, content, door),
        LedgerPages(store, door),
        ActionPages(admin, door),
        CallPages(store, now, door),
        SystemPages(settings, parts.logins, queue, parts.figures, door),
    )
    static = Mount("/admin/static", StaticFiles(directory=STATIC))
    found = [route for page in pages for route in page.routes()]
    slashed = Route("/admin/{rest:path}/", _without_slash)
    nowhere = Route("/admin/{rest:path}", door.guarded(_missing))
    return [Route("/", _home), Route("/admin/", _home), *found, static, slashed, nowhere]


async def _missing(visit: Visit) -> Response:
    return visit.missing()


async def _without_slash(request: Request) -> Response:
    return RedirectResponse(request.url.path.rstrip("/"))


async def _home(_: Request) -> Response:
    return RedirectResponse(HOME)
