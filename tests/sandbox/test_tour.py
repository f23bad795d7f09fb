"""A tour of the sandbox: the whole bot without a token, used in a real browser as a newcomer would."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Locator, expect

from tests.support.browser import ChatPage, chromium, payload
from tests.support.conversation import image
from tests.support.newcomer import NOTHING, RED, answer, become, drawn, sandbox

# One browser and one bot for all tests here: each person has a chat of their own.
pytestmark = pytest.mark.asyncio(loop_scope="module")

BLUE = image(240, 320, color=(30, 60, 200))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(
    browser: Browser,  # noqa: ARG001 - where there is none, no bot is started
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[str]:
    async with sandbox(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def chat(browser: Browser, url: str) -> AsyncIterator[ChatPage]:
    async with ChatPage.opened(browser, url) as chat:
        yield chat


async def saved(chat: ChatPage, link: Locator) -> bytes:
    """Download what a message links to."""
    async with chat.page.expect_download() as downloading:
        await link.click()
    return await asyncio.to_thread((await (await downloading.value).path()).read_bytes)


async def test_words_and_pictures_become_pictures(chat: ChatPage) -> None:
    await become(chat, "Painter")
    await chat.say("/start")
    await expect(await answer(chat, 1)).to_contain_text("Just write what you want to see")
    await chat.say("a lighthouse on a cliff")
    first = await drawn(chat, 2)
    await chat.attach(payload("red.png", RED))
    await chat.say("make it golden")
    await drawn(chat, 3)
    await chat.attach(payload("red.png", RED))
    await chat.say()
    await expect(await answer(chat, 4)).to_contain_text("What shall I do with this picture?")
    await chat.say("a bluer one")
    await drawn(chat, 5)
    await chat.attach(payload("red.png", RED), payload("blue.png", BLUE))
    await chat.say("join these")
    await drawn(chat, 6)
    await chat.attach(payload("blue.png", BLUE), as_file=True)
    await chat.say("from a file")
    await drawn(chat, 7)
    await expect(chat.messages().last).to_be_in_viewport()
    await expect(chat.by("down")).to_be_hidden()
    await chat.reply_to(first)
    await chat.say("the same at night")
    await drawn(chat, 8)
    await chat.say("/usage")
    await expect(await answer(chat, 9)).to_contain_text("pictures: 6")


async def test_buttons_do_what_they_say(chat: ChatPage) -> None:
    await become(chat, "Presser")
    await chat.say("a lighthouse on a cliff")
    first = await drawn(chat, 1)
    await chat.press("Original file")
    original = (await answer(chat, 2)).get_by_test_id("document")
    data = await saved(chat, original)
    assert Image.open(io.BytesIO(data)).info["Description"].startswith("a lighthouse on a cliff")
    await first.get_by_test_id("key").filter(has_text="Again").click()
    again = await drawn(chat, 3)
    await chat.press("Original file")
    other = await saved(chat, (await answer(chat, 4)).get_by_test_id("document"))
    assert hashlib.sha256(other).digest() != hashlib.sha256(data).digest()
    await again.get_by_test_id("key").filter(has_text="Delete").click()
    await again.get_by_test_id("key").filter(has_text="Yes, delete").click()
    await expect(chat.messages(of_bot=True)).to_have_count(3)
    await chat.say("sandbox:slow=600")
    await expect(await answer(chat, 4)).to_contain_text("Drawing")
    await chat.press("Cancel")
    await expect(await answer(chat, 4)).to_contain_text(f"Cancelled. {NOTHING}")


async def test_settings_are_chosen_and_used(chat: ChatPage) -> None:
    await become(chat, "Chooser")
    await chat.say("/settings")
    menu = await answer(chat, 1)
    for button, shown in (
        ("Model", "✓ automatic"),
        ("Gemini 3 Pro Image", "Model: Gemini 3 Pro Image"),
        ("Aspect ratio", "✓ automatic"),
        ("16:9", "Aspect ratio: 16:9"),
    ):
        await menu.get_by_test_id("key").filter(has_text=button).first.click()
        await expect(menu).to_contain_text(shown)
    await chat.say("a long beach")
    photo = (await drawn(chat, 2)).get_by_test_id("photo").locator("img")
    width, height = await photo.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert abs(width / height - 16 / 9) < 0.05


async def test_a_group_with_topics_hears_when_it_is_spoken_to(chat: ChatPage) -> None:
    await chat.be("Alice")
    await chat.go("group", "Art")
    await chat.say("we talk among ourselves")
    await chat.say("/imagine@sandbox_bot a city of glass")
    picture = await drawn(chat, 1)
    await chat.be("Bob")
    await chat.go("group", "Art")
    await picture.get_by_test_id("key").filter(has_text="Delete").click()
    await expect(chat.by("alert")).to_contain_text("Only the person who asked")
    await chat.page.keyboard.press("Enter")
    await chat.reply_to(picture)
    await chat.say("in the rain")
    await drawn(chat, 2)
    await chat.by("topic-General").click()
    await expect(chat.messages(of_bot=True)).to_have_count(0)
    await chat.attach(payload("red.png", RED))
    await chat.say("@sandbox_bot make it golden")
    await drawn(chat, 1)


async def test_a_channel_gets_its_picture(chat: ChatPage) -> None:
    await chat.be("Alice")
    await chat.go("channel")
    await chat.say("/imagine the morning's news")
    await drawn(chat, 1, buttons=3)


async def test_chinese_is_answered_in_chinese(chat: ChatPage) -> None:
    await become(chat, "小红", "zh-hans")
    await chat.say("/start")
    await expect(await answer(chat, 1)).to_contain_text("图片")
    await chat.say("雨中的橘猫")
    picture = await drawn(chat, 2)
    await expect(picture.get_by_test_id("key").first).to_have_text("再来一张")
    await chat.say("sandbox:text 雨")
    await expect(await answer(chat, 3)).to_contain_text("未计费")


async def test_every_failure_of_the_model_is_said_in_words(chat: ChatPage) -> None:
    await become(chat, "Unlucky")
    failures = {
        "sandbox:text": "The model answered with words and no picture",
        "sandbox:refuse": "The model refused this request",
        "sandbox:error=401": "No pictures can be drawn at the moment",
        "sandbox:error=402": "No pictures can be drawn at the moment",
        "sandbox:empty": NOTHING,
        "sandbox:html": NOTHING,
        "sandbox:truncated": NOTHING,
        "sandbox:cut": NOTHING,
        "sandbox:nonsense": "means nothing here",
    }
    for number, (word, told) in enumerate(failures.items(), 1):
        await chat.say(f"a lighthouse {word}")
        message = await answer(chat, number)
        await expect(message).to_contain_text(told)
        await expect(message).to_contain_text(NOTHING)
    await chat.say("/usage")
    await expect(await answer(chat, len(failures) + 1)).to_contain_text("All time – pictures: 0")
    await chat.attach(payload("fake.png", b"this is not a picture"), as_file=True)
    await chat.say("make it golden")
    await expect(await answer(chat, len(failures) + 2)).to_contain_text("cannot read this")


async def test_several_pictures_of_one_answer_all_arrive(chat: ChatPage) -> None:
    await become(chat, "Collector")
    await chat.say("three hills sandbox:pictures=3")
    await expect(chat.messages(of_bot=True)).to_have_count(3)
    for index in range(3):
        await chat.see_picture(chat.messages(of_bot=True).nth(index))
