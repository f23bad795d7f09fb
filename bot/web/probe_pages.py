"""The page of a model's probes: one paid call for who runs the bot, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import Profile
from bot.features.admin.probe_calls import PROMPT, Probes
from bot.media.thumbnails import Thumbnails
from bot.web.action_pages import mentioned
from bot.web.model_pages import PATH, price_of
from bot.web.visits import Door, Visit

PROBE = f"{PATH}/probe"


@dataclass(frozen=True, slots=True)
class ProbePages:
    """Says what a probe costs before it is made; pictures are shown only where `show_content` says so."""

    catalogue: Catalogue
    probes: Probes
    thumbnails: Thumbnails
    show_content: bool
    door: Door

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        return [
            Route(PROBE, guarded(self.show), methods=["GET"]),
            Route(PROBE, guarded(self.make), methods=["POST"]),
            Route(f"{PROBE}/{{call_id:number}}/{{position:number}}", guarded(self.picture)),
        ]

    async def show(self, visit: Visit) -> Response:
        profile = self.catalogue.get(visit.request.query_params.get("model", ""))
        if profile is None:
            return visit.missing()
        latest = await self.probes.books.latest(profile.id)
        actors = mentioned([action for action, _ in latest])
        store = self.probes.books.store
        return visit.render(
            "probe.html",
            profile=profile,
            price=price_of(profile.price),
            prompt=PROMPT,
            latest=latest,
            names=await store.read(lambda tx: tx.reports.names(actors)),
            under_way=await self.probes.under_way(),
            pictures=self.probes.pictures if self.show_content else {},
            path=_path(profile),
        )

    async def make(self, visit: Visit) -> Response:
        profile = self.catalogue.get(visit.form.get("model", ""))
        if profile is None:
            return visit.missing()
        return visit.back(_path(profile), await self.probes.begin(visit.actor, profile))

    async def picture(self, visit: Visit) -> Response:
        call_id, position = (visit.request.path_params[name] for name in ("call_id", "position"))
        pictures = self.probes.pictures.get(call_id, ()) if self.show_content else ()
        found = next((one for one in pictures if one.position == position), None)
        small = await self.thumbnails.of(found.sha256) if found else None
        return Response(small, media_type="image/webp") if small else visit.missing()


def _path(profile: Profile) -> str:
    return f"{PROBE}?{urlencode({'model': profile.id})}"
