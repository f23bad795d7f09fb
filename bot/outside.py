"""Outside systems: opened once each, at the start, and closed in the opposite order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from bot.config import Settings
from bot.domain import NO_METER, Meter, now
from bot.gateway.client import GatewayClient
from bot.gateway.connect import GatewayConnector
from bot.gateway.text import TextClient
from bot.jobs.options import ModelOptions, load_options
from bot.jobs.queue import Latencies
from bot.media.inputs import Inputs, open_inputs
from bot.media.store import MediaStore, open_media
from bot.storage.engine import Store
from bot.storage.schema import open_store
from bot.tg.client import Connected, open_bot, open_files

if TYPE_CHECKING:
    from bot.storage.shared_limits import SharedLimits


@dataclass(frozen=True, slots=True)
class Outside:
    """Outside systems, open; `transcriber` and `enhancer` only where the settings name models.

    `limits` are those of all processes, where there may be others.
    """

    options: ModelOptions
    media: MediaStore
    inputs: Inputs
    gateways: Mapping[str, GatewayClient]
    store: Store
    latencies: Latencies
    transcriber: TextClient | None
    enhancer: TextClient | None
    bot: Connected
    downloads: aiohttp.ClientSession
    limits: SharedLimits | None


async def open_outside(
    settings: Settings,
    stack: AsyncExitStack,
    stop: asyncio.Event,
    meter: Meter = NO_METER,
) -> Outside:
    """Open everything on the stack, which closes it; the database waits until `stop` at most."""
    enter = stack.enter_async_context
    options, media = load_options(settings, now), await open_media(settings)
    stack.callback(media.close)
    inputs = await enter(open_inputs(media))
    connector = GatewayConnector(options.catalogue, settings, media, stack, inputs)
    profiles = options.catalogue.gateways.values()
    gateways = {profile.name: connector.gateway(profile) for profile in profiles}
    url = settings.database_url.get_secret_value()
    store = await enter(
        open_store(url, settings.shutdown_seconds, stop, meter, settings.postgres_connections)
    )
    rate = settings.telegram_max_rate
    limits = await enter(store.limits())
    bot = open_bot(
        settings.token.get_secret_value(), settings.telegram_api_url, rate, meter, limits
    )
    # PTB closes only what was introduced to Telegram; until then this one may be open.
    stack.push_async_callback(bot.request.shutdown)
    return Outside(
        options=options,
        media=media,
        inputs=inputs,
        gateways=gateways,
        store=store,
        latencies=await Latencies.read(store),
        transcriber=connector.transcriber(),
        enhancer=connector.enhancer(),
        bot=bot,
        downloads=await enter(open_files(settings.telegram_api_url)),
        limits=limits,
    )
