"""What tests of the gateway share: a media store, a server, a gateway that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.catalogue.profiles import Modalities, Price, Profile, RatioDialect, Route
from bot.gateway.client import GatewayClient
from bot.gateway.receive import ResponseLimits
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.support.wire import Server

KEY = "sk-made-up-for-these-tests"


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path / "media")


@pytest.fixture
async def gateway(server: Server, media: MediaStore) -> AsyncIterator[GatewayClient]:
    gateway = GatewayClient(
        Endpoint(f"{server.origin}/v1/", SecretStr(KEY), media, timeout=20),
        limits=ResponseLimits(pauses=(0.01, 0.02)),
        allow_insecure_pictures=True,
    )
    yield gateway
    await gateway.aclose()


@pytest.fixture
def profile() -> Profile:
    return Profile(
        id="painter-1",
        label="Painter",
        modalities=Modalities.TEXT_IMAGE,
        ratio_dialect=RatioDialect.EXTRA_BODY,
        aspect_ratios=("16:9",),
        edit_route=Route.CHAT,
        max_inputs=3,
        image_sentence="Output an image.",
        price=Price("USD", 39_000, 300_000, None, 30_000_000),
    )
