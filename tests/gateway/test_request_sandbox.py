"""Every shipped model's requests, as another program reads them: the sandbox's gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.catalogue.load import load_catalogue
from bot.catalogue.profiles import Profile, RatioDialect, Route
from bot.gateway.request import ImageRequest, build_body, size_parameters
from sandbox.gateway import Call, Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.gateway.requests import picture, written
from tests.sandbox.client import KEY, png

COLOURS = ("red", "green", "blue", "white", "gray", "cyan", "navy", "pink")
PICTURES = tuple(png(side, side, colour) for side in (64, 80) for colour in COLOURS)
# Transparent where it is to be drawn, and of the first picture's size.
MASK = png(64, 64, "#00000000", "RGBA")
FILES = {picture(data).sha256: data for data in (*PICTURES, MASK)}


@pytest.fixture
async def gateway() -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    gateway = Gateway(KEY)
    async with (
        serve(Telegram("123456:sandbox-token"), gateway) as world,
        httpx.AsyncClient(
            base_url=world.gateway_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=20
        ) as http,
    ):
        yield gateway, http


def requests_of(profile: Profile) -> list[ImageRequest]:
    counts = sorted({count for count in (0, 1, profile.max_inputs) if profile.takes(count)})
    ratio = profile.aspect_ratios[-1] if profile.aspect_ratios else None
    size = profile.sizes[0] if profile.sizes else None
    return [
        ImageRequest(
            "A cat",
            profile,
            tuple(map(picture, PICTURES[:count])),
            ratio,
            size,
            picture(MASK) if count and profile.mask else None,
        )
        for count in counts
    ]


async def called(gateway: tuple[Gateway, httpx.AsyncClient], request: ImageRequest) -> Call:
    server, http = gateway
    body = build_body(request)
    data = await written(body, FILES, 100_000)
    answer = await http.post(body.route, content=data, headers={"Content-Type": body.content_type})
    assert answer.status_code == 200, answer.text
    return server.calls[-1]


@pytest.mark.parametrize("profile", list(load_catalogue()), ids=lambda known: known.id)
async def test_the_gateway_understands_what_is_asked(
    gateway: tuple[Gateway, httpx.AsyncClient], profile: Profile
) -> None:
    for request in requests_of(profile):
        body, call = build_body(request), await called(gateway, request)
        prompt = "" if body.route == Route.VARIATIONS else request.text
        assert (body.route, profile.name, prompt) == (call.route, call.model, call.prompt)
        assert [seen.sha256 for seen in request.inputs] == [seen.sha256 for seen in call.inputs]
        assert call.ignored == 0
        assert (request.mask and request.mask.sha256) == (call.mask and call.mask.sha256)
        if profile.ratio_dialect is RatioDialect.PIXELS:
            assert call.size == size_parameters(request)["size"]
        elif profile.ratio_dialect is not RatioDialect.NONE:
            assert call.aspect_ratio == request.aspect_ratio
