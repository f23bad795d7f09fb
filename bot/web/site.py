"""Everything that the bot serves over HTTP: each file of routes has one line here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from bot.config import Settings
from bot.heartbeat import Heartbeat
from bot.outside import Outside
from bot.parts import Parts
from bot.tg.polling import Polling
from bot.web.health import Vitals, health_routes
from bot.web.login import LoginPages
from bot.web.metrics import BotMetrics
from bot.web.overview import OverviewPage
from bot.web.scrape import Scraper, metrics_routes
from bot.web.server import serve
from bot.web.visits import Attempts, Door

STATIC = Path(__file__).with_name("static")


@asynccontextmanager
async def open_site(
    settings: Settings,
    outside: Outside,
    parts: Parts,
    metrics: BotMetrics,
    heartbeat: Heartbeat,
    polling: Polling,
) -> AsyncIterator[None]:
    """Serve at WEB_ADDRESS as long as the block lasts; raises StartError."""
    store, media = outside.store, outside.media.root
    vitals = Vitals(store, heartbeat, lambda: polling.answered_at, media, settings.min_free_mb)
    scraper = Scraper(metrics, store, outside.gateways, vitals)
    routes: list[BaseRoute] = [
        *health_routes(vitals),
        *metrics_routes(scraper, settings),
        *dashboard(settings, outside, parts),
    ]
    async with metrics.watching(media), serve(settings.web_address or "", routes):
        yield


def dashboard(settings: Settings, outside: Outside, parts: Parts) -> Sequence[BaseRoute]:
    """List the pages under /admin."""
    secure = (settings.web_reached_at or "").startswith("https://")
    door = Door(parts.logins, secure=secure)
    return [
        *LoginPages(parts.logins, door, Attempts(monotonic)).routes(),
        *OverviewPage(outside.store, door).routes(),
        Mount("/admin/static", StaticFiles(directory=STATIC)),
    ]
