"""The body of a request: its JSON, its pictures, its length."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue import Modalities, Profile, RatioDialect, Route
from bot.upstream.encode import Input, Order, encode, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROFILE = Profile(
    id="painter-1",
    label="Painter",
    modalities=Modalities.NONE,
    ratio_dialect=RatioDialect.NONE,
    aspect_ratios=(),
    edit_route=Route.CHAT,
    max_inputs=3,
)


async def sent(order: Order, files: dict[str, bytes], piece: int = 1000) -> bytes:
    async def read(sha256: str, _: int) -> AsyncIterator[bytes]:
        data = files[sha256]
        for at in range(0, len(data), piece):
            yield data[at : at + piece]

    return b"".join([part async for part in stream(encode(order), read)])


def options(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of any type
    ratio = changes.pop("aspect_ratio", None)
    profile = dataclasses.replace(PROFILE, **changes)
    parts = encode(Order("A cat", profile, aspect_ratio=ratio)).parts
    text = b"".join(part for part in parts if isinstance(part, bytes))
    document: dict[str, Any] = json.loads(text)
    return document


def test_text_alone_goes_as_a_string() -> None:
    assert options() == {
        "model": "painter-1",
        "stream": False,
        "messages": [{"role": "user", "content": "A cat"}],
    }


@pytest.mark.parametrize(
    ("modalities", "expected"),
    [
        (Modalities.TEXT_IMAGE, ["text", "image"]),
        (Modalities.IMAGE_TEXT, ["image", "text"]),
        (Modalities.IMAGE, ["image"]),
    ],
)
def test_modalities_are_the_profiles(modalities: Modalities, expected: list[str]) -> None:
    assert options(modalities=modalities)["modalities"] == expected


def test_the_profiles_sentence_stands_behind_the_prompt() -> None:
    content = options(image_sentence="Output an image.")["messages"][0]["content"]
    assert content == "A cat Output an image."


def test_image_config_is_told_the_ratio_openrouters_way() -> None:
    document = options(ratio_dialect=RatioDialect.IMAGE_CONFIG, aspect_ratio="16:9")
    assert document["image_config"] == {"aspect_ratio": "16:9"}


def test_new_api_is_told_the_ratio_in_a_literal_extra_body() -> None:
    document = options(ratio_dialect=RatioDialect.EXTRA_BODY, aspect_ratio="16:9")
    assert document["extra_body"] == {"google": {"image_config": {"aspect_ratio": "16:9"}}}


def test_aihubmix_is_told_the_ratio_in_a_system_message() -> None:
    document = options(ratio_dialect=RatioDialect.SYSTEM_MESSAGE, aspect_ratio="16:9")
    assert document["messages"][0] == {"role": "system", "content": "aspect_ratio=16:9"}
    assert document["messages"][1]["role"] == "user"


def test_who_cannot_be_told_a_ratio_is_not_told() -> None:
    assert options(aspect_ratio="16:9") == options()


@given(
    prompt=st.text(),
    pictures=st.lists(st.binary(max_size=3000), max_size=3),
    piece=st.integers(1, 4000),
)
async def test_the_body_is_json_with_the_same_bytes_and_the_promised_length(
    prompt: str, pictures: list[bytes], piece: int
) -> None:
    files = {hashlib.sha256(data).hexdigest(): data for data in pictures}
    inputs = tuple(
        Input(hashlib.sha256(data).hexdigest(), "image/png", len(data)) for data in pictures
    )
    order = Order(prompt, PROFILE, inputs)
    body = await sent(order, files, piece)
    assert encode(order).length == len(body)
    content = json.loads(body)["messages"][0]["content"]
    if not pictures:
        assert content == prompt
        return
    assert content[0] == {"type": "text", "text": prompt}
    urls = [part["image_url"]["url"] for part in content[1:]]
    head = "data:image/png;base64,"
    assert all(url.startswith(head) for url in urls)
    assert [pybase64.b64decode(url[len(head) :], validate=True) for url in urls] == pictures


async def test_a_picture_that_changed_its_size_breaks_the_promise() -> None:
    with pytest.raises(ValueError, match="3 bytes instead of 4"):
        await sent(Order("A cat", PROFILE, (Input("a", "image/png", 4),)), {"a": b"123"})
