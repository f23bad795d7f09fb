"""Linked pictures: what is fetched, from where, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO

import httpx
import pytest

from bot.gateway.download import ImageDownloader, is_public
from bot.gateway.errors import DownloadFailed, ImageTruncated
from bot.media.formats import sniff
from bot.media.inspect import is_complete
from bot.media.store import MediaStore, StoredFile
from tests.gateway.pictures import picture
from tests.support.media import file_of
from tests.support.wire import Play, Received, Server, chunked, reply

PNG = picture()


ORIGIN = httpx.URL("https://gateway.invalid/")


def fetcher(
    media: MediaStore, *, insecure: bool, silence: float = 20, origin: httpx.URL = ORIGIN
) -> ImageDownloader:
    context = httpx.create_ssl_context()
    return ImageDownloader(
        media,
        context,
        origin=origin,
        limit=100_000,
        silence=silence,
        connect=5,
        pauses=(0.01, 0.02, 0.03, 0.04),
        insecure=insecure,
    )


async def fetch(
    downloader: ImageDownloader, link: str, *, seconds: float = 20, sure: bool = True
) -> StoredFile:
    until = asyncio.get_running_loop().time() + seconds
    stored, _ = await downloader.download(
        link, asyncio.Semaphore(4), checked, until=until, sure=sure
    )
    return stored


def checked(file: BinaryIO) -> None:
    if not is_complete(file, sniff(file.read(64)) or ""):
        raise ImageTruncated


@pytest.fixture
async def lax(media: MediaStore) -> AsyncIterator[ImageDownloader]:
    lax = fetcher(media, insecure=True)
    yield lax
    await lax.aclose()


@pytest.fixture
async def strict(media: MediaStore) -> AsyncIterator[ImageDownloader]:
    strict = fetcher(media, insecure=False)
    yield strict
    await strict.aclose()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("::127.0.0.1", False),
        ("::93.184.216.34", False),
        ("::ffff:0:7f00:1", False),
        ("::ffff:0:5db8:d822", False),
        ("::ffff:93.184.216.34", True),
        ("fec0::1", False),
        ("64:ff9b:1::7f00:1", False),
        ("64:ff9b:1::5db8:d822", False),
        ("64:ff9b::c058:6301", False),
        ("192.88.99.1", False),
        ("::ffff:192.88.99.1", False),
        ("4000::1", False),
        ("ff0e::1", False),
    ],
)
def test_only_addresses_that_are_public_for_everyone_are_public(
    host: str, *, expected: bool
) -> None:
    assert is_public(host) is expected


async def test_a_linked_picture_is_kept_and_no_key_is_shown(
    lax: ImageDownloader, server: Server, media: MediaStore
) -> None:
    server.plan(chunked(PNG, 7), "/a")
    stored = await fetch(lax, f"{server.origin}/a")
    assert file_of(media, stored.sha256).read_bytes() == PNG
    assert "authorization" not in server.requests[0].headers
    assert "cookie" not in server.requests[0].headers


async def test_cookies_of_a_stranger_are_not_kept(lax: ImageDownloader, server: Server) -> None:
    server.plan(reply(PNG, set_cookie="a=b"), "/a")
    await fetch(lax, f"{server.origin}/a")
    await fetch(lax, f"{server.origin}/a")
    assert "cookie" not in server.requests[1].headers


async def test_three_redirects_are_followed_and_no_fourth(
    lax: ImageDownloader, server: Server
) -> None:
    for hop in range(4):
        server.plan(reply(b"", 302, location=f"/{hop + 1}"), f"/{hop}")
    server.plan(reply(PNG), "/4")
    assert (await fetch(lax, f"{server.origin}/1")).size == len(PNG)
    with pytest.raises(DownloadFailed, match="too many redirects"):
        await fetch(lax, f"{server.origin}/0")


@pytest.mark.parametrize("target", ["ftp://a/b", "file:///etc/passwd", "http://u:p@a/b"])
async def test_a_redirect_to_another_scheme_or_with_a_password_is_not_followed(
    target: str, lax: ImageDownloader, server: Server
) -> None:
    server.plan(reply(b"", 302, location=target), "/a")
    with pytest.raises(DownloadFailed):
        await fetch(lax, f"{server.origin}/a")
    assert len(server.requests) == 1


async def test_http_is_tried_by_https_which_is_private_here(
    strict: ImageDownloader, server: Server
) -> None:
    with pytest.raises(DownloadFailed, match="a private address"):
        await fetch(strict, f"{server.origin}/a")
    assert not server.requests


async def test_another_scheme_is_refused(strict: ImageDownloader) -> None:
    with pytest.raises(DownloadFailed, match="not a plain https link"):
        await fetch(strict, "ftp://93.184.216.34/a")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
async def test_a_private_address_is_never_connected_to(
    host: str, strict: ImageDownloader, server: Server
) -> None:
    port = server.origin.rpartition(":")[2]
    with pytest.raises(DownloadFailed, match=r"a private address|the connection failed"):
        await fetch(strict, f"https://{host}:{port}/a")
    assert not server.requests
    assert not server.gone.is_set()


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        (reply(b"<html>" * 30, content_type="image/png"), "it is no picture"),
        (reply(b""), "it is no picture"),
        (reply(PNG, 404), "status 404"),
        (reply(PNG + bytes(200_000)), "it is too large"),
        (reply(PNG[:-5], short=5), "the connection broke"),
        (reply(b"", 302), "status 302"),
    ],
)
async def test_what_is_no_whole_picture_is_not_kept(
    play: object, reason: str, lax: ImageDownloader, server: Server, media: MediaStore
) -> None:
    assert callable(play)
    server.plan(play, "/a")
    with pytest.raises(DownloadFailed, match=reason):
        await fetch(lax, f"{server.origin}/a")
    kept = file_of(media, "0" * 64).parents[2]
    assert [path for path in kept.rglob("*") if path.is_file()] == []


async def hang(_: Received, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(("seconds", "silence"), [(0.5, 20), (20, 0.2)])
async def test_a_silent_server_is_not_waited_for(
    seconds: float, silence: float, media: MediaStore, server: Server
) -> None:
    server.plan(hang, "/a")
    hasty = fetcher(media, insecure=True, silence=silence)
    with pytest.raises(DownloadFailed, match=r"it took too long|the connection failed"):
        await fetch(hasty, f"{server.origin}/a", seconds=seconds)
    await hasty.aclose()


async def test_a_slow_server_is_waited_for_as_long_as_something_comes(
    media: MediaStore, server: Server
) -> None:
    async def drip(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PNG))
        for at in range(0, len(PNG), 100):
            writer.write(PNG[at : at + 100])
            await writer.drain()
            await asyncio.sleep(0.1)

    server.plan(drip, "/a")
    patient = fetcher(media, insecure=True, silence=0.8)
    assert len(PNG) > 1000
    assert (await fetch(patient, f"{server.origin}/a")).size == len(PNG)
    await patient.aclose()


async def hang_up(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize(
    "first",
    [
        *(reply(b"file not exist", status) for status in (202, 403, 404, 408, 425, 429, 500, 503)),
        reply(b"busy", 429, retry_after="0"),
        reply(PNG[:-20], short=20),
        hang_up,
    ],
)
async def test_what_may_come_later_is_asked_for_again(
    first: Play, lax: ImageDownloader, server: Server
) -> None:
    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        await (first if len(server.requests) < 4 else reply(PNG))(request, writer)

    server.plan(play, "/a")
    assert (await fetch(lax, f"{server.origin}/a")).size == len(PNG)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("play", "sure", "path", "tries"),
    [
        (reply(b"", 404), True, "/a", 5),
        (reply(b"", 404), False, "/a.png", 5),
        (reply(b"", 404), False, "/a", 4),
        (reply(b"", 404), True, "/a/b", 5),
        (reply(b"", 410), True, "/a", 1),
        (reply(b"", 401), True, "/a", 1),
        (reply(b"<html>" * 30), True, "/a", 1),
        (reply(b"", 429, retry_after="100"), True, "/a", 1),
    ],
)
async def test_how_often_it_is_asked_for(
    play: Play, path: str, tries: int, lax: ImageDownloader, server: Server, *, sure: bool
) -> None:
    server.plan(play, path)
    with pytest.raises(DownloadFailed):
        await fetch(lax, f"{server.origin}{path}", sure=sure)
    assert len(server.requests) == tries


async def test_a_picture_that_is_whole_may_lack_the_rest_of_its_body(
    lax: ImageDownloader, server: Server
) -> None:
    server.plan(reply(PNG, short=5), "/a")
    assert (await fetch(lax, f"{server.origin}/a")).size == len(PNG)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "link",
    [
        "https://xn--/",
        f"https://{'a' * 64}.com/a.png",
        f"https://{'a.' * 200}com/a.png",
        "https://a..b/c",
        "https://a:99999/b",
        "https://[zz/",
        "https://%/",
        "https://\u2460.com/",
        "https:///a",
        "https://a b/c",
        "https://a\x00b/c",
    ],
)
async def test_an_address_that_is_none_is_one_that_brings_nothing(
    link: str, strict: ImageDownloader
) -> None:
    with pytest.raises(DownloadFailed):
        await fetch(strict, link)


@pytest.mark.parametrize(
    "path",
    ["/a%28b%29%2C%7E%2F.png?c=A%2Fb%40%3B&s=%3D%2B+~", "/a(b),:c;d/e+f?x=[0]", "/%E7%8C%AB"],
)
async def test_an_address_is_asked_for_letter_by_letter(
    path: str, lax: ImageDownloader, server: Server
) -> None:
    server.plan(reply(PNG), path)
    assert (await fetch(lax, f"{server.origin}{path}")).size == len(PNG)


@pytest.mark.parametrize("link", ["/a/b.png", "a/b.png", "./a/b.png"])
async def test_a_path_belongs_to_the_gateways_origin(
    link: str, media: MediaStore, server: Server
) -> None:
    server.plan(reply(PNG), "/a/b.png")
    origin = httpx.URL(f"{server.origin}/")
    downloader = fetcher(media, insecure=True, origin=origin)
    assert (await fetch(downloader, link)).size == len(PNG)
    await downloader.aclose()
