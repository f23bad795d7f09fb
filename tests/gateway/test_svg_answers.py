"""Vector answers: SVG is a picture wherever it stands, films are none and are told."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import partial
from urllib.parse import quote

import pytest

from bot.catalogue.profiles import Profile
from bot.domain import Drawn, OutcomeKind, Undrawn
from bot.gateway.client import GatewayClient
from bot.media.store import MediaStore
from bot.media.svg import sanitize as limited
from tests.gateway.test_answers import ask
from tests.support.media import file_of
from tests.support.wire import Server, chunked, reply

sanitize = partial(limited, max_pixels=100_000_000)

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">'
    "<script>alert(1)</script><circle r='4'/></svg>"
)
XML = f'<?xml version="1.0"?>\n{SVG}'
FENCED = f"Here it is:\n\n```svg\n{SVG}\n```\n\nA circle."
FILM = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + bytes(100)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def said(content: str) -> bytes:
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()


def data(item: dict[str, str]) -> bytes:
    return json.dumps({"data": [item]}).encode()


def check(outcome: object, media: MediaStore, text: str = "") -> None:
    assert isinstance(outcome, Drawn), outcome
    (picture,) = outcome.pictures
    assert (picture.mime, picture.width, picture.height) == ("image/svg+xml", 40, 20)
    kept = file_of(media, picture.sha256).read_bytes()
    assert kept == sanitize(SVG.encode()).data
    assert b"alert" not in kept
    assert outcome.text == text


@pytest.mark.parametrize(
    "body",
    [
        data({"b64_json": b64(SVG), "media_type": "image/svg+xml"}),
        data({"b64_json": b64(XML)}),
        data({"url": f"data:image/svg+xml;base64,{b64(SVG)}"}),
        data({"url": f"data:image/svg+xml;utf8,{SVG}"}),
        data({"url": f"data:image/svg+xml,{quote(SVG)}"}),
        data({"b64_json": SVG}),
        said(f"![a](data:image/svg+xml;base64,{b64(XML)})"),
    ],
)
async def test_svg_is_a_picture_and_kept_harmless(
    body: bytes, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    server.plan(reply(body))
    check((await ask(gateway, profile)).outcome, media)
    server.plan(chunked(body, 7))
    check((await ask(gateway, profile)).outcome, media)


async def test_linked_svg_is_fetched(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    server.plan(reply(XML.encode(), content_type="text/plain"), "/a.svg")
    server.plan(reply(said(f"![a]({server.origin}/a.svg)")))
    check((await ask(gateway, profile)).outcome, media)


async def test_svg_among_words_is_a_picture_where_the_model_draws_so(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    server.plan(reply(said(FENCED)))
    outcome = (await ask(gateway, replace(profile, vector=True))).outcome
    check(outcome, media, "Here it is:\n\nA circle.")
    server.plan(reply(said(FENCED)))
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Undrawn)
    assert outcome.kind is OutcomeKind.TEXT_ONLY


async def test_svg_with_entities_is_no_picture(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;&a;</svg>'
    server.plan(reply(data({"b64_json": b64(bomb)})))
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Undrawn)
    assert outcome.kind is OutcomeKind.BROKEN
    assert not [file for file in media.root.rglob("*") if file.is_file()]


async def test_a_linked_film_is_no_picture_and_its_link_is_told(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(reply(FILM, content_type="video/mp4"), "/a.mp4")
    server.plan(reply(data({"url": f"{server.origin}/a.mp4"})))
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Undrawn)
    assert outcome.kind is OutcomeKind.NOT_FETCHED
    assert outcome.detail == f"{server.origin}/a.mp4"


async def test_a_film_inline_is_no_picture(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    film = base64.b64encode(FILM).decode()
    server.plan(reply(said(f"![a](data:video/mp4;base64,{film})")))
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Undrawn)
    assert outcome.kind is OutcomeKind.UNREADABLE
