"""Everything that the bot serves over HTTP: each file of routes has one line here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute

from bot.config import Settings
from bot.domain import now
from bot.features.admin.backup_place import here
from bot.features.admin.probe_calls import ProbeBooks, Probes
from bot.heartbeat import Heartbeat
from bot.outside import Outside
from bot.parts import Parts
from bot.tg.polling import Polling
from bot.tg.webhook import Webhook
from bot.web.admin_pages import admin_routes
from bot.web.delivered_updates import webhook_routes
from bot.web.health import Vitals, health_routes
from bot.web.metrics import BotMetrics
from bot.web.scrape import Scraper, metrics_routes
from bot.web.server import serve
from bot.web.visits import compile_pages


@asynccontextmanager
async def open_site(
    settings: Settings,
    outside: Outside,
    parts: Parts,
    metrics: BotMetrics,
    heartbeat: Heartbeat,
    taker: Polling | Webhook,
) -> AsyncIterator[None]:
    """Serve at WEB_ADDRESS as long as the block lasts; raises StartError."""
    store, media = outside.store, outside.media
    vitals = Vitals(store, heartbeat, lambda: taker.answered_at, media, settings.min_free_mb)
    scraper = Scraper(metrics, store, outside.gateways, vitals, here(settings))
    probes = Probes(ProbeBooks(store, now), outside.gateways)
    brought = webhook_routes(taker) if isinstance(taker, Webhook) else []
    routes: list[BaseRoute] = [
        *brought,
        *health_routes(vitals),
        *metrics_routes(scraper, settings),
        *admin_routes(settings, outside, parts, probes),
    ]
    await asyncio.to_thread(compile_pages)
    serving = serve(settings.web_address or "", routes, settings.web_url, settings.webhook_url)
    async with metrics.watching(media), probes.ending(), serving, parts.figures.kept():
        yield
