"""The chat page's HTTP interface."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox.telegram import Telegram
from sandbox.telegram.person import NamedFile
from tests.sandbox.telegram.conftest import Decoded, Wire
from tests.sandbox.telegram.pictures import picture
from tests.support.waiting import patient


class Page:
    """What the page's script does."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def get(self, path: str) -> Decoded:
        answer = await self._wire.http.get(f"{self._wire.url}/sandbox/api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, status: int = 200, **body: object) -> Decoded:
        answer = await self._wire.http.post(f"{self._wire.url}/sandbox/api/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def send(
        self, *files: NamedFile, kind: str = "photo", status: int = 200, **form: object
    ) -> Decoded:
        url = f"{self._wire.url}/sandbox/api/send"
        parts = [("files", file) for file in files] or None
        data = {name: str(value) for name, value in form.items()} | {"as": kind}
        answer = await self._wire.http.post(url, data=data, files=parts)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def page(wire: Wire, telegram: Telegram) -> Page:
    telegram.populate()
    return Page(wire)


async def test_the_default_world_has_people_groups_a_channel_and_its_direct_messages(
    telegram: Telegram, page: Page
) -> None:
    world = await page.get("world")

    people = [(person["name"], person["language"]) for person in world["persons"]]
    assert people == [("Alice", "en"), ("Bob", "en"), ("小明", "zh-hans")]
    chats = {chat["title"]: chat for chat in world["chats"]}
    assert [topic["name"] for topic in chats["Friends"]["topics"]] == ["General", "Art"]
    assert (chats["News"]["type"], chats["Alice"]["type"]) == ("channel", "private")
    assert world["persons"][0]["id"] in chats["News"]["members"]
    assert world["bot"]["username"] == "sandbox_bot"
    assert [person.name for person in telegram.persons] == [name for name, _ in people]
    club = "Book club, without the bot"
    titles = ("Friends", "Studio", "News", club, "News, direct messages")
    rooms = [chat for chat in telegram.world.chats.values() if chat.type != "private"]
    assert [chat.id for chat in rooms] == [chats[title]["id"] for title in titles]
    assert not rooms[3].is_in(telegram.bot.id)
    assert [chat["title"] for chat in world["chats"] if chat["direct"]] == [titles[-1]]
    roles = [chat["bot_role"] for chat in world["chats"] if chat["type"] != "private"]
    assert roles == ["member", "administrator", "administrator", "out", "administrator"]
    assert telegram.pending_updates == ()


async def test_a_message_sent_from_the_page_reaches_the_bot(telegram: Telegram, page: Page) -> None:
    alice = (await page.get("world"))["persons"][0]["id"]

    sent = await page.send(person=alice, chat=alice, text="a cat", kind="photo")

    assert [message["text"] for message in sent["messages"]] == ["a cat"]
    assert telegram.pending_updates[-1]["message"] == sent["messages"][0]


async def test_photos_make_an_album_and_files_stay_files(telegram: Telegram, page: Page) -> None:
    alice = (await page.get("world"))["persons"][0]["id"]
    png = picture(kind="PNG")
    files = [("a.png", png, "image/png"), ("b.png", png, "image/png")]

    album = await page.send(*files, person=alice, chat=alice, text="both", kind="photo")
    single = await page.send(files[0], person=alice, chat=alice, text="", kind="file")

    first, second = album["messages"]
    assert (first["caption"], "photo" in second) == ("both", True)
    assert first["media_group_id"] == second["media_group_id"]
    [file] = single["messages"]
    assert telegram.bytes_of(file["document"]["file_id"]) == png
    assert telegram.violations == []


async def test_a_chat_is_polled_until_it_changes(wire: Wire, page: Page) -> None:
    group = next(c for c in (await page.get("world"))["chats"] if c["title"] == "Friends")
    before = await page.get(f"chat/{group['id']}?since=-1")
    async with patient():
        poll = asyncio.create_task(page.get(f"chat/{group['id']}?since={before['version']}"))
        await wire.result("sendMessage", chat_id=group["id"], text="hello")

        after = await poll

    assert [message["from_bot"] for message in after["messages"]] == [False, True]
    assert after["version"] != before["version"]
    await wire.result("sendChatAction", chat_id=group["id"], action="upload_photo")
    assert (await page.get(f"chat/{group['id']}"))["actions"] == ["upload_photo"]


async def test_a_press_waits_for_the_answer(wire: Wire, page: Page) -> None:
    alice = (await page.get("world"))["persons"][0]["id"]
    keys = {"inline_keyboard": [[{"text": "Again", "callback_data": "a"}]]}
    sent = await wire.result("sendMessage", chat_id=alice, text="x", reply_markup=keys)
    place = {"person": alice, "chat": alice, "message_id": sent["message_id"]}

    press = asyncio.create_task(page.post("press", **place, data="a"))
    [update] = await wire.result("getUpdates", timeout=5)
    query_id = update["callback_query"]["id"]
    await wire.result("answerCallbackQuery", callback_query_id=query_id, text="Yes")

    assert await press == {"text": "Yes", "show_alert": False}
    wrong = await page.post("press", 400, **place, data="b")
    assert "has no button 'b'" in wrong["error"]


async def test_a_file_comes_with_its_own_type(wire: Wire, page: Page) -> None:
    alice = (await page.get("world"))["persons"][0]["id"]
    script = ("a.png", b"<script>alert(1)</script>", "text/html")
    sent = await page.send(script, person=alice, chat=alice, text="", kind="file")
    file_id = sent["messages"][0]["document"]["file_id"]

    answer = await wire.http.get(f"{wire.url}/sandbox/api/file/{file_id}")

    assert answer.content == script[1]
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_people_come_and_messages_go(telegram: Telegram, page: Page) -> None:
    eve = await page.post("person", name="Eve", language="zh-hans")
    sent = await page.send(person=eve["id"], chat=eve["id"], text="x", kind="photo")
    message_id = sent["messages"][0]["message_id"]

    await page.post("delete", person=eve["id"], chat=eve["id"], message_id=message_id)

    assert telegram.messages(eve["id"]) == []
    assert (await page.get("world"))["persons"][-1] == eve


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"person": 5, "chat": 1001, "text": "x"}, "there is no such person"),
        ({"person": 1001, "chat": 5, "text": "x"}, "there is no such chat"),
        ({"person": 1001, "chat": 1002, "text": "x"}, "Alice is not a member of Bob"),
        ({"person": 1001, "chat": 1001, "text": " "}, "an empty text cannot be sent"),
        ({"person": 1001, "chat": 1001, "text": "x", "reply_to": 9}, "there is no message 9"),
        ({"person": 1001, "text": "x"}, "there is no chat"),
    ],
)
async def test_mistakes_are_explained(page: Page, form: dict[str, Any], reason: str) -> None:
    refusal = await page.send(**form, status=400)

    assert reason in refusal["error"]


async def test_what_is_no_photo_is_refused(page: Page) -> None:
    file = ("a.jpg", b"not a picture", "image/jpeg")

    refusal = await page.send(file, person=1001, chat=1001, text="", status=400, kind="photo")

    assert refusal == {"error": "Bad Request: IMAGE_PROCESS_FAILED"}
