"""A body as it is sent: its length, its pieces, and pictures that are not what was said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.request import Body, RawFile
from bot.gateway.transport import read_body
from tests.gateway.requests import picture, written


@given(
    pictures=st.lists(st.tuples(st.binary(max_size=3000), st.booleans()), max_size=4),
    piece=st.integers(1, 4000),
)
async def test_pictures_go_as_they_are_or_as_base64_with_the_promised_length(
    pictures: list[tuple[bytes, bool]], piece: int
) -> None:
    inputs = [picture(data) for data, _ in pictures]
    parts = [RawFile(one) if raw else one for one, (_, raw) in zip(inputs, pictures, strict=True)]
    body = Body((b"<", *parts, b">"))
    files = {one.sha256: data for one, (data, _) in zip(inputs, pictures, strict=True)}
    expected = b"".join(data if raw else pybase64.b64encode(data) for data, raw in pictures)
    assert b"<" + expected + b">" == await written(body, files, piece)
    assert body.length == len(expected) + 2


@pytest.mark.parametrize("raw", [False, True])
async def test_a_large_picture_comes_in_pieces(*, raw: bool) -> None:
    data = bytes(1_000_000)
    asked = []

    async def read(_: str, piece: int) -> AsyncIterator[bytes]:
        asked.append(piece)
        for at in range(0, len(data), piece):
            yield data[at : at + piece]

    part = RawFile(picture(data)) if raw else picture(data)
    largest = max([len(piece) async for piece in read_body(Body((part,)), read)])
    assert largest <= asked[0] * 4 // 3 + 4
    assert asked[0] <= 512 * 1024


@pytest.mark.parametrize("raw", [False, True])
async def test_a_picture_that_changed_its_size_breaks_the_promise(*, raw: bool) -> None:
    kept = picture(b"1234")
    body = Body((RawFile(kept) if raw else kept,))
    with pytest.raises(ValueError, match="3 bytes instead of 4"):
        await written(body, {kept.sha256: b"123"})


def test_a_body_says_nothing_of_its_pictures_bytes() -> None:
    assert json.dumps(repr(Body((picture(b"secret"),)))).count("secret") == 0
