"""Recorded answers, one file each: what comes over the wire and what it must mean.

A file has `name: value` lines, an empty line, then the body. In both, `{{png}}`, `{{png2}}`,
`{{jpeg}}` and `{{webp}}` stand for a picture's base64, also `:unpadded`, `:urlsafe`, `:wrapped`,
`:slashes`, `:twice`, `:percent`, `:half` and `:head`; `{{audio}}` and `{{scrap}}` for what is no picture; `{{origin}}` for
the server of linked pictures, `{{key}}` for our key. `{{png:9-102}}` are characters 9 to 101 of it.
A body of events is a stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.catalogue.profiles import Profile
from bot.domain import Answer, Cost, CostSource, Drawn, Undrawn
from bot.gateway.client import GatewayClient
from bot.gateway.request import ImageRequest
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.support.media import file_of
from tests.support.wire import Server, chunked, reply

FILES = sorted((Path(__file__).parent / "answers").glob("*.txt"))
PICTURES = {
    "png": picture("PNG"),
    "png2": picture("PNG", seed=2),
    "jpeg": picture("JPEG"),
    "webp": picture("WEBP"),
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><circle r="9"/></svg>'
OTHERS = {
    "audio": b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(range(200)),
    "scrap": b"<svg>" * 40,
    "svg": SVG,
}
WAYS: dict[str, Callable[[str], str]] = {
    "unpadded": lambda text: text.rstrip("="),
    "urlsafe": lambda text: text.replace("+", "-").replace("/", "_"),
    "wrapped": lambda text: "\\n".join(re.findall(".{1,76}", text)),
    "slashes": lambda text: text.replace("/", "\\/"),
    "twice": lambda text: text.replace("/", "\\\\/").replace("=", "\\\\u003d"),
    "percent": lambda text: quote(text, safe=""),
    "half": lambda text: text[: len(text) // 2],
    "head": lambda text: text[:32] + "A" * 64,
}


@dataclass(frozen=True)
class Recorded:
    expected: dict[str, str]
    body: bytes

    @classmethod
    def read(cls, path: Path, origin: str) -> Recorded:
        text = path.read_bytes().decode().replace("{{origin}}", origin)
        head, _, body = text.replace("{{key}}", KEY).partition("\n\n")
        expected = dict(line.split(":", 1) for line in head.splitlines())
        return cls({name: value.strip() for name, value in expected.items()}, filled(body))


def filled(body: str) -> bytes:
    return re.sub(r"\{\{(\w+)(?::([\w-]+))?\}\}", _inserted, body).encode()


def _inserted(match: re.Match[str]) -> str:
    name, way = match.groups()
    text = base64({**PICTURES, **OTHERS}[name])
    if piece := re.fullmatch(r"(-?\d+)-(-?\d*)", way or ""):
        start, end = piece.groups()
        return text[int(start) : int(end) if end else None]
    return WAYS[way](text) if way else text


async def ask(gateway: GatewayClient, profile: Profile) -> Answer:
    return await gateway.generate(ImageRequest("A cat", profile))


def with_links(server: Server) -> Server:
    for name, data in PICTURES.items():
        server.plan(reply(data), f"/picture/{name}")
        server.plan(reply(data), f"/picture/{name}?dl=1")
    server.plan(reply(b"", 302, location="/picture/png"), "/redirect/1")
    server.plan(reply(b"<title>A page</title>" * 9, content_type="image/png"), "/page")
    server.plan(reply(b"", 404), "/missing")
    return server


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_recorded_answer_means_what_its_file_says(
    path: Path, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    recorded = Recorded.read(path, with_links(server).origin)
    status = int(recorded.expected.get("status", "200"))
    server.plan(reply(recorded.body, status))
    answer = await ask(gateway, profile)
    check(answer, recorded.expected, media)
    assert answer.report.http_status == status
    if status == 200:
        for piece in (97, 7):
            server.plan(chunked(recorded.body, piece))
            assert (await ask(gateway, profile)).outcome == answer.outcome
    assert not list(file_of(media, "0" * 64).parents[2].glob("partial/*"))


def check(answer: Answer, expected: dict[str, str], media: MediaStore) -> None:
    report, outcome = answer.report, answer.outcome
    assert report.kind.value == expected["kind"], outcome
    if isinstance(outcome, Drawn):
        names = expected["pictures"].split()
        kept = [file_of(media, drawn.sha256).read_bytes() for drawn in outcome.pictures]
        assert kept == [PICTURES[name] for name in names]
        assert [drawn.position for drawn in outcome.pictures] == list(range(len(names)))
        assert [drawn.mime for drawn in outcome.pictures] == [
            f"image/{name.rstrip('2')}" for name in names
        ]
        assert {(drawn.width, drawn.height) for drawn in outcome.pictures} == {(20, 20)}
        assert [drawn.size for drawn in outcome.pictures] == [len(data) for data in kept]
        assert outcome.text == expected.get("text", "").replace("\\n", "\n")
    else:
        assert isinstance(outcome, Undrawn)
        assert outcome.detail == expected["detail"] == report.detail
    check_report(answer, expected)


def check_report(answer: Answer, expected: dict[str, str]) -> None:
    report, usage = answer.report, answer.report.usage
    told = {
        "finish": report.finish_reason,
        "native": report.native_reason,
        "model": report.model_returned,
        "id": report.upstream_id,
    }
    for name in told.keys() & expected.keys():
        assert told[name] == expected[name]
    if "repeatable" in expected:
        assert report.repeatable is (expected["repeatable"] == "yes")
    if "tokens" in expected:
        counts = (usage.tokens_in, usage.tokens_out, usage.tokens_image, usage.tokens_reasoning)
        assert (
            " ".join("-" if count is None else str(count) for count in counts)
            == (expected["tokens"])
        )
    if "cost" in expected:
        micros, source = expected["cost"].split()
        amount = None if micros == "-" else int(micros)
        assert usage.cost == Cost(amount, "USD", CostSource(source))


def test_the_recorded_answers_are_there() -> None:
    assert len(FILES) > 120
    assert len({json.dumps(Recorded.read(path, "").expected) for path in FILES}) == len(FILES)
