"""The gateway over the wire: what is sent, and what comes of every way to fail."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import resource
import socket
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pybase64
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.catalogue.profiles import InputDialect, Profile, Route
from bot.domain import Answer, CallReport, Drawn, OutcomeKind, Undrawn
from bot.gateway.client import GatewayClient
from bot.gateway.receive import ResponseLimits
from bot.gateway.request import ImageRequest, InputImage
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.support.media import file_of
from tests.support.waiting import within
from tests.support.wire import Play, Received, Server, chunked, listening, reply

PNG = picture()


def answer_with(*pictures: bytes, before: str = "") -> bytes:
    images = ",".join(
        f'{{"image_url":{{"url":"data:image/png;base64,{base64(data)}"}}}}' for data in pictures
    )
    return f'{before}{{"choices":[{{"message":{{"images":[{images}]}}}}]}}'.encode()


def files(media: MediaStore) -> list[Path]:
    return [path for path in file_of(media, "0" * 64).parents[2].rglob("*") if path.is_file()]


async def kept(media: MediaStore, *pictures: bytes) -> tuple[InputImage, ...]:
    stored = [await media.put(data) for data in pictures]
    return tuple(InputImage(one.sha256, "image/png", one.size) for one in stored)


def undrawn(answer: object) -> Undrawn:
    outcome = getattr(answer, "outcome", None)
    assert isinstance(outcome, Undrawn)
    return outcome


async def test_the_request_holds_the_bytes_of_the_inputs_and_the_key(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    pictures = (PNG, picture("JPEG"), picture(side=500))
    server.plan(reply(answer_with(PNG)))
    image_request = ImageRequest("A cat\n\U0001f63a", profile, await kept(media, *pictures), "16:9")
    assert isinstance((await gateway.generate(image_request)).outcome, Drawn)
    (request,) = server.requests
    assert request.line == "POST /v1/chat/completions HTTP/1.1"
    assert request.headers["authorization"] == f"bearer {KEY}".lower()
    assert int(request.headers["content-length"]) == len(request.body)
    assert "transfer-encoding" not in request.headers
    document = json.loads(request.body)
    content = document.pop("messages")[0]["content"]
    assert document == {
        "model": "painter-1",
        "stream": False,
        "modalities": ["text", "image"],
        "extra_body": {"google": {"image_config": {"aspect_ratio": "16:9"}}},
    }
    assert content[0]["text"] == "A cat\n\U0001f63a Output an image."
    urls = [part["image_url"]["url"].partition("base64,")[2] for part in content[1:]]
    assert [pybase64.b64decode(url, validate=True) for url in urls] == list(pictures)


@pytest.mark.parametrize(
    ("route", "edit_route", "inputs", "photos", "path", "kind"),
    [
        (Route.GENERATIONS, None, InputDialect.PARTS, 0, "images/generations", "application/json"),
        (Route.IMAGES, Route.IMAGES, InputDialect.REFERENCES, 1, "images", "application/json"),
        (
            *(Route.GENERATIONS, Route.EDITS, InputDialect.MULTIPART, 2, "images/edits"),
            "multipart/form-data; boundary=",
        ),
        (
            *(None, Route.VARIATIONS, InputDialect.MULTIPART, 1, "images/variations"),
            "multipart/form-data; boundary=",
        ),
    ],
)
async def test_an_order_goes_to_its_models_route(
    route: Route | None,
    edit_route: Route | None,
    inputs: InputDialect,
    photos: int,
    path: str,
    kind: str,
    server: Server,
    gateway: GatewayClient,
    media: MediaStore,
) -> None:
    profile = Profile("p", "P", route=route, edit_route=edit_route, inputs=inputs, max_inputs=2)
    server.plan(reply(json.dumps({"data": [{"b64_json": base64(PNG)}]}).encode()), f"/v1/{path}")
    image_request = ImageRequest("A cat", profile, await kept(media, *[PNG] * photos))
    assert isinstance((await gateway.generate(image_request)).outcome, Drawn)
    (request,) = server.requests
    assert request.headers["content-type"].startswith(kind)
    assert int(request.headers["content-length"]) == len(request.body)


async def test_an_answer_is_reported(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(reply(answer_with(PNG), x_litellm_response_cost="0.0125", x_request_id="req-1"))
    report = (await gateway.generate(ImageRequest("A cat", profile))).report
    assert (report.kind, report.http_status) == (OutcomeKind.DRAWN, 200)
    assert (report.upstream_id, report.usage.cost.micros) == ("req-1", 12_500)
    assert gateway.host == "127.0.0.1"


@pytest.mark.parametrize("piece", [1, 13, 4096])
async def test_the_way_an_answer_is_split_changes_nothing(
    piece: int, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    for play in (reply(answer_with(PNG), piece=piece), chunked(answer_with(PNG), piece)):
        server.plan(play)
        outcome = (await gateway.generate(ImageRequest("A cat", profile))).outcome
        assert isinstance(outcome, Drawn)
        assert file_of(media, outcome.pictures[0].sha256).read_bytes() == PNG


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    body=st.binary(max_size=400) | st.binary(max_size=9).map(lambda tail: answer_with(PNG) + tail)
)
async def test_any_bytes_are_answered_with_a_kind(
    body: bytes, server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(reply(body))
    answer = await gateway.generate(ImageRequest("A cat", profile))
    assert answer.report.kind is not OutcomeKind.INTERNAL


async def hang_up(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def no_http(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (reply(answer_with(PNG)[:900], short=9), OutcomeKind.CUT_OFF),
        (chunked(answer_with(PNG)[:900], 99, cut=True), OutcomeKind.CUT_OFF),
        (chunked(answer_with(PNG)[:900], 99), OutcomeKind.CUT_OFF),
        (hang_up, OutcomeKind.CUT_OFF),
        (no_http, OutcomeKind.CUT_OFF),
        (reply(b"", 301, location="/elsewhere"), OutcomeKind.GATEWAY_ERROR),
        (reply(answer_with(PNG), 500), OutcomeKind.GATEWAY_ERROR),
        (reply(b"", 504), OutcomeKind.TIMEOUT),
    ],
)
async def test_a_cut_or_failed_answer_is_no_success_and_leaves_nothing(
    play: Play,
    kind: OutcomeKind,
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    media: MediaStore,
) -> None:
    server.plan(play)
    answer = await gateway.generate(ImageRequest("A cat", profile))
    assert (undrawn(answer).kind, answer.report.kind) == (kind, kind)
    assert files(media) == []
    assert len(server.requests) == 1


async def test_nobody_there_is_unavailable(media: MediaStore, profile: Profile) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        gateway = GatewayClient(
            Endpoint(f"http://127.0.0.1:{port}", SecretStr(KEY), media, timeout=20)
        )
        answer = await gateway.generate(ImageRequest("A cat", profile))
        await gateway.aclose()
    assert undrawn(answer).kind is OutcomeKind.UNAVAILABLE
    assert answer.report.http_status is None


async def test_a_name_that_does_not_resolve_is_unavailable(
    media: MediaStore, profile: Profile
) -> None:
    gateway = GatewayClient(Endpoint("http://a.invalid/v1", SecretStr(KEY), media, timeout=20))
    answer = await gateway.generate(ImageRequest("A cat", profile))
    await gateway.aclose()
    assert undrawn(answer).kind is OutcomeKind.UNAVAILABLE


async def test_an_answer_that_does_not_come_is_a_timeout(
    server: Server, media: MediaStore, profile: Profile
) -> None:
    async def hang(_: Received, __: asyncio.StreamWriter) -> None:
        await server.gone.wait()

    server.plan(hang)
    gateway = GatewayClient(Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=1))
    answer = await gateway.generate(ImageRequest("A cat", profile))
    await gateway.aclose()
    assert undrawn(answer).kind is OutcomeKind.TIMEOUT


async def test_cancelling_hangs_up_and_removes_what_had_come(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    half_sent, hung_up = asyncio.Event(), asyncio.Event()
    large = answer_with(picture(side=1700))  # half of it is more than is held before it is written

    async def half(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(large))
        writer.write(large[: len(large) // 2])
        await writer.drain()
        half_sent.set()
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"A")
                await writer.drain()
                await asyncio.sleep(0.01)
        hung_up.set()

    server.plan(half)
    task = asyncio.create_task(gateway.generate(ImageRequest("A cat", profile)))
    await half_sent.wait()
    while not files(media):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(media) == []
    await within(hung_up.wait())


async def test_an_early_no_while_the_inputs_are_still_sent_is_understood(
    media: MediaStore, profile: Profile
) -> None:
    body = b'{"error":{"message":"too large","code":"image_too_large"}}'

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 X\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        while await reader.read(1 << 16):
            pass
        writer.close()

    image_request = ImageRequest("A cat", profile, await kept(media, picture(side=1500)))
    async with listening(refuse) as url:
        gateway = GatewayClient(Endpoint(url, SecretStr(KEY), media, timeout=20))
        answer = await gateway.generate(image_request)
        await gateway.aclose()
    assert (undrawn(answer).kind, answer.report.http_status) == (OutcomeKind.BAD_INPUT, 413)


@pytest.mark.parametrize("size", [len(PNG), len(PNG) - 1, len(PNG) + 1])
async def test_an_input_that_is_gone_or_changed_is_bad_input(
    size: int, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    server.plan(reply(answer_with(PNG)))
    (there,) = await kept(media, PNG)
    gone = InputImage("0" * 64 if size == len(PNG) else there.sha256, "image/png", size)
    answer = await gateway.generate(ImageRequest("A cat", profile, (gone,)))
    assert undrawn(answer).kind is OutcomeKind.BAD_INPUT
    assert server.requests == []


@pytest.mark.parametrize(
    ("limits", "body", "kind", "detail"),
    [
        (ResponseLimits(body=1000), answer_with(PNG), "unreadable", "more than 1000 bytes"),
        (ResponseLimits(remainder=1000), b"x" * 9000, "unreadable", "more than 1000 bytes of text"),
        (
            ResponseLimits(image=1000),
            answer_with(PNG),
            "too_large",
            "a picture of more than 1000 bytes",
        ),
        (
            ResponseLimits(pixels=399),
            answer_with(PNG),
            "too_large",
            "a picture that is none: too_many_pixels",
        ),
    ],
)
async def test_an_answer_past_a_limit_says_which_and_leaves_nothing(
    limits: ResponseLimits,
    body: bytes,
    kind: str,
    detail: str,
    server: Server,
    media: MediaStore,
    profile: Profile,
) -> None:
    server.plan(reply(body))
    gateway = GatewayClient(
        Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=20), limits=limits
    )
    answer = await gateway.generate(ImageRequest("A cat", profile))
    await gateway.aclose()
    assert answer.outcome == Undrawn(OutcomeKind(kind), detail)
    assert files(media) == []


async def test_memory_stays_flat_for_large_answers(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    head = b'{"choices":[{"message":{"content":"data:image/png;base64,'
    start, block, count = base64(PNG[:48]).encode(), b"QUJD" * (64 * 1024), 120
    end = base64(PNG[-12:]).encode() + b'"}}]}'

    async def pour(__: Received, writer: asyncio.StreamWriter) -> None:
        size = len(head) + len(start) + count * len(block) + len(end)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        writer.write(head + start)
        for _ in range(count):
            writer.write(block)
            await writer.drain()
        writer.write(end)

    server.plan(pour)
    await gateway.generate(ImageRequest("warm up", profile))
    answer, peak = await measured(gateway, ImageRequest("A cat", profile))
    assert isinstance(answer.outcome, Drawn)
    assert answer.outcome.pictures[0].size == 48 + count * len(block) // 4 * 3 + 12
    assert peak < 12 << 20  # of 31: four are held before they are written, and joined


async def test_memory_stays_flat_for_large_inputs(media: MediaStore, profile: Profile) -> None:
    body = answer_with(PNG)

    async def drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        left = int(head.partition("content-length: ")[2].partition("\r")[0])
        while left:
            left -= len(await reader.read(1 << 16))
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    inputs = await kept(media, *(bytes([seed]) * (8 << 20) for seed in range(4)))
    async with listening(drain) as url:
        gateway = GatewayClient(Endpoint(url, SecretStr(KEY), media, timeout=60))
        answer, peak = await measured(gateway, ImageRequest("A cat", profile, inputs))
        await gateway.aclose()
    assert isinstance(answer.outcome, Drawn)
    assert peak < 6 << 20


async def measured(gateway: GatewayClient, image_request: ImageRequest) -> tuple[Answer, int]:
    gc.collect()
    tracemalloc.start()
    try:
        answer = await gateway.generate(image_request)
        return answer, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_neither_key_nor_body_is_in_logs_or_reprs(
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.plan(reply(f'{{"error":"key {KEY} is not {base64(PNG)}"}}'.encode(), 401))
    answer = await gateway.generate(ImageRequest("A secret prompt", profile))
    out = "".join([*capfd.readouterr(), caplog.text, repr(answer), repr(vars(gateway))])
    assert "bad_key" in out
    for secret in (KEY, "A secret prompt", base64(PNG)[:64]):
        assert secret not in out


async def test_many_at_once_are_told_apart(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    async def by_prompt(request: Received, writer: asyncio.StreamWriter) -> None:
        prompt = json.loads(request.body)["messages"][0]["content"]
        await reply(answer_with(picture(seed=int(prompt.split()[0]))))(request, writer)

    server.plan(by_prompt)
    answers = await asyncio.gather(
        *(gateway.generate(ImageRequest(f"{seed} cats", profile)) for seed in range(40))
    )
    for seed, answer in enumerate(answers):
        assert isinstance(answer.outcome, Drawn)
        path = file_of(media, answer.outcome.pictures[0].sha256)
        assert path.read_bytes() == picture(seed=seed)
        assert isinstance(answer.report, CallReport)


async def test_a_picture_that_finds_no_room_on_the_disk_is_no_room(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    server.plan(reply(answer_with(picture(side=900))))
    # A file that may not grow is the disk that one can have without filling it.
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        answer = await gateway.generate(ImageRequest("a fox", profile))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert undrawn(answer).kind is OutcomeKind.NO_ROOM
    assert (answer.report.http_status, answer.report.repeatable) == (200, False)
    assert files(media) == []
