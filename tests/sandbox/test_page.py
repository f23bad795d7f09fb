"""The chat page in a real browser, with a bot of thirty lines on the other side."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, expect

from sandbox.gateway import Gateway
from sandbox.server import Sandbox, serve
from sandbox.telegram import Telegram
from tests.support.browser import TELEPHONE, ChatPage, chromium, drop, payload

# One browser for all tests here: starting it takes longer than most of them.
pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN = "123456:sandbox-token"
KEYS = [
    [{"text": "Again", "callback_data": "again"}, {"text": "Original", "callback_data": "original"}]
]


def png(colour: str, width: int = 320, height: int = 200) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


class Painter:
    """A bot: a text becomes a status and then, when `finish` is set, a picture in its place."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.finish = asyncio.Event()
        self.seen: list[dict[str, Any]] = []

    async def call(self, method: str, files: Any = None, **data: Any) -> Any:  # noqa: ANN401 - JSON
        fields = {k: v if isinstance(v, str) else json.dumps(v) for k, v in data.items()}
        answer = await self.http.post(method, data=fields, files=files)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def run(self) -> None:
        offset = 0
        while True:
            for update in await self.call("getUpdates", offset=offset, timeout=20):
                offset = update["update_id"] + 1
                await self.handle(update)

    async def handle(self, update: dict[str, Any]) -> None:
        if query := update.get("callback_query"):
            alert = query["data"] == "original"
            await self.call(
                "answerCallbackQuery",
                callback_query_id=query["id"],
                text=f"You pressed {query['data']}",
                show_alert=alert,
            )
            return
        message = update.get("message") or update.get("channel_post") or {}
        self.seen.append(message)
        if message.get("text", "").startswith(("draw", "/imagine")):
            await self.draw(message)

    async def draw(self, message: dict[str, Any]) -> None:
        where = {"chat_id": message["chat"]["id"]}
        if message.get("is_topic_message"):
            where["message_thread_id"] = message["message_thread_id"]
        status = await self.call("sendMessage", **where, text="Position 1")
        await self.call("sendChatAction", **where, action="upload_photo")
        await self.finish.wait()
        await self.call(
            "editMessageMedia",
            files={"picture": ("picture.png", png("teal", 640, 360), "image/png")},
            chat_id=where["chat_id"],
            message_id=status["message_id"],
            media={"type": "photo", "media": "attach://picture", "caption": "Here <b>it</b> is"},
            reply_markup={"inline_keyboard": KEYS},
        )


@pytest_asyncio.fixture(loop_scope="module")
async def world() -> AsyncIterator[Sandbox]:
    telegram = Telegram(TOKEN)
    telegram.populate()
    async with serve(telegram, Gateway("key")) as world:
        yield world
    assert telegram.violations == []


@pytest_asyncio.fixture(loop_scope="module")
async def painter(world: Sandbox) -> AsyncIterator[Painter]:
    url = f"{world.telegram_url}/bot{TOKEN}/"
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        painter = Painter(http)
        running = asyncio.create_task(painter.run())
        yield painter
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def chat(world: Sandbox, browser: Browser) -> AsyncIterator[ChatPage]:
    async with ChatPage.opened(browser, world.page_url) as chat:
        await expect(chat.by("banner")).to_contain_text("nothing leaves this machine")
        yield chat


async def test_a_text_becomes_a_picture_in_the_place_of_its_status(
    painter: Painter, chat: ChatPage
) -> None:
    await chat.say("draw a lighthouse")
    status = chat.messages(of_bot=True)
    await expect(status).to_contain_text("Position 1")
    await expect(chat.by("status")).to_have_text("is sending a photo…")
    number = await status.get_attribute("data-message-id")
    painter.finish.set()
    await chat.see_picture(status)
    assert await status.get_attribute("data-message-id") == number
    await expect(status).to_contain_text("Here <b>it</b> is")
    await status.get_by_test_id("photo").click()
    await expect(chat.by("viewer")).to_be_visible()
    await chat.page.keyboard.press("Escape")
    await expect(chat.by("viewer")).to_be_hidden()


async def test_buttons_show_the_bots_answer(painter: Painter, chat: ChatPage) -> None:
    painter.finish.set()
    await chat.say("draw a lighthouse")
    await chat.press("Again")
    await expect(chat.by("toast")).to_have_text("You pressed again")
    await chat.press("Original")
    await expect(chat.by("alert")).to_contain_text("You pressed original")
    await chat.page.keyboard.press("Enter")
    await expect(chat.by("alert")).to_be_hidden()


