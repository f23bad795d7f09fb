"""/metrics: who may ask, and what is read from the database when somebody does."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from time import monotonic

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.config import Settings
from bot.domain import UNFINISHED, StorageUnavailable, now
from bot.features.admin.backup import last_made
from bot.features.admin.version import program_version
from bot.gateway.client import GatewayClient
from bot.storage import Store, Transaction
from bot.storage.calls import LONGEST_CALL
from bot.web.health import Vitals
from bot.web.metrics import BotMetrics

TRUSTED = 5.0  # seconds that what was read counts
MOST_CALLS = 1000


@dataclass(slots=True)
class Scraper:
    """Sets what is not counted: from the database, the gateways and the vitals."""

    metrics: BotMetrics
    store: Store
    gateways: Mapping[str, GatewayClient]
    vitals: Vitals
    backups: Path
    _read_at: float = field(default=float("-inf"), init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def scrape(self) -> bytes:
        async with self._reading:
            if monotonic() - self._read_at > TRUSTED:
                await self._read()
                self._read_at = monotonic()
        return await asyncio.to_thread(generate_latest, self.metrics.registry)

    async def _read(self) -> None:
        metrics = self.metrics
        for part, well in (await self.vitals.lamps()).items():
            metrics.up.labels(part).set(well)
        metrics.silence.set(self.vitals.silence)
        metrics.leads.set(self.store.leader.leads)
        metrics.disk_free.set(await asyncio.to_thread(self.vitals.free))
        made = await asyncio.to_thread(last_made, self.backups)
        metrics.backup_made.set(made.timestamp() if made else 0)
        metrics.circuit_open.clear()
        for name, gateway in self.gateways.items():
            metrics.circuit_open.labels(name, "").set(0)
            for model in gateway.broken():
                metrics.circuit_open.labels(name, model).set(1)
        try:
            await self.store.read(self._read_in)
        except StorageUnavailable:  # what was read last stays; `up` tells
            return

    def _read_in(self, tx: Transaction) -> None:
        metrics, at = self.metrics, now()
        counts = tx.jobs.by_state()
        for state in UNFINISHED:
            metrics.jobs.labels(str(state)).set(counts.get(state, 0))
        metrics.queue_jobs.set(tx.jobs.counts()[1])
        since = tx.jobs.waiting_since()
        metrics.queue_oldest.set(max(0.0, (at - since).total_seconds()) if since else 0)
        calls = tx.calls.unfinished(MOST_CALLS)
        in_flight = [one for one in calls if one.awaited and one.started_at > at - LONGEST_CALL]
        metrics.calls_unknown.set(len(calls) - len(in_flight))


def metrics_routes(scraper: Scraper, settings: Settings) -> list[BaseRoute]:
    scraper.metrics.tell_build(program_version())

    async def tell(request: Request) -> Response:
        if not _may_ask(request, settings):
            return PlainTextResponse("METRICS_NETWORKS and METRICS_TOKEN say who may ask\n", 403)
        return Response(await scraper.scrape(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/metrics", tell)]


def _may_ask(request: Request, settings: Settings) -> bool:
    token = settings.metrics_token
    given = request.headers.get("authorization", "").encode()
    if token and hmac.compare_digest(given, f"Bearer {token.get_secret_value()}".encode()):
        return True
    try:
        host = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    plain = (host.ipv4_mapped or host) if isinstance(host, IPv6Address) else host
    return any(plain in network for network in settings.metrics_networks)
