"""Everything that the bot serves over HTTP: each file of routes has one line here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute

from bot.config import Settings
from bot.outside import Outside
from bot.parts import Parts
from bot.web.server import serve


@asynccontextmanager
async def open_site(settings: Settings, _outside: Outside, _parts: Parts) -> AsyncIterator[None]:
    """Serve at WEB_ADDRESS as long as the block lasts; raises StartError."""
    routes: list[BaseRoute] = []
    async with serve(settings.web_address or "", routes):
        yield
