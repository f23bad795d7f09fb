"""The page of models and gateways: what they cost, how they do, and whether they are offered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.catalogue.profiles import Price, Profile
from bot.config import Settings
from bot.domain.administration import AdminResult
from bot.features.admin.cli import balances
from bot.features.admin.service import AdminService
from bot.jobs.options import ModelOptions
from bot.jobs.queue import QueueService
from bot.storage.engine import Store
from bot.storage.reports import ModelFigures
from bot.web.numbers import number
from bot.web.visits import Door, Visit
from bot.web.wording import duration, money

PATH = "/admin/models"
PATIENCE = 20.0  # seconds for all gateways to tell their balance
SILENT = "No answer came in {time}."


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model, how its latest calls went (None: there were none) and whether it is offered."""

    profile: Profile
    price: str
    latest: ModelFigures | None
    on: bool
    offered: bool
    gone: bool
    is_default: bool
    retired: bool
    left_alone: str
    place: int | None  # in menus, from 1

    @property
    def failed(self) -> str:
        return f"{100 * self.latest.failed / self.latest.calls:.0f} %" if self.latest else ""

    @property
    def latency(self) -> str:
        known = self.latest and self.latest.latency_ms
        return duration(known / 1000) if known else ""


@dataclass(frozen=True, slots=True)
class ModelPages:
    """Looks at models, switches them on and off, and says which of them menus show first."""

    settings: Settings
    store: Store
    options: ModelOptions
    admin: AdminService
    queue: QueueService
    door: Door

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        return [
            Route(PATH, guarded(self.show), methods=["GET"]),
            Route(PATH, guarded(self.switch), methods=["POST"]),
            Route(f"{PATH}/place", guarded(self.place), methods=["POST"]),
            Route(f"{PATH}/balance", guarded(self.balance), methods=["POST"]),
        ]

    async def show(self, visit: Visit) -> Response:
        return await self._page(visit, [])

    async def switch(self, visit: Visit) -> Response:
        model, on = visit.form.get("model", ""), visit.form.get("on") == "yes"
        result = await self.admin.switch_model(visit.actor, model, on=on)
        return visit.back(PATH, "default_stays" if result is AdminResult.REFUSED else result)

    async def place(self, visit: Visit) -> Response:
        model, place = visit.form.get("model", ""), visit.form.get("place", "").strip()
        at = number(place)
        if place and (at is None or not 0 < at < 100):  # noqa: PLR2004
            return visit.back(PATH, "wrong")
        return visit.back(PATH, await self.admin.place_model(visit.actor, model, at))

    async def balance(self, visit: Visit) -> Response:
        """Ask the gateways what is left: they are asked only where somebody wants to know."""
        try:
            async with asyncio.timeout(PATIENCE):
                told, reasons = await balances(self.settings)
        except TimeoutError:
            told, reasons = [(SILENT, {"time": duration(PATIENCE)})], []
        lines = [visit.wording(text, **values) for text, values in told]
        return await self._page(visit, [*lines, *reasons])

    async def _page(self, visit: Visit, told: Sequence[str]) -> Response:
        latest = await self.store.read(lambda tx: tx.reports.models())
        models = sorted(self._lines(latest), key=_rank)
        return visit.render("models.html", models=models, told=told)

    def _lines(self, latest: dict[str, ModelFigures]) -> Iterator[ModelLine]:
        today = self.admin.clock().date()
        first = {name: n for n, name in enumerate(self.admin.shown_first(), 1)}
        circuits = dict(self.queue.open_circuits())
        for profile in self.options.catalogue:
            alone = circuits.get(profile.gateway) or circuits.get(f"{profile.gateway}/{profile.id}")
            yield ModelLine(
                profile,
                price_of(profile.price),
                latest.get(profile.id),
                profile.id not in self.options.gone.off,
                profile.offered(today),
                profile.id in self.options.gone,
                profile.id == self.options.default.id,
                profile.retires is not None and profile.retires <= today,
                duration(alone) if alone else "",
                first.get(profile.id),
            )


def _rank(line: ModelLine) -> tuple[bool, int]:
    """Put first what menus show, in their order, and what nobody is offered last."""
    return not line.offered and not line.is_default, line.place or 100


def price_of(price: Price | None) -> str:
    """Write what a picture costs, or a million tokens of what comes out; empty if not known."""
    if price is None:
        return ""
    if price.per_picture_micros is not None:
        return money(price.per_picture_micros, price.currency)
    if price.output_per_million_micros is not None:
        return f"{money(price.output_per_million_micros, price.currency)} / 1M"
    return ""
