"""The bench's Telegram: a picture is what was drawn for its prompt, bit by bit, or it is wrong."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from bench.http import serving
from bench.meter import Meter
from bench.noise import bytes_of
from bench.telegram import Telegram

SIZE, PERSON, PROMPT = 30_000, 1001, "prompt-1001-1"


def upload(data: bytes, **fields: str) -> dict[str, object]:
    return {"data": fields, "files": {"photo": ("a.png", data, "image/png")}}


@pytest.mark.parametrize(
    ("picture", "chat", "right", "wrong", "stray"),
    [
        (b"".join(bytes_of(SIZE, PROMPT)), PERSON, 1, 0, 0),
        (b"".join(bytes_of(SIZE, PROMPT))[:-1] + b"\0", PERSON, 0, 1, 0),
        (b"".join(bytes_of(SIZE, PROMPT))[:-1], PERSON, 0, 1, 0),
        (b"".join(bytes_of(SIZE, PROMPT)), PERSON + 1, 0, 1, 0),
        (b"".join(bytes_of(SIZE, "prompt-1001-2")), PERSON, 0, 0, 1),
        (b"no picture", PERSON, 0, 0, 1),
    ],
    ids=["right", "another bit", "cut", "another chat", "another prompt", "nothing"],
)
async def test_only_what_was_drawn_is_right(
    picture: bytes, chat: int, right: int, wrong: int, stray: int
) -> None:
    meter = Meter()
    telegram = Telegram(meter, "1:a", SIZE)
    times = meter.expect(PROMPT)
    telegram.say(PERSON, PROMPT)
    async with serving(telegram) as url, httpx.AsyncClient(base_url=f"{url}/bot1:a/") as bot:
        await bot.post("sendPhoto", **upload(picture, chat_id=str(chat)))  # type: ignore[arg-type]
    assert (times.right, times.wrong, meter.stray) == (right, wrong, stray)
    assert telegram.pictures == {chat: {2}}


async def test_an_update_comes_again_until_it_is_confirmed() -> None:
    telegram = Telegram(Meter(), "1:a", SIZE)
    async with serving(telegram) as url, httpx.AsyncClient(base_url=f"{url}/bot1:a/") as bot:
        waiting = asyncio.create_task(bot.post("getUpdates", data={"timeout": "50"}))
        await asyncio.sleep(0.05)
        telegram.say(PERSON, PROMPT)
        first = json.loads((await waiting).content)["result"]
        assert [update["message"]["text"] for update in first] == [PROMPT]
        again = (await bot.get("getUpdates?timeout=0&offset=0")).json()["result"]
        assert (again, telegram.unconfirmed) == (first, 1)
        offset = first[0]["update_id"] + 1
        assert (await bot.get(f"getUpdates?timeout=0&offset={offset}")).json()["result"] == []
        assert telegram.unconfirmed == 0


async def test_a_picture_stands_once_however_often_it_is_put_into_a_message() -> None:
    meter = Meter()
    telegram = Telegram(meter, "1:a", SIZE)
    times = meter.expect(PROMPT)
    telegram.say(PERSON, PROMPT)
    async with serving(telegram) as url, httpx.AsyncClient(base_url=f"{url}/bot1:a/") as bot:
        fields = {"chat_id": str(PERSON), "text": "Drawing", "reply_parameters": '{"message_id":1}'}
        status = (await bot.post("sendMessage", data=fields)).json()["result"]
        assert status["reply_to_message"]["text"] == PROMPT
        put = {"chat_id": str(PERSON), "message_id": str(status["message_id"])}
        media = json.dumps({"type": "photo", "media": "attach://photo"})
        sent = upload(b"".join(bytes_of(SIZE, PROMPT)), media=media, **put)
        for _ in range(2):
            shown = (await bot.post("editMessageMedia", **sent)).json()["result"]  # type: ignore[arg-type]
        assert "text" not in shown
        assert shown["photo"][-1]["file_size"] == SIZE
    assert telegram.pictures == {PERSON: {status["message_id"]}}
    assert (times.right, times.once) == (2, False)
