"""Gateways: a client for each one that the catalogue uses."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.config import ConfigError
from bot.gateway.client import GatewayClient
from bot.gateway.text import PromptEnhancer, TextClient, Transcriber

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
    keys = {profile.name: gateway_key(profile, settings, main_key) for profile in profiles}
    gateways = {
        profile.name: GatewayClient(
            name=profile.name,
            url=profile.url or settings.gateway_url,
            key=keys[profile.name],
            media=media,
            timeout=profile.timeout or settings.generation_timeout,
            connect_timeout=profile.connect_timeout,
            proxy=profile.proxy,
            connections=settings.max_concurrency,
            allow_insecure_pictures=settings.allow_insecure_picture_urls,
        )
        for profile in profiles
    }
    try:
        yield gateways
    finally:
        for gateway in gateways.values():
            await gateway.aclose()


def open_text_client(
    name: str,
    setting: str,
    catalogue: Catalogue,
    settings: Settings,
    main_key: SecretStr | None,
    media: MediaStore,
) -> TextClient:
    """Open a client for small calls to a gateway that the catalogue declares; the caller closes it.

    Raises ConfigError where it is not there, or its key is missing.
    """
    profile = next((known for known in catalogue.declared if known.name == name), None)
    if profile is None:
        known = ", ".join(gateway.name for gateway in catalogue.declared)
        raise ConfigError(f"{setting} {name} is not there; there are: {known}")
    return TextClient(
        profile.url or settings.gateway_url,
        gateway_key(profile, settings, main_key),
        media,
        timeout=profile.timeout or settings.generation_timeout,
        connect=profile.connect_timeout,
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
) -> AsyncIterator[Transcriber | None]:
    """Open what writes voices down, if the settings name a model that does; raises ConfigError."""
    if not settings.transcription_model:
        yield None
        return
    name = settings.transcription_gateway
    client = open_text_client(name, "TRANSCRIPTION_GATEWAY", catalogue, settings, main_key, media)
    minute = Decimal(str(settings.transcription_usd_per_minute))
    try:
        yield Transcriber(client, media, settings.transcription_model, minute)
    finally:
        await client.aclose()


@asynccontextmanager
async def open_enhancer(
    catalogue: Catalogue, settings: Settings, main_key: SecretStr | None, media: MediaStore
) -> AsyncIterator[PromptEnhancer | None]:
    """Open what makes prompts better, if the settings name a model that does; raises ConfigError."""
    if not settings.enhance_model:
        yield None
        return
    name = settings.enhance_gateway
    client = open_text_client(name, "ENHANCE_GATEWAY", catalogue, settings, main_key, media)
    try:
        yield PromptEnhancer(client, settings.enhance_model)
    finally:
        await client.aclose()
