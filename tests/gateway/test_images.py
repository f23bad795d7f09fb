"""Pictures of an answer: which are kept."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from hashlib import sha256

import pytest
from pydantic import SecretStr

from bot.catalogue.profiles import Keep, Profile
from bot.domain import Drawn
from bot.gateway.client import GatewayClient
from bot.gateway.receive import ResponseLimits
from bot.gateway.request import ImageRequest
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import DONE, event
from tests.support.media import file_of
from tests.support.wire import Received, Server, chunked, reply

DRAFT, FINAL = picture("PNG"), picture("JPEG")


async def drawn(gateway: GatewayClient, profile: Profile, media: MediaStore) -> list[bytes]:
    outcome = (await gateway.generate(ImageRequest("A cat", profile))).outcome
    assert isinstance(outcome, Drawn)
    assert [one.position for one in outcome.pictures] == list(range(len(outcome.pictures)))
    return [file_of(media, one.sha256).read_bytes() for one in outcome.pictures]


@pytest.mark.parametrize(("keep", "expected"), [(Keep.ALL, [DRAFT, FINAL]), (Keep.LAST, [FINAL])])
async def test_drafts_are_kept_or_not_as_the_profile_says(
    keep: Keep,
    expected: list[bytes],
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    media: MediaStore,
) -> None:
    images = [base64(DRAFT), base64(FINAL)]
    server.plan(reply(event({"choices": [{"delta": {"images": images}}]}) + DONE))
    assert await drawn(gateway, replace(profile, keep=keep), media) == expected
    files = [path for path in file_of(media, "0" * 64).parents[2].rglob("*") if path.is_file()]
    assert len(files) == len(expected)


async def test_the_last_picture_is_the_last_that_is_one(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    images = [base64(DRAFT), "data:image/png;base64," + base64(b"no picture" * 20)]
    server.plan(reply(event({"choices": [{"delta": {"images": images}}]}) + DONE))
    assert await drawn(gateway, replace(profile, keep=Keep.LAST), media) == [DRAFT]


def answer(*images: str) -> bytes:
    return json.dumps({"choices": [{"message": {"images": list(images)}}]}).encode()


async def hang(_: Received, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_links_are_fetched_together_and_kept_in_their_order(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    pictures = [picture(seed=seed) for seed in range(4)]
    asked = asyncio.Barrier(len(pictures))
    for at, data in enumerate(pictures):

        async def play(request: Received, writer: asyncio.StreamWriter, data: bytes = data) -> None:
            await asked.wait()
            await reply(data)(request, writer)

        server.plan(play, f"/{at}")
    server.plan(reply(answer(*(f"{server.origin}/{at}" for at in range(len(pictures))))))
    assert await drawn(gateway, profile, media) == pictures


@pytest.mark.parametrize("keep", Keep)
@pytest.mark.parametrize(
    ("timeout", "limits"),
    [
        (20.0, ResponseLimits(grace=0.2)),
        (20.0, ResponseLimits(silence=0.2, pauses=())),
        (1.3, ResponseLimits()),
    ],
)
async def test_links_that_nobody_answers_cost_no_picture_that_came(
    timeout: float,
    limits: ResponseLimits,
    keep: Keep,
    server: Server,
    profile: Profile,
    media: MediaStore,
) -> None:
    links = [f"{server.origin}/{at}" for at in range(9)]
    for at in range(9):
        server.plan(hang, f"/{at}")
    server.plan(reply(answer(links[0], base64(DRAFT), *links[1:])))
    hasty = GatewayClient(
        Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=timeout),
        limits=limits,
        allow_insecure_pictures=True,
    )
    assert await drawn(hasty, replace(profile, keep=keep), media) == [DRAFT]
    await hasty.aclose()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_a_cut_picture_is_not_kept_beside_a_whole_one(
    kind: str, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    whole, cut = picture(), picture(kind, side=60)[:-300]
    server.plan(reply(answer(base64(cut), base64(whole))))
    assert await drawn(gateway, profile, media) == [whole]
    assert not file_of(media, sha256(cut).hexdigest()).exists()


LARGE = picture("PNG", side=300)


def with_text(pictures: tuple[bytes, ...], text: str) -> bytes:
    said = {"images": [base64(one) for one in pictures], "content": text}
    return json.dumps({"choices": [{"message": said}]}).encode()


@pytest.mark.parametrize(
    ("limits", "body", "missing"),
    [
        (ResponseLimits(image=5_000), answer(base64(LARGE), base64(DRAFT)), 1),
        (ResponseLimits(image=5_000), answer(base64(DRAFT), base64(LARGE), base64(LARGE)), 2),
        (ResponseLimits(pixels=1_000), answer(base64(LARGE), base64(DRAFT)), 1),
        (ResponseLimits(remainder=1_000), with_text((DRAFT,), "word " * 99_000), 0),
        (ResponseLimits(body=100_000), with_text((DRAFT,), "word " * 99_000), 0),
        (ResponseLimits(body=100_000), answer(base64(DRAFT), base64(LARGE)), 1),
        (ResponseLimits(body=100_000), event({"data": [{"b64_json": base64(DRAFT)}]}) * 999, 0),
        (
            ResponseLimits(remainder=1_000),
            event({"data": [{"b64_json": base64(DRAFT)}]})
            + event({"choices": [{"delta": {"content": "word " * 9}}]}) * 2_000,
            0,
        ),
    ],
)
@pytest.mark.parametrize("piece", [1_000, 1 << 20])
async def test_what_is_whole_is_kept_beside_what_is_past_a_limit(
    limits: ResponseLimits,
    body: bytes,
    missing: int,
    piece: int,
    server: Server,
    profile: Profile,
    media: MediaStore,
) -> None:
    server.plan(chunked(body, piece))
    gateway = GatewayClient(
        Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=20), limits=limits
    )
    outcome = (await gateway.generate(ImageRequest("A cat", profile))).outcome
    await gateway.aclose()
    assert isinstance(outcome, Drawn)
    assert [file_of(media, one.sha256).read_bytes() for one in outcome.pictures] == [DRAFT]
    assert outcome.missing == missing
    assert not file_of(media, sha256(LARGE).hexdigest()).exists()