async def test_several_photos_are_an_album_and_a_file_keeps_its_bytes(
    world: Sandbox, painter: Painter, chat: ChatPage
) -> None:
    await chat.attach(payload("a.png", png("red")), payload("b.png", png("blue")))
    await expect(chat.by("preview")).to_have_count(2)
    await chat.say("join these")
    await chat.see_picture(chat.messages().first, 2)
    await expect(chat.messages()).to_have_count(1)
    await chat.attach(payload("c.png", png("green")), as_file=True)
    await chat.say()
    link = chat.messages().last.get_by_test_id("document")
    await expect(link).to_contain_text("c.png")
    async with chat.page.expect_download() as downloading:
        await link.click()
    path = await (await downloading.value).path()
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(png("green")).digest()
    await world.telegram.until(lambda: len(painter.seen) == 3)
    assert len({message.get("media_group_id") for message in painter.seen[:2]}) == 1
    assert painter.seen[0]["caption"] == "join these"
    assert painter.seen[2]["document"]["file_name"] == "c.png"


@pytest.mark.parametrize("event", ["drop", "paste"])
async def test_pictures_are_attached_by_drop_and_by_paste(chat: ChatPage, event: str) -> None:
    await drop(chat, [("d.png", png("pink"), "image/png")], event=event)
    await expect(chat.by("preview")).to_have_count(1)
    await expect(chat.by("drop")).to_be_hidden()
    await chat.say("from afar")
    await chat.see_picture(chat.messages().first)
    await expect(chat.by("preview")).to_have_count(0)


async def test_a_reply_quotes_what_it_answers(
    world: Sandbox, painter: Painter, chat: ChatPage
) -> None:
    painter.finish.set()
    await chat.say("draw a lighthouse")
    picture = chat.messages(of_bot=True)
    await chat.see_picture(picture)
    await chat.reply_to(picture)
    await chat.say("at night")
    await expect(chat.messages().last.get_by_test_id("quote")).to_contain_text("Here")
    await world.telegram.until(lambda: len(painter.seen) == 2)
    assert painter.seen[1]["reply_to_message"]["photo"]


async def test_a_question_that_forces_a_reply_begins_one(
    world: Sandbox, painter: Painter, chat: ChatPage
) -> None:
    await chat.say("one")
    await world.telegram.until(lambda: painter.seen)
    where = painter.seen[0]["chat"]["id"]
    forced = {"force_reply": True, "selective": True}
    await painter.call("sendMessage", chat_id=where, text="What to change?", reply_markup=forced)
    await expect(chat.by("answering")).to_contain_text("What to change?")
    await chat.say("the colour")
    await world.telegram.until(lambda: len(painter.seen) == 2)
    assert painter.seen[1]["reply_to_message"]["text"] == "What to change?"
    await expect(chat.by("answering")).to_be_hidden()


async def test_text_is_never_markup(chat: ChatPage) -> None:
    await chat.say('<img src=x onerror="document.title=1"> <b>bold</b> & [x](javascript:1)')
    words = chat.messages().first.get_by_test_id("words")
    await expect(words).to_have_text(
        '<img src=x onerror="document.title=1"> <b>bold</b> & [x](javascript:1)'
    )
    assert await words.locator("img, b, a").count() == 0


async def test_people_meet_in_a_group_with_topics(painter: Painter, chat: ChatPage) -> None:
    await chat.go("group", "Art")
    await chat.say("/imagine a city")
    await expect(chat.messages(of_bot=True)).to_contain_text("Position 1")
    painter.finish.set()
    await chat.see_picture(chat.messages(of_bot=True))
    await chat.by("topic-General").click()
    await expect(chat.messages()).to_have_count(0)
    await chat.be("小明")
    await chat.go("group", "Art")
    await expect(chat.messages().first).to_have_attribute("data-author", "Alice")
    await chat.press("Again")
    await expect(chat.by("toast")).to_have_text("You pressed again")
    assert painter.seen[0]["from"]["first_name"] == "Alice"


async def test_a_channel_takes_posts(world: Sandbox, painter: Painter, chat: ChatPage) -> None:
    await chat.go("channel")
    await chat.say("/imagine the news")
    await world.telegram.until(lambda: painter.seen)
    assert painter.seen[0]["sender_chat"]["title"] == "News"
    await expect(chat.messages().first).to_have_attribute("data-author", "News")


async def test_a_new_person_has_a_chat_of_their_own(chat: ChatPage) -> None:
    await chat.by("person-add").click()
    await chat.by("newcomer-name").fill("Zoë")
    await chat.by("newcomer-language").select_option("de")
    await chat.by("newcomer-add").click()
    await expect(chat.by("person-Zoë")).to_have_attribute("aria-pressed", "true")
    await chat.go("private")
    await chat.say("hello")
    await expect(chat.messages().first).to_have_attribute("data-author", "Zoë")


