"""Pictures of an answer: which are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.catalogue import Keep
from bot.domain import Drawn
from bot.upstream.client import Gateway, Order
from tests.upstream.pictures import base64, picture
from tests.upstream.streams import DONE, event
from tests.upstream.wire import Server, reply

if TYPE_CHECKING:
    from bot.catalogue import Profile
    from bot.media.store import MediaStore

DRAFT, FINAL = picture("PNG"), picture("JPEG")


async def drawn(gateway: Gateway, profile: Profile, media: MediaStore) -> list[bytes]:
    outcome = (await gateway.draw(Order("A cat", profile))).outcome
    assert isinstance(outcome, Drawn)
    assert [one.position for one in outcome.pictures] == list(range(len(outcome.pictures)))
    return [media.path(one.sha256).read_bytes() for one in outcome.pictures]


@pytest.mark.parametrize(("keep", "expected"), [(Keep.ALL, [DRAFT, FINAL]), (Keep.LAST, [FINAL])])
async def test_drafts_are_kept_or_not_as_the_profile_says(
    keep: Keep,
    expected: list[bytes],
    server: Server,
    gateway: Gateway,
    profile: Profile,
    media: MediaStore,
) -> None:
    images = [base64(DRAFT), base64(FINAL)]
    server.plan(reply(event({"choices": [{"delta": {"images": images}}]}) + DONE))
    assert await drawn(gateway, replace(profile, keep=keep), media) == expected
    files = [path for path in media.path("0" * 64).parents[2].rglob("*") if path.is_file()]
    assert len(files) == len(expected)


async def test_the_last_picture_is_the_last_that_is_one(
    server: Server, gateway: Gateway, profile: Profile, media: MediaStore
) -> None:
    images = [base64(DRAFT), "data:image/png;base64," + base64(b"no picture" * 20)]
    server.plan(reply(event({"choices": [{"delta": {"images": images}}]}) + DONE))
    assert await drawn(gateway, replace(profile, keep=Keep.LAST), media) == [DRAFT]
