"""Linked pictures: what is fetched, from where, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.gateway.download import ImageDownloader, is_public
from bot.gateway.errors import DownloadFailed
from bot.media.store import MediaStore
from tests.gateway.pictures import picture
from tests.support.wire import Received, Server, chunked, reply

PNG = picture()


def fetcher(media: MediaStore, *, insecure: bool, timeout: float = 20) -> ImageDownloader:
    context = httpx.create_ssl_context()
    return ImageDownloader(
        media, context, limit=100_000, timeout=timeout, connect=5, insecure=insecure
    )


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
    stored = await lax.download(f"{server.origin}/a")
    assert media.path(stored.sha256).read_bytes() == PNG
    assert "authorization" not in server.requests[0].headers
    assert "cookie" not in server.requests[0].headers


async def test_cookies_of_a_stranger_are_not_kept(lax: ImageDownloader, server: Server) -> None:
    server.plan(reply(PNG, set_cookie="a=b"), "/a")
    await lax.download(f"{server.origin}/a")
    await lax.download(f"{server.origin}/a")
    assert "cookie" not in server.requests[1].headers


async def test_three_redirects_are_followed_and_no_fourth(
    lax: ImageDownloader, server: Server
) -> None:
    for hop in range(4):
        server.plan(reply(b"", 302, location=f"/{hop + 1}"), f"/{hop}")
    server.plan(reply(PNG), "/4")
    assert (await lax.download(f"{server.origin}/1")).size == len(PNG)
    with pytest.raises(DownloadFailed, match="too many redirects"):
        await lax.download(f"{server.origin}/0")


@pytest.mark.parametrize("target", ["ftp://a/b", "file:///etc/passwd", "http://u:p@a/b"])
async def test_a_redirect_to_another_scheme_or_with_a_password_is_not_followed(
    target: str, lax: ImageDownloader, server: Server
) -> None:
    server.plan(reply(b"", 302, location=target), "/a")
    with pytest.raises(DownloadFailed):
        await lax.download(f"{server.origin}/a")
    assert len(server.requests) == 1


async def test_http_is_refused(strict: ImageDownloader, server: Server) -> None:
    with pytest.raises(DownloadFailed, match="not a plain https link"):
        await strict.download(f"{server.origin}/a")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
async def test_a_private_address_is_never_connected_to(
    host: str, strict: ImageDownloader, server: Server
) -> None:
    port = server.origin.rpartition(":")[2]
    with pytest.raises(DownloadFailed, match="the connection failed"):
        await strict.download(f"https://{host}:{port}/a")
    assert not server.requests
    assert not server.gone.is_set()


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        (reply(b"<html>" * 30, content_type="image/png"), "it is no picture"),
        (reply(b""), "it is no picture"),
        (reply(PNG, 404), "status 404"),
        (reply(PNG + bytes(200_000)), "it is too large"),
        (reply(PNG, short=5), "the connection failed"),
        (reply(b"", 302), "status 302"),
    ],
)
async def test_what_is_no_whole_picture_is_not_kept(
    play: object, reason: str, lax: ImageDownloader, server: Server, media: MediaStore
) -> None:
    assert callable(play)
    server.plan(play, "/a")
    with pytest.raises(DownloadFailed, match=reason):
        await lax.download(f"{server.origin}/a")
    kept = media.path("0" * 64).parents[2]
    assert [path for path in kept.rglob("*") if path.is_file()] == []


async def test_a_slow_server_is_not_waited_for(media: MediaStore, server: Server) -> None:
    async def hang(_: Received, __: asyncio.StreamWriter) -> None:
        await server.gone.wait()

    server.plan(hang, "/a")
    hasty = fetcher(media, insecure=True, timeout=0.5)
    with pytest.raises(DownloadFailed, match="it took too long"):
        await hasty.download(f"{server.origin}/a")
    await hasty.aclose()
