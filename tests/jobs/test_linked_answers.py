"""Answers that link to their picture, or come compressed, through the whole bot: paid for, and drawn.

Each was somebody's loss: a gateway, a proxy or an object store that does it is named in the row.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from hashlib import sha256

import pytest

from bot.domain import OutcomeKind
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image
from tests.support.wire import Play, Received, reply, serving

PNG = image()
CHAT, DATA = "/v1/chat/completions", "/p/cat.png"


def kept(chat: Conversation, png: bytes) -> bool:
    """Whether the bot keeps a picture byte for byte; Telegram makes a photo of what it is sent."""
    return any(chat.folder.glob(f"media/**/{sha256(png).hexdigest()}*"))


def said(content: str) -> bytes:
    return json.dumps(
        {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    ).encode()


def linked(url: str) -> bytes:
    return json.dumps({"created": 1, "data": [{"url": url}]}).encode()


Sent = Callable[[bytes], Play]  # how a picture is sent


def later(first: Play, times: int) -> Sent:
    """Answer so many times with `first`, and then with the picture."""

    def sent(png: bytes) -> Play:
        plays = [first] * times

        async def play(request: Received, writer: asyncio.StreamWriter) -> None:
            await (plays.pop() if plays else reply(png))(request, writer)

        return play

    return sent


async def hang_up(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.close()


def named(encoding: str) -> Sent:
    return lambda png: reply(png, content_encoding=encoding)


def squeezed(png: bytes) -> Play:
    return reply(gzip.compress(png), content_encoding="gzip")


# What the gateway answers ({} is its origin), where its picture is and how that is sent, what is
# under the picture then.
DRAWN: dict[str, tuple[bytes, str, Sent, str]] = {
    "a Chinese comma behind the link": (
        said("图片已生成：{}/p/cat.png，有效期24小时，请及时保存。"), DATA, reply, "图片已生成：，有效期24小时，请及时保存。",
    ),
    "a Chinese full stop": (said("图片：{}/p/cat.png。请在一小时内下载"), DATA, reply, "图片：。请在一小时内下载"),
    "Chinese words glued to it": (said("点{}/p/cat.png查看"), DATA, reply, "点查看"),
    "escaped underscores": (said("![image]({}/p/my\\_cat\\_1.png)"), "/p/my_cat_1.png", reply, ""),
    "an image tag with &amp;": (
        said('<img src="{}/p/cat.png?e=1&amp;s=2" alt="cat"/>'), "/p/cat.png?e=1&s=2", reply, "",
    ),
    "parentheses in its path": (
        said("![image]({}/p/fit-in/512x512/filters:format(jpeg):quality(90)/cat.png)"),
        "/p/fit-in/512x512/filters:format(jpeg):quality(90)/cat.png", reply, "",
    ),
    "a path in Markdown": (said("Here it is: ![image](/p/cat.png)"), DATA, reply, "Here it is:"),
    "a path in data": (linked("/p/cat.png"), DATA, reply, ""),
    "an empty Content-Encoding": (said("![image]({}/p/cat.png)"), DATA, named(""), ""),
    "an upload's Content-Encoding": (said("![image]({}/p/cat.png)"), DATA, named("aws-chunked"), ""),
    "a charset for Content-Encoding": (said("![image]({}/p/cat.png)"), DATA, named("utf-8"), ""),
    "a compressed picture": (
        linked("{}/p/cat.png"), DATA, squeezed, "",
    ),
    "a CDN that has it in a second": (linked("{}/p/cat.png"), DATA, later(reply(b"no", 404), 2), ""),
    "a store that is busy": (linked("{}/p/cat.png"), DATA, later(reply(b"", 503), 1), ""),
    "a store that hangs up": (linked("{}/p/cat.png"), DATA, later(hang_up, 1), ""),
}  # fmt: skip


async def test_what_is_linked_to_is_drawn_with_one_call(
    start: Start, alone: dict[str, str]
) -> None:
    async with serving() as server, start(GATEWAY_URL=f"{server.origin}/v1", **alone) as chat:
        for number, (name, (body, path, sent, caption)) in enumerate(DRAWN.items()):
            png = image(color=(number, 99, 9))
            server.requests.clear()
            server.plan(sent(png), path)
            server.plan(reply(body.replace(b"{}", server.origin.encode())))
            (shown,) = await chat.row(chat.alice, "a fox", PICTURE)
            assert shown.get("caption", "") == caption, name
            assert kept(chat, png), name
            assert sum(CHAT in one.line for one in server.requests) == 1, name


GONE = "could not be fetched: "
LOST: dict[str, tuple[bytes, str]] = {
    "a link that leads nowhere": (said("Voilà: {}/gone.png, pour vous"), "Voilà: {}/gone.png, pour vous"),
    "a Markdown image": (said("Voilà ![chat]({}/gone.png)"), "Voilà {}/gone.png"),
    "a path": (linked("/gone.png"), "/gone.png"),
    "an address that is none": (linked("https://xn--/"), "https://xn--/"),
    "a label of 64 letters": (said(f"https://{'a' * 64}.com/"), f"https://{'a' * 64}.com/"),
    "a page instead of a picture": (linked("{}/page"), "{}/page"),
}  # fmt: skip


async def test_a_link_of_which_nothing_comes_is_told_and_nothing_is_bought_again(
    start: Start, alone: dict[str, str]
) -> None:
    async with serving() as server, start(GATEWAY_URL=f"{server.origin}/v1", **alone) as chat:
        server.plan(reply(b"", 410), "/gone.png")
        server.plan(reply(b"<title>A page</title>" * 9), "/page")
        for name, (body, words) in LOST.items():
            server.requests.clear()
            server.plan(reply(body.replace(b"{}", server.origin.encode())))
            (told,) = await chat.row(chat.alice, "a fox", "* {Try again}")
            assert words.replace("{}", server.origin) in told["text"], name
            assert "damaged" not in told["text"], name
            assert (await chat.quiet())[-1].outcome is OutcomeKind.NOT_FETCHED, name
            assert sum(CHAT in one.line for one in server.requests) == 1, name


async def test_a_strangers_link_by_http_is_refused_in_words_of_its_own(
    start: Start, alone: dict[str, str]
) -> None:
    async with serving() as stranger, serving() as server:
        settings = {"GATEWAY_URL": f"{server.origin}/v1", "ALLOW_INSECURE_PICTURE_URLS": "false"}
        async with start(**settings, **alone) as chat:
            stranger.plan(reply(PNG), DATA)
            server.plan(reply(linked(f"{stranger.origin}/p/cat.png")))
            words = "*no picture could be fetched* {Try again}"
            (told,) = await chat.row(chat.alice, "a fox", words)
            assert f"{stranger.origin}/p/cat.png" in told["text"]
            assert not stranger.requests
            assert sum(CHAT in one.line for one in server.requests) == 1


def compressed(body: bytes, status: int = 200) -> Play:
    return reply(gzip.compress(body), status, content_encoding="gzip")


@pytest.mark.parametrize("piece", [65_536, 11])
async def test_compressed_answers_and_errors_are_read(
    start: Start, alone: dict[str, str], piece: int
) -> None:
    async with serving() as server, start(GATEWAY_URL=f"{server.origin}/v1", **alone) as chat:
        body = gzip.compress(linked("/p/cat.png"))
        server.plan(reply(PNG), DATA)
        server.plan(reply(body, piece=piece, content_encoding="gzip"))
        await chat.row(chat.alice, "a fox", PICTURE)
        assert kept(chat, PNG)
        error = {"error": {"message": "no money", "code": "insufficient_user_quota"}}
        server.plan(compressed(json.dumps(error).encode(), 403))
        await chat.row(chat.alice, "a fox", "* {Try again}")
        assert (await chat.quiet())[-1].outcome is OutcomeKind.OUT_OF_MONEY
