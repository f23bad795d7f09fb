"""Gateways: a client for each one that the catalogue uses."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.gateway.client import GatewayClient
from bot.gateway.text import TextClient
from bot.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from pydantic import SecretStr

    from bot.catalogue import Catalogue, GatewayProfile
    from bot.media.store import MediaStore
    from bot.settings import Settings


@asynccontextmanager
async def open_gateways(
    profiles: Collection[GatewayProfile],
    settings: Settings,
    main_key: SecretStr | None,
    media: MediaStore,
) -> AsyncIterator[Mapping[str, GatewayClient]]:
    """Open a client for each of these gateways, by name; `main_key` is the main one's.

    Nothing is asked yet. Raises SettingsError where a key is missing.
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

    Raises SettingsError where it is not there, or its key is missing.
    """
    profile = next((known for known in catalogue.declared if known.name == name), None)
    if profile is None:
        known = ", ".join(gateway.name for gateway in catalogue.declared)
        raise SettingsError(f"{setting} {name} is not there; there are: {known}")
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
    """Find a gateway's key; raises SettingsError, naming the variable, where it is missing."""
    key = settings.key(profile.key) if profile.key else main_key
    if key is None:
        variable = profile.key or "GATEWAY_API_KEY"
        raise SettingsError(f"{variable} is missing: it is the key of the gateway {profile.name}")
    return key
