"""The ground that everything stands on: settings read, outside systems opened, in this order."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import structlog

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import default_model, successor
from bot.domain import StartError, now
from bot.gateway.connect import open_gateways, open_text_client
from bot.gateway.text import PromptEnhancer, Transcriber
from bot.jobs.options import ModelOptions
from bot.jobs.queue import Latencies
from bot.media.store import MediaStore
from bot.storage import schema
from bot.storage.engine import Store
from bot.storage.lock import database_lock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic import SecretStr

    from bot.catalogue.models import Catalogue
    from bot.config import Settings
    from bot.gateway.client import GatewayClient

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What was opened; `transcriber` and `rewriter` only where the settings name their models."""

    settings: Settings
    choices: ModelOptions
    media: MediaStore
    gateways: Mapping[str, GatewayClient]
    store: Store
    latencies: Latencies
    transcriber: Transcriber | None
    rewriter: PromptEnhancer | None

    @property
    def hosts(self) -> str:
        """Name whom prompts and pictures are sent to."""
        return ", ".join(sorted({gateway.host for gateway in self.gateways.values()}))


async def open_ground(
    settings: Settings, main_key: SecretStr | None, stack: AsyncExitStack
) -> Ground:
    """Open everything; `stack` closes it. `main_key` is the main gateway's.

    Raises StartError and the catalogue's and the schema's own errors.
    """
    choices = _choices(settings)
    models, media = choices.catalogue, _media(settings.media_url)
    gateways = await stack.enter_async_context(
        open_gateways(models.gateways.values(), settings, main_key, media)
    )
    store = await stack.enter_async_context(_store(settings.database_url.get_secret_value()))
    return Ground(
        settings=settings,
        choices=choices,
        media=media,
        gateways=gateways,
        store=store,
        latencies=await Latencies.read(store),
        transcriber=_transcriber(stack, settings, models, main_key, media),
        rewriter=_rewriter(stack, settings, models, main_key, media),
    )


def _choices(settings: Settings) -> ModelOptions:
    models = load_catalogue(settings.models_file)
    default = default_model(models, settings.default_model)
    today = now().date()
    if not default.offered(today):
        heir = successor(models, default, today)
        instead = heir.id if heir else "none"
        log.warning("DEFAULT_MODEL is no longer offered", model=default.id, try_instead=instead)
    return ModelOptions(catalogue=models, default=default, max_count=settings.max_count, clock=now)


def _media(url: str) -> MediaStore:
    try:
        return MediaStore.open(url)
    except (OSError, ValueError) as error:
        raise StartError(f"MEDIA_URL cannot be used: {error}") from error


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[Store]:
    """Open the database, brought up to date, for this process alone where it is a file."""
    await schema.prepare(url)
    with database_lock(url):
        store = await Store.open(url)
        try:
            yield store
        finally:
            await store.close()


def _transcriber(
    stack: AsyncExitStack,
    settings: Settings,
    models: Catalogue,
    main_key: SecretStr | None,
    media: MediaStore,
) -> Transcriber | None:
    """Open what writes voices down, if the settings name a model that does."""
    if not settings.transcription_model:
        return None
    name = settings.transcription_gateway
    errands = open_text_client(name, "TRANSCRIPTION_GATEWAY", models, settings, main_key, media)
    stack.push_async_callback(errands.aclose)
    minute = Decimal(str(settings.transcription_usd_per_minute))
    return Transcriber(errands, media, settings.transcription_model, minute)


def _rewriter(
    stack: AsyncExitStack,
    settings: Settings,
    models: Catalogue,
    main_key: SecretStr | None,
    media: MediaStore,
) -> PromptEnhancer | None:
    """Open what makes prompts better, if the settings name a model that does."""
    if not settings.enhance_model:
        return None
    name = settings.enhance_gateway
    errands = open_text_client(name, "ENHANCE_GATEWAY", models, settings, main_key, media)
    stack.push_async_callback(errands.aclose)
    return PromptEnhancer(errands, settings.enhance_model)
