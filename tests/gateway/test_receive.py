"""Answers on their way in: a cut stream is no success, and what is too large is refused early."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from pydantic import SecretStr

from bot.catalogue.profiles import Profile
from bot.domain import Drawn, OutcomeKind
from bot.gateway.client import GatewayClient
from bot.gateway.receive import ResponseLimits
from bot.gateway.request import ImageRequest
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import DONE, delta
from tests.support.media import file_of
from tests.support.wire import Received, Server, chunked, until_closed

PNG = picture()
HEAD = f"![i](data:image/png;base64,{base64(PNG[:48])}"
EVENTS = [delta("A cat "), delta(f"![i](data:image/png;base64,{base64(PNG)})"), delta("", "stop")]
STREAM = b"".join(EVENTS)


def files(media: MediaStore) -> int:
    return sum(path.is_file() for path in file_of(media, "0" * 64).parents[2].rglob("*"))


CUTS = [sum(map(len, EVENTS[:at])) + more for at in range(2) for more in (6, 9, 60)] + [900]


@pytest.mark.parametrize("at", CUTS)
async def test_a_stream_that_is_cut_before_its_end_is_broken_however_it_is_carried(
    at: int, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    for play in (
        until_closed(STREAM[:at]),
        chunked(STREAM[:at], 50),
        chunked(STREAM[:at], 50, cut=True),
    ):
        server.plan(play)
        answer = await gateway.generate(ImageRequest("A cat", profile))
        assert answer.report.kind is OutcomeKind.CUT_OFF
    assert files(media) == 0


async def test_behind_its_end_nothing_of_the_connection_matters(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    for play in (
        until_closed(STREAM),
        chunked(STREAM, 50),
        chunked(STREAM, 50, cut=True),
        chunked(STREAM + DONE, 50, cut=True),
    ):
        server.plan(play)
        answer = await gateway.generate(ImageRequest("A cat", profile))
        assert answer.report.kind is OutcomeKind.DRAWN


async def test_nothing_is_waited_for_behind_done(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    async def linger(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + STREAM + DONE)
        await server.gone.wait()

    server.plan(linger)
    assert isinstance((await gateway.generate(ImageRequest("A cat", profile))).outcome, Drawn)


async def test_the_words_are_told_while_they_come_and_a_mistake_in_telling_is_harmless(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    first, told = asyncio.Event(), []

    async def slowly(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + EVENTS[0])
        await first.wait()
        writer.write(delta(KEY) + b"".join(EVENTS[1:]))
        writer.close()

    def progress(text: str) -> None:
        told.append(text)
        first.set()
        raise RuntimeError("nobody there")

    server.plan(slowly)
    answer = await gateway.generate(ImageRequest("A cat", profile), progress)
    assert isinstance(answer.outcome, Drawn)
    assert told[0] == "A cat"
    assert KEY not in "".join(told) + answer.outcome.text


@pytest.mark.parametrize(
    ("opening", "block", "kind", "detail"),
    [
        (delta(HEAD), delta("QUJD" * 16_384), "too_large", "a picture of more than 8388608 bytes"),
        (
            b'{"a":"data:;base64,' + HEAD.encode()[-64:],
            b"QUJD" * 16_384,
            "too_large",
            "a picture of more than",
        ),
        (b'{"a":"', b"a b " * 16_384, "unreadable", "more than 2097152 bytes of text"),
        (b"", delta("a b " * 16_384), "unreadable", "more than 2097152 bytes of text"),
        (b"", b": PING\n\n" * 8192, "unreadable", "more than 20971520 bytes"),
        (
            delta("[m](data:audio/wav;base64,"),
            delta("QUJD" * 16_384),
            "unreadable",
            "more than 20971520 bytes",
        ),
    ],
)
async def test_200_mb_are_refused_at_a_limit_in_flat_memory(
    opening: bytes,
    block: bytes,
    kind: str,
    detail: str,
    server: Server,
    media: MediaStore,
    profile: Profile,
) -> None:
    sent = 0

    async def pour(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + opening)
        while sent < 200 << 20:
            writer.write(block)
            sent += len(block)
            await writer.drain()

    server.plan(pour)
    limits = ResponseLimits(body=20 << 20, image=8 << 20)
    gateway = GatewayClient(
        Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=60), limits=limits
    )
    tracemalloc.start()
    try:
        answer = await gateway.generate(ImageRequest("A cat", profile))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        await gateway.aclose()
    assert answer.report.kind.value == kind
    assert answer.report.detail.startswith(detail)
    assert sent < 40 << 20
    assert peak < 12 << 20
    assert files(media) == 0
