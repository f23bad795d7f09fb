"""Gateways: a client for each one that the catalogue uses."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.config import ConfigError
from bot.gateway.client import GatewayClient
from bot.gateway.text import TextClient
from bot.gateway.transport import Endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from pydantic import SecretStr

    from bot.catalogue.models import Catalogue
    from bot.catalogue.profiles import GatewayProfile
    from bot.config import Settings
    from bot.media.store import MediaStore


@asynccontextmanager
async def open_gateways(
    profiles: Collection[GatewayProfile],
    settings: Settings,
    main_key: SecretStr | None,
    media: MediaStore,
) -> AsyncIterator[Mapping[str, GatewayClient]]:
    """Open a client for each of these gateways, by name; `main_key` is the main one's.

    Nothing is asked yet. Raises ConfigError where a key is missing.
    """
    gateways = {
        profile.name: GatewayClient(
            _endpoint(profile, settings, main_key, media, settings.max_concurrency),
            name=profile.name,
            allow_insecure_pictures=settings.allow_insecure_picture_urls,
        )
        for profile in profiles
    }
    try:
        yield gateways
    finally:
        for gateway in gateways.values():
            await gateway.aclose()


def _endpoint(
    profile: GatewayProfile,
    settings: Settings,
    main_key: SecretStr | None,
    media: MediaStore,
    connections: int = 32,
) -> Endpoint:
    return Endpoint(
        profile.url or settings.gateway_url,
        gateway_key(profile, settings, main_key),
        media,
        timeout=profile.timeout or settings.generation_timeout,
        connect=profile.connect_timeout,
        connections=connections,
        proxy=profile.proxy,
    )


def gateway_key(
    profile: GatewayProfile, settings: Settings, main_key: SecretStr | None
) -> SecretStr:
    """Find a gateway's key; raises ConfigError, naming the variable, where it is missing."""
    key = settings.key(profile.key) if profile.key else main_key
    if key is None:
        variable = profile.key or "GATEWAY_API_KEY"
        raise ConfigError(f"{variable} is missing: it is the key of the gateway {profile.name}")
    return key


@asynccontextmanager
async def open_transcriber(
    catalogue: Catalogue, settings: Settings, main_key: SecretStr | None, media: MediaStore
) -> AsyncIterator[TextClient | None]:
    """Open what writes voices down, if the settings name a model that does; raises ConfigError."""
    if not settings.transcription_model:
        yield None
        return
    profile = _declared(catalogue, "TRANSCRIPTION_GATEWAY", settings.transcription_gateway)
    minute = Decimal(str(settings.transcription_usd_per_minute))
    async with aclosing(_endpoint(profile, settings, main_key, media)) as endpoint:
        yield TextClient(endpoint, settings.transcription_model, minute)


@asynccontextmanager
async def open_enhancer(
    catalogue: Catalogue, settings: Settings, main_key: SecretStr | None, media: MediaStore
) -> AsyncIterator[TextClient | None]:
    """Open what makes prompts better, if the settings name a model that does; raises ConfigError."""
    if not settings.enhance_model:
        yield None
        return
    profile = _declared(catalogue, "ENHANCE_GATEWAY", settings.enhance_gateway)
    async with aclosing(_endpoint(profile, settings, main_key, media)) as endpoint:
        yield TextClient(endpoint, settings.enhance_model)


def _declared(catalogue: Catalogue, setting: str, name: str) -> GatewayProfile:
    profile = next((known for known in catalogue.declared if known.name == name), None)
    if profile is None:
        known = ", ".join(gateway.name for gateway in catalogue.declared)
        raise ConfigError(f"{setting} {name} is not there; there are: {known}")
    return profile
