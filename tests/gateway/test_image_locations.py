"""Places of an answer: hostile words are read as quickly as others."""

from __future__ import annotations

import json

import pytest

from bot.catalogue.profiles import Profile
from bot.domain import OutcomeKind
from bot.gateway.client import GatewayClient
from bot.gateway.errors import plain
from bot.gateway.image_locations import (
    ExtractedImage,
    ImageLocations,
    LinkedImage,
    spoken_words,
)
from bot.gateway.links import without_links
from bot.gateway.request import ImageRequest
from tests.gateway.streams import DONE, delta
from tests.support.wire import Server, reply

SIZE = 2 << 20
TAKEN = "\ue000x\ue001"
PIECES = [
    "[", "![", "![](", "](", "![a](", "[](<", "![](<http://a", "[](http://a", "(", "![]( ",
    "[](data:", "data:", "data:base64,", "data:a;base64, ", "!", "http://", "https://a/", "-a", "a-",
    "<title", "sk-", f"[]({TAKEN}", f"data:{TAKEN}", f'"{TAKEN}', "\n", "\n ",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_two_megabytes_of_anything_are_read_in_good_time(piece: str) -> None:
    for text in (piece * (SIZE // len(piece)), piece * (SIZE // 2 // len(piece)) + "a" * SIZE):
        places = ImageLocations()
        places.message({"content": text})
        assert places.images == [ExtractedImage(None)] * text.count(TAKEN)
        assert len(places.text()) <= 20_000
        assert len(spoken_words(text[:24_000])) <= 20_000
        assert len(plain(text)) <= 1000
        assert len(without_links(text[:20_000], {"https://b"})) <= len(text)


@pytest.mark.parametrize("piece", ["![](", "[", "[](data:"])
async def test_a_hostile_answer_is_an_answer_without_a_picture(
    piece: str, server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    text = piece * 100_000 + "a" * 4000
    server.plan(reply(json.dumps({"choices": [{"message": {"content": text}}]}).encode()))
    assert (
        await gateway.generate(ImageRequest("A cat", profile))
    ).report.kind is OutcomeKind.TEXT_ONLY


async def test_hostile_words_are_heard_on_their_way(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    for text in ("![](" * 5000, "a" * 4999 + " ", "[](" * 1600 + ") "):
        server.plan(reply(b"".join(delta(text[at : at + 9]) for at in range(0, 20_000, 9)) + DONE))
        heard: list[str] = []
        await gateway.generate(ImageRequest("A cat", profile), heard.append)
        assert all(len(words) <= 20_000 for words in heard)


@pytest.mark.parametrize(
    "text",
    [
        "![a](https://a/1)",
        "![](https://a/1 'a title')",
        "![a]( <https://a/1> )",
        "![[![a](https://a/1)",
        "![](](![a](https://a/1)",
    ],
)
def test_a_markdown_image_is_found_in_all_its_spellings(text: str) -> None:
    places = ImageLocations()
    places.add_text(text)
    assert places.markdown_images == [LinkedImage("https://a/1")]


LINK = "https://a/1.png"


@pytest.mark.parametrize(
    "message",
    [
        {"image_url": LINK},
        {"image_url": {"url": LINK}},
        {"parts": [{"fileData": {"fileUri": LINK}}]},
        {"content": {"parts": [{"image_url": {"url": LINK}}]}},
        {"generated_images": [{"url": LINK}]},
        {"attachments": [{"type": "image", "url": LINK}]},
        {"content": [{"type": "file", "file_url": {"url": LINK}}]},
        {"content": "", "files": [LINK]},
    ],
)
def test_a_picture_is_found_wherever_a_message_holds_it(message: dict[str, object]) -> None:
    places = ImageLocations()
    places.message(message)
    assert list(dict.fromkeys(places.images)) == [LinkedImage(LINK)]