async def test_edits_and_deletions_are_seen_in_place(
    world: Sandbox, painter: Painter, chat: ChatPage
) -> None:
    await chat.say("one")
    await world.telegram.until(lambda: painter.seen)
    where = painter.seen[0]["chat"]["id"]
    sent = await painter.call("sendMessage", chat_id=where, text="two")
    await expect(chat.messages()).to_have_count(2)
    await painter.call(
        "editMessageText", chat_id=where, message_id=sent["message_id"], text="two and a half"
    )
    await expect(chat.messages().last).to_contain_text("two and a half")
    await expect(chat.messages().last).to_contain_text("edited")
    await painter.call("deleteMessage", chat_id=where, message_id=sent["message_id"])
    await expect(chat.messages()).to_have_count(1)
    await chat.messages().first.hover()
    await chat.by("delete").click()
    await expect(chat.messages()).to_have_count(0)
    await expect(chat.by("empty")).to_be_visible()


async def test_ones_own_words_are_changed_and_nobody_elses(
    painter: Painter, chat: ChatPage
) -> None:
    await chat.say("draw a cat")
    mine, bots = chat.messages(of_bot=False), chat.messages(of_bot=True)
    await expect(bots).to_be_visible()
    await mine.hover()
    await mine.get_by_test_id("edit").click()
    await expect(chat.by("answering")).to_contain_text("Edit message")
    await expect(chat.by("text")).to_have_value("draw a cat")
    await chat.by("text").fill("draw a dog")
    await chat.by("send").click()
    await expect(mine).to_contain_text("draw a dogedited")
    await expect(chat.by("answering")).to_be_hidden()
    await expect(chat.by("text")).to_have_value("")
    await bots.hover()
    await expect(bots.get_by_test_id("edit")).to_have_count(0)
    painter.finish.set()
    await chat.see_picture(bots)


async def test_reading_older_messages_is_not_disturbed(
    world: Sandbox, painter: Painter, chat: ChatPage
) -> None:
    await chat.say("first")
    await world.telegram.until(lambda: painter.seen)
    where = painter.seen[0]["chat"]["id"]
    for number in range(40):
        await painter.call("sendMessage", chat_id=where, text=f"line {number}")
    await expect(chat.messages().last).to_contain_text("line 39")
    await expect(chat.messages().last).to_be_in_viewport()
    await chat.messages().first.scroll_into_view_if_needed()
    await expect(chat.by("down")).to_be_visible()
    await painter.call("sendMessage", chat_id=where, text="the newest")
    await expect(chat.by("down")).to_contain_text("1")
    await expect(chat.messages().first).to_be_in_viewport()
    await chat.by("down").click()
    await expect(chat.messages().last).to_be_in_viewport()
    await expect(chat.by("down")).to_be_hidden()


async def test_another_chat_tells_of_its_new_messages(
    world: Sandbox, painter: Painter, chat: ChatPage
) -> None:
    await chat.say("here")
    await world.telegram.until(lambda: painter.seen)
    await chat.go("group")
    where = painter.seen[0]["chat"]["id"]
    await painter.call("sendMessage", chat_id=where, text="while you were away")
    await expect(chat.by("chat-private")).to_contain_text("while you were away")
    await expect(chat.by("chat-private").locator(".badge")).to_have_text("1")
    await chat.go("private")
    await expect(chat.by("chat-private").locator(".badge")).to_have_count(0)


async def test_what_telegram_refuses_is_said_and_nothing_is_lost(chat: ChatPage) -> None:
    await chat.attach(payload("fake.png", b"not a picture"))
    await chat.by("text").fill("keep me")
    await chat.by("send").click()
    await expect(chat.by("toast")).to_be_visible()
    await expect(chat.by("text")).to_have_value("keep me")
    await expect(chat.by("preview")).to_have_count(1)


async def test_ideas_are_put_into_the_text(chat: ChatPage) -> None:
    await chat.by("ideas").click()
    await chat.by("hints").get_by_role("button", name="A lighthouse").click()
    await chat.by("hints").get_by_role("button", name="sandbox:pictures=3").click()
    await expect(chat.by("text")).to_have_value(
        "A lighthouse on a cliff at dusk, watercolour sandbox:pictures=3"
    )


async def test_a_telephone_shows_the_list_and_then_the_chat(
    world: Sandbox, browser: Browser
) -> None:
    async with ChatPage.opened(browser, world.page_url, size=TELEPHONE, dark=True) as chat:
        await expect(chat.by("text")).to_be_hidden()
        await chat.go("private")
        await chat.say("from a telephone")
        await expect(chat.messages().first).to_be_in_viewport()
        wide = await chat.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert wide is False
        await chat.by("back").click()
        await expect(chat.by("chat-private")).to_contain_text("from a telephone")


async def test_everything_that_can_be_used_has_a_name(painter: Painter, chat: ChatPage) -> None:
    painter.finish.set()
    await chat.say("draw a lighthouse")
    await chat.see_picture(chat.messages(of_bot=True))
    nameless = await chat.page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, textarea, img")]
            .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length
                || e.hasAttribute("alt")))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
