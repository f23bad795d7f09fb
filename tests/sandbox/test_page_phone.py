"""The chat page on a telephone, 390 pixels wide: nothing lies over what is read or pressed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bot.i18n.texts import Texts
from sandbox.server import Sandbox
from tests.sandbox.test_page import Painter, browser, painter, world
from tests.support.browser import TELEPHONE, ChatPage

__all__ = ["browser", "painter", "world"]  # fixtures

pytestmark = pytest.mark.asyncio(loop_scope="module")
TEXTS = Texts.load()
PICTURE = ("again", "variations", "edit"), ("ratio", "size", "model"), ("original", "delete")
# Which of these lie over each other, by their boxes; words by the boxes of their letters.
OVERLAPS = """() => {
    const window = document.querySelector(".scroll").getBoundingClientRect();
    const shown = (element, { left, right, top, bottom }) => element.closest(".scroll")
        ? { left, right, top: Math.max(top, window.top), bottom: Math.min(bottom, window.bottom) }
        : { left, right, top, bottom };
    const seen = ([, box]) => box.right > box.left && box.bottom > box.top;
    const boxes = (found) => [...document.querySelectorAll(found)]
        .map((element) => [element, shown(element, element.getBoundingClientRect())]).filter(seen);
    const letters = [...document.querySelectorAll(".words")].flatMap((words) => {
        const range = document.createRange();
        range.selectNodeContents(words);
        return [...range.getClientRects()].map((box) => [words, shown(words, box)]);
    }).filter(seen);
    const meet = (a, b) => a.left + 1 < b.right && b.left + 1 < a.right
        && a.top + 1 < b.bottom && b.top + 1 < a.bottom;
    const said = (element) => `${element.className}: ${element.textContent.slice(0, 40)}`;
    const over = [...boxes(".tool"), ...boxes(".day"), ...boxes(".toast")];
    const under = [...boxes(".key"), ...boxes(".stamp"), ...letters, ...boxes(".write")];
    const pairs = [
        ...over.flatMap((one) => under.map((other) => [one, other])),
        ...boxes(".stamp").flatMap((one) => letters.map((other) => [one, other])),
        ...boxes(".key").flatMap((one, n) => boxes(".key").slice(n + 1).map((other) => [one, other])),
    ];
    return pairs.filter(([[, a], [, b]]) => meet(a, b)).map(([[a], [b]]) => `${said(a)} | ${said(b)}`);
}"""
CUT = """() => [...document.querySelectorAll(".key")]
    .filter((key) => key.scrollWidth > key.clientWidth || key.scrollHeight > key.clientHeight + 1)
    .map((key) => key.textContent)"""


@pytest_asyncio.fixture(loop_scope="module")
async def phone(world: Sandbox, browser: Browser) -> AsyncIterator[ChatPage]:
    async with ChatPage.opened(browser, world.page_url, size=TELEPHONE) as chat:
        yield chat


async def sent(painter: Painter, person: int, locale: str) -> None:
    """Have the bot say what stands under and over pictures, in a language."""
    rows = [[TEXTS(locale, f"button.{key}") for key in row] for row in PICTURE]
    keyboard = [[{"text": text, "callback_data": "x"} for text in row] for row in rows]
    for key in ("start", "edit.ask", "press.deleted"):
        await painter.call(
            "sendMessage",
            chat_id=person,
            text=TEXTS(locale, key),
            reply_markup={"inline_keyboard": keyboard},
        )


@pytest.mark.parametrize("locale", ["en", "de", "ar", "fa", "ja"])
async def test_nothing_lies_over_anything_and_every_label_is_whole(
    world: Sandbox, painter: Painter, phone: ChatPage, locale: str
) -> None:
    alice = next(one for one in world.telegram.world.persons.values() if one.first_name == "Alice")
    await phone.go("private")
    await phone.say("a red fox, and a prompt that is a little longer than one line is wide")
    await sent(painter, alice.id, locale)
    await expect(phone.messages(of_bot=True)).to_have_count(3)
    await phone.by("key").last.click()
    await expect(phone.by("toast")).to_be_visible()
    scroll = phone.by("scroll")
    for part in (0, 0.5, 1):
        await scroll.evaluate("(list, part) => { list.scrollTop = list.scrollHeight * part }", part)
        assert await phone.page.evaluate(OVERLAPS) == []
    assert await phone.page.evaluate(CUT) == []
    assert await phone.page.evaluate("document.documentElement.scrollWidth") == TELEPHONE[0]


async def test_the_list_of_people_scrolls_and_the_newest_and_add_are_at_hand(
    phone: ChatPage,
) -> None:
    for number in range(7):
        await phone.by("person-add").click()
        await phone.by("newcomer-name").fill(f"Person {number}")
        await phone.by("newcomer-add").click()
        newcomer = phone.by(f"person-Person {number}")
        await expect(newcomer).to_have_attribute("aria-pressed", "true")
        box, add = await newcomer.bounding_box(), await phone.by("person-add").bounding_box()
        assert box
        assert add
        assert 0 <= box["x"] < box["x"] + box["width"] <= add["x"] + 1
        assert add["x"] + add["width"] <= TELEPHONE[0]
    people = phone.by("people")
    await people.hover()
    await phone.page.mouse.wheel(-3000, 0)
    await expect(phone.by("person-Alice")).to_be_in_viewport()
