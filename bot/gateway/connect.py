"""Gateways: a client for each one that the catalogue uses."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal

from pydantic import SecretStr

from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import GatewayProfile
from bot.config import ConfigError, Settings
from bot.gateway.client import GatewayClient
from bot.gateway.text import TextClient
from bot.gateway.transport import Endpoint
from bot.media.inputs import Inputs
from bot.media.store import MediaStore

_TEXT_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class GatewayConnector:
    """Makes clients, which `stack` closes.

    Nothing is asked yet. All raise ConfigError where a key or a gateway is missing.
    """

    catalogue: Catalogue
    settings: Settings
    media: MediaStore
    stack: AsyncExitStack
    inputs: Inputs | None = None

    def gateway(self, profile: GatewayProfile) -> GatewayClient:
        client = GatewayClient(
            self._endpoint(profile, self.settings.max_concurrency),
            name=profile.name,
            allow_insecure_pictures=self.settings.allow_insecure_picture_urls,
            inputs=self.inputs,
        )
        self.stack.push_async_callback(client.aclose)
        return client

    def transcriber(self) -> TextClient | None:
        """Make what writes voices down; None if the settings name no model that does."""
        settings = self.settings
        if not settings.transcription_model:
            return None
        endpoint = self._text_endpoint("TRANSCRIPTION_GATEWAY", settings.transcription_gateway)
        minute = Decimal(str(settings.transcription_usd_per_minute))
        return TextClient(endpoint, settings.transcription_model, minute)

    def enhancer(self) -> TextClient | None:
        """Make what makes prompts better; None if the settings name no model that does."""
        if not self.settings.enhance_model:
            return None
        endpoint = self._text_endpoint("ENHANCE_GATEWAY", self.settings.enhance_gateway)
        return TextClient(endpoint, self.settings.enhance_model)

    def _text_endpoint(self, setting: str, name: str) -> Endpoint:
        profile = _declared(self.catalogue, setting, name)
        endpoint = self._endpoint(profile, _TEXT_CONNECTIONS)
        self.stack.push_async_callback(endpoint.aclose)
        return endpoint

    def _endpoint(self, profile: GatewayProfile, connections: int) -> Endpoint:
        return Endpoint(
            profile.url or self.settings.gateway_url,
            gateway_key(profile, self.settings),
            self.media,
            timeout=profile.timeout or self.settings.generation_timeout,
            connect=profile.connect_timeout,
            connections=connections,
            proxy=profile.proxy,
        )


def check_gateways(catalogue: Catalogue, settings: Settings) -> None:
    """Make sure that all clients can be made, making none; raises ConfigError where one cannot."""
    asked = list(catalogue.gateways.values())
    if settings.transcription_model:
        asked.append(_declared(catalogue, "TRANSCRIPTION_GATEWAY", settings.transcription_gateway))
    if settings.enhance_model:
        asked.append(_declared(catalogue, "ENHANCE_GATEWAY", settings.enhance_gateway))
    for profile in asked:
        gateway_key(profile, settings)


def _declared(catalogue: Catalogue, setting: str, name: str) -> GatewayProfile:
    """Find a gateway by its name; raises ConfigError, which names the setting that has it."""
    declared = {profile.name: profile for profile in catalogue.declared}
    if name not in declared:
        known = ", ".join(declared)
        raise ConfigError(f"{setting} {name} is not there; there are: {known}")
    return declared[name]


def gateway_key(profile: GatewayProfile, settings: Settings) -> SecretStr:
    """Find a gateway's key; raises ConfigError, naming the variable, where it is missing."""
    variable = profile.key or "GATEWAY_API_KEY"
    key = settings.key(variable)
    if key is None:
        raise ConfigError(f"{variable} is missing: it is the key of the gateway {profile.name}")
    return key
