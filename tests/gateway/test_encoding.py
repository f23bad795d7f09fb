"""Content encodings of bodies: undone whatever was asked for, within the same bounds."""

from __future__ import annotations

import gzip
import json
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.catalogue.profiles import Profile
from bot.domain import Drawn, OutcomeKind
from bot.gateway.client import GatewayClient
from bot.gateway.encoding import decoded
from bot.gateway.receive import ResponseLimits
from bot.gateway.request import ImageRequest
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import DONE, delta
from tests.support.media import file_of
from tests.support.wire import Server, reply

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PNG = picture()
TEXT = f"![i](data:image/png;base64,{base64(PNG)})"
ANSWER = json.dumps({"choices": [{"message": {"content": TEXT}}]}).encode()


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


def members(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[at : at + 500]) for at in range(0, len(data), 500))


Encode = Callable[[bytes], bytes]
WAYS: dict[str, tuple[str, Encode]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip by another name": ("X-GZIP", gzip.compress),
    "gzip in many members": ("gzip", members),
    "gzip and padding": ("gzip", lambda data: gzip.compress(data) + bytes(20)),
    "gzip that nobody names": ("", gzip.compress),
    "gzip that a charset hides": ("utf-8", gzip.compress),
    "gzip named, plain sent": ("gzip", bytes),
    "deflate": ("deflate", zlib.compress),
    "deflate without its header": ("deflate", raw_deflate),
    "brotli": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "zstd in two frames": (
        "zstd",
        lambda data: zstd.compress(data[:99]) + zstd.compress(data[99:]),
    ),
    "two upon each other": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    "an upload's own": ("aws-chunked", bytes),
    "an upload's own and one": ("aws-chunked, gzip", gzip.compress),
    "blank": ("", bytes),
    "identity": ("identity", bytes),
    "a charset": ("UTF-8", bytes),
    "nothing known": ("none", bytes),
}


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> tuple[str, Encode]:
    return WAYS[request.param]


async def test_an_encoded_answer_brings_its_picture(
    way: tuple[str, Encode],
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    media: MediaStore,
) -> None:
    name, encode = way
    for piece in (65_536, 7):
        server.plan(reply(encode(ANSWER), piece=piece, content_encoding=name))
        outcome = (await gateway.generate(ImageRequest("A cat", profile))).outcome
        assert isinstance(outcome, Drawn), outcome
        assert file_of(media, outcome.pictures[0].sha256).read_bytes() == PNG


async def test_a_linked_picture_may_be_encoded(
    way: tuple[str, Encode],
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    media: MediaStore,
) -> None:
    name, encode = way
    server.plan(reply(encode(PNG), content_encoding=name), "/a")
    server.plan(reply(json.dumps({"data": [{"url": f"{server.origin}/a"}]}).encode()))
    outcome = (await gateway.generate(ImageRequest("A cat", profile))).outcome
    assert isinstance(outcome, Drawn), outcome
    assert file_of(media, outcome.pictures[0].sha256).read_bytes() == PNG


async def test_an_encoded_error_is_read(
    way: tuple[str, Encode], server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    name, encode = way
    error = {"error": {"message": "no money", "code": "insufficient_user_quota"}}
    server.plan(reply(encode(json.dumps(error).encode()), 403, content_encoding=name))
    report = (await gateway.generate(ImageRequest("A cat", profile))).report
    assert (report.kind, report.detail) == (OutcomeKind.OUT_OF_MONEY, "no money")


async def test_an_encoded_stream_is_heard_on_its_way(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    squeezer, body = zlib.compressobj(wbits=zlib.MAX_WBITS | 16), b""
    for event in (delta("A "), delta("cat"), delta("", "stop"), DONE):
        body += squeezer.compress(event) + squeezer.flush(zlib.Z_SYNC_FLUSH)
    server.plan(reply(body, piece=9, content_encoding="gzip"))
    heard: list[str] = []
    await gateway.generate(ImageRequest("A cat", profile), heard.append)
    assert heard == ["A", "A cat"]


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress, brotli.compress, zstd.compress])
@pytest.mark.parametrize("start", [b'{"choices": [{"message": {"content": "', b"data: "])
async def test_a_body_that_unpacks_to_very_much_is_refused_and_not_held(
    start: bytes, encode: Encode, server: Server, profile: Profile, media: MediaStore
) -> None:
    names = {gzip.compress: "gzip", zlib.compress: "deflate", brotli.compress: "br"}
    bomb = encode(start + bytes(60 << 20))
    server.plan(reply(bomb, content_encoding=names.get(encode, "zstd")))
    limits = ResponseLimits(body=20 << 20, remainder=1 << 20)
    gateway = GatewayClient(
        Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=60), limits=limits
    )
    tracemalloc.start()
    try:
        report = (await gateway.generate(ImageRequest("A cat", profile))).report
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        await gateway.aclose()
    assert report.kind is OutcomeKind.UNREADABLE
    assert report.detail.startswith("more than ")
    assert peak < 12 << 20


async def body_of(body: bytes, name: str, piece: int = 65_536) -> bytes:
    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            for at in range(0, len(body), piece):
                yield body[at : at + piece]

    response = httpx.Response(200, headers={"content-encoding": name}, stream=Stream())
    return b"".join([found async for found in decoded(response)])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(b"") * 2000),
        ("gzip", gzip.compress(b"x")[:-8] + b"\x00" * 8),
        ("deflate", raw_deflate(b"")[:-1] + b"\x00\x00\x00\xff\xff" * 400_000),
        ("gzip, gzip, gzip, gzip", b"{}"),
        ("zstd", b"\x28\xb5\x2f\xfd\x00\xa0" + b"\x00" * 20),  # wants a window of a gigabyte
    ],
    ids=["many members", "a wrong checksum", "nothing, for long", "four encodings", "a window"],
)
async def test_what_cannot_be_decoded_or_comes_to_nothing_is_refused(
    name: str, body: bytes
) -> None:
    with pytest.raises(httpx.DecodingError):
        await body_of(body, name)


@given(
    data=st.binary(max_size=3000),
    ways=st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd"]), min_size=1, max_size=3),
    piece=st.integers(1, 4000),
    cut=st.integers(0, 60),
)
async def test_any_bytes_come_back_whole_or_as_their_beginning(
    data: bytes, ways: list[str], piece: int, cut: int
) -> None:
    encodes = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstd.compress,
    }
    body = data
    for name in ways:
        body = encodes[name](body)
    assert await body_of(body, ", ".join(ways), piece) == data
    if len(ways) == 1 and cut < len(body) - 4:
        assert data.startswith(await body_of(body[: len(body) - cut], ways[0], piece))
