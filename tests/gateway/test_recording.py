"""Recordings: what came, without pictures and keys, and of the same meaning when it comes again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.catalogue.profiles import Profile
from bot.domain import Answer, Drawn
from bot.gateway.client import GatewayClient
from bot.gateway.receive import RECORDED, Recording, ResponseReader, redacted_body
from bot.gateway.request import ImageRequest
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import taken
from tests.gateway.test_answers import FILES, Recorded, filled, with_links
from tests.support.wire import Server, reply

# What is spoiled is recorded as a whole picture.
WHOLE = [path for path in FILES if not re.search(":(half|head)}}|{{scrap}}", path.read_text())]


async def recorded(
    gateway: GatewayClient, profile: Profile, server: Server, body: bytes, **how: int
) -> Recording:
    found: list[Recording] = []
    server.plan(reply(body, how.get("status", 200), content_type="text/plain"))
    await gateway.generate(ImageRequest("A cat", profile), record=found.append)
    (recording,) = found
    return recording


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
async def test_a_recording_means_what_the_answer_meant(
    path: Path, server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    answer = Recorded.read(path, with_links(server).origin)
    status = int(answer.expected.get("status", "200"))
    recording = await recorded(gateway, profile, server, answer.body, status=status)
    assert (recording.status, recording.content_type) == (status, "text/plain")
    assert KEY.encode() not in recording.body
    assert b"AAAAAAAA" not in recording.body
    first = await gateway.generate(ImageRequest("A cat", profile))
    server.plan(reply(filled(recording.body.decode().replace("{{key}}", KEY)), status))
    again = await gateway.generate(ImageRequest("A cat", profile))
    assert meaning(again) == meaning(first)
    assert bool(recording.shape) or not isinstance(again.outcome, Drawn)


async def test_a_drawing_in_words_is_recorded_by_its_name(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    body = filled('{"data":[{"b64_json":"{{svg}}"}]}')
    recording = await recorded(gateway, profile, server, body)
    assert recording.body == b'{"data":[{"b64_json":"{{svg}}"}]}'


def meaning(answer: Answer) -> object:
    """Leave the bytes of the pictures out: of several the names may be exchanged."""
    outcome = answer.outcome
    if isinstance(outcome, Drawn):
        return outcome.text, [drawn.mime for drawn in outcome.pictures]
    return outcome


SHAPES = {
    "shape-1-markdown-data-url": "message.content: Markdown data URL",
    "shape-1-bare-data-url": "message.content: data URL",
    "shape-1-raw-base64": "message.content: base64",
    "shape-2-markdown-link": "message.content: Markdown link",
    "shape-3-images": "message.images",
    "shape-4-parts": "message.content[]",
    "shape-5-multi-mod-content": "message.multi_mod_content",
    "shape-6-images-route": "data[].b64_json",
    "shape-6-link": "data[].url",
    "shape-7-legacy-single": "message.image",
    "shape-8-native-leak": "candidates[].content.parts[]",
    "stream-3-delta-images": "delta.images",
    "stream-1-base64-over-deltas": "delta.content: Markdown data URL",
    "stream-6-images-with-partials": "data[].b64_json",
    "text-only": "",
}


@pytest.mark.parametrize("name", SHAPES)
async def test_the_place_of_the_pictures_is_named(
    name: str, server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    (path,) = [path for path in FILES if path.stem == name]
    answer = Recorded.read(path, with_links(server).origin)
    recording = await recorded(gateway, profile, server, answer.body)
    assert recording.shape == SHAPES[name]
    assert recording.stream is name.startswith("stream")


def test_names_stand_for_pictures_and_keys() -> None:
    pictures = [picture("PNG"), picture("JPEG"), picture("PNG", seed=2), picture("PNG")]
    audio = b"RIFFxxxxWAVE" * 20
    urls = [f"data:image/png;base64,{base64(data)}" for data in [*pictures, audio]]
    reader = taken(
        [json.dumps([*urls, "a-key"]).encode()],
        ResponseReader(limit=1 << 20, images=16, record=1),
    ).reader
    names = ["{{png}}", "{{jpeg}}", "{{png2}}", "{{png}}", "{{audio}}"]
    expected = [*(f"data:image/png;base64,{name}" for name in names), "{{key}}"]
    assert json.loads(redacted_body(reader, "a-key")) == expected


def test_a_recording_is_cut_between_characters() -> None:
    body = redacted_body(taken([("a" + "\u00e9" * RECORDED).encode()]).reader, "")
    assert len(body) == RECORDED - 1
    body.decode()
