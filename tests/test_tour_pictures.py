"""The pictures of docs/tour.md, each taken of the sandbox's page: `TOUR=docs/tour` names where to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from bot.catalogue import presets
from tests.support.browser import ChatPage, payload
from tests.test_tour import (
    NOTHING,
    RED,
    answer,
    become,
    browser,
    drawn,
    sandbox,
    shoot,
    wide_pictures,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Browser

    Shot = Callable[[str], Awaitable[None]]
    Scene = Callable[[ChatPage, Shot], Awaitable[None]]

__all__ = ["browser"]  # a fixture

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif("TOUR" not in os.environ, reason="TOUR names no folder to write to"),
]

VOICE = payload("voice.ogg", b"OggS" + bytes(4000), "audio/ogg")


async def a_photo_alone_and_levels(chat: ChatPage, shot: Shot) -> None:
    await chat.go("private")
    await wide_pictures(chat)
    await chat.attach(payload("red.png", RED))
    await chat.say()
    await expect(await answer(chat, 1)).to_contain_text("Press an idea")
    await shot("presets")
    await chat.press("Colorize")
    picture = await drawn(chat, 2)
    await picture.get_by_test_id("key").filter(has_text="Ratio").click()
    await expect(picture.get_by_test_id("key").last).to_have_text("Back")
    await shot("ratio")


async def a_gallery_and_settings(chat: ChatPage, shot: Shot) -> None:
    await chat.go("private")
    await wide_pictures(chat)
    for number, words in enumerate(("a paper boat", "a tall ship", "a lighthouse"), 1):
        await chat.say(words)
        await drawn(chat, number)
    await chat.say("/history")
    gallery = await answer(chat, 4)
    await chat.see_picture(gallery)
    await gallery.get_by_test_id("key").filter(has_text="▶").click()
    await expect(gallery.get_by_test_id("key").filter(has_text="◀")).to_be_visible()
    await expect(gallery).to_contain_text("a tall ship")
    await chat.see_picture(gallery)
    await shot("history")
    await chat.say("a lighthouse sandbox:refuse")
    await expect(await answer(chat, 5)).to_contain_text(NOTHING)
    await chat.say("/settings")
    await expect(await answer(chat, 6)).to_contain_text("Better prompts")
    await shot("settings")


async def sizes_that_cost_more(chat: ChatPage, shot: Shot) -> None:
    await chat.go("private")
    await wide_pictures(chat)
    await chat.say("a lighthouse --model nano-banana-pro")
    picture = await drawn(chat, 1)
    await picture.get_by_test_id("key").filter(has_text="Size").click()
    await expect(picture.get_by_test_id("key").last).to_have_text("Back")
    await shot("size")


async def words_from_elsewhere(chat: ChatPage, shot: Shot) -> None:
    await chat.go("private")
    await wide_pictures(chat)
    await chat.attach(VOICE)
    await chat.say()
    await drawn(chat, 2)
    await shot("voice")
    await chat.say("/enhance a paper boat")
    await expect((await answer(chat, 3)).get_by_test_id("key").first).to_have_text("Draw this")
    await shot("enhance")


async def a_queue(chat: ChatPage, shot: Shot) -> None:
    await chat.go("private")
    for words in ("a lighthouse sandbox:slow=600", "a paper boat sandbox:slow=600"):
        await chat.say(words)
    await expect(await answer(chat, 2)).to_contain_text("Drawing")
    await chat.say("/queue")
    await expect((await answer(chat, 3)).get_by_test_id("key").first).to_contain_text("Cancel")
    await shot("queue")
    await chat.say("/cancel")
    await expect(chat.messages(of_bot=True).first).to_contain_text("Cancelled")
    await expect(chat.messages(of_bot=True).nth(1)).to_contain_text("Cancelled")


async def a_topic_and_its_settings(chat: ChatPage, shot: Shot) -> None:
    await chat.be("Bob")
    await chat.go("group", "Art")
    await chat.say("/imagine@sandbox_bot a city of glass 21:9")
    await drawn(chat, 1)
    await shot("group")
    await chat.be("Alice")
    await chat.go("group", "General")
    await chat.say("/settings")
    await expect(await answer(chat, 1)).to_contain_text("Settings of this")
    await chat.by("anonymous").check()
    await chat.say("/settings")
    await expect(await answer(chat, 2)).to_contain_text("Settings of this")
    await shot("administrators")


async def a_keyword(chat: ChatPage, shot: Shot) -> None:
    await chat.go("group", called="Studio")
    await chat.say("/settings prefix draw")
    await expect(await answer(chat, 1)).to_contain_text("Keyword: draw")
    await chat.be("Bob")
    await chat.go("group", called="Studio")
    await chat.say("draw a paper boat 21:9")
    await drawn(chat, 2)
    await shot("keyword")
    await chat.be("Alice")
    await chat.go("group", called="Studio")
    await chat.by("rights-open").click()
    await expect(chat.by("rights")).to_be_visible()
    await shot("rights")


async def a_channel_and_its_direct_messages(chat: ChatPage, shot: Shot) -> None:
    await chat.go("channel")
    await chat.say("/settings")
    await expect(await answer(chat, 1)).to_contain_text("Settings of this channel")
    await shot("channel-settings")
    await chat.say("/imagine a harbour in the morning 21:9")
    await drawn(chat, 2)
    await shot("channel")
    await chat.be("Bob")
    await chat.go("direct")
    await chat.say("/imagine a cover for the spring issue 21:9")
    await drawn(chat, 1)
    await shot("direct")


async def chats_without_the_bot(chat: ChatPage, shot: Shot) -> None:
    await chat.be("Bob")
    await chat.go("away")
    await chat.by("text").fill("@sandbox_bot a paper boat 21:9")
    offer = chat.by("offer").filter(has_text="a paper boat").first
    await offer.wait_for()
    await shot("inline")
    await offer.click()
    await chat.see_picture(chat.messages().last)
    await shot("inline-result")
    await chat.be("Alice")
    await chat.go("away")
    await chat.say("@sandbox_bot a tall ship 21:9")
    await chat.see_picture(chat.messages(of_bot=True).last)
    await shot("guest")


async def from_right_to_left(chat: ChatPage, shot: Shot) -> None:
    await become(chat, "ليلى", "ar")
    await chat.say("قطة في المطر")
    await drawn(chat, 1)
    await shot("arabic")


@pytest.mark.parametrize(
    "scene",
    [
        a_photo_alone_and_levels,
        a_gallery_and_settings,
        sizes_that_cost_more,
        words_from_elsewhere,
        a_queue,
        a_topic_and_its_settings,
        a_keyword,
        a_channel_and_its_direct_messages,
        chats_without_the_bot,
        from_right_to_left,
    ],
)
async def test_a_scene_is_photographed(browser: Browser, tmp_path: Path, scene: Scene) -> None:
    async with (
        sandbox(tmp_path, PRESETS_FILE=plain_presets(tmp_path)) as url,
        ChatPage.opened(browser, url, size=(1000, 720)) as chat,
    ):

        async def shot(name: str) -> None:
            await shoot(chat, Path(os.environ["TOUR"]) / f"{name}.png")

        await scene(chat, shot)


def plain_presets(folder: Path) -> str:
    """Write the shipped presets down without their emoji, for which there may be no font."""
    file = folder / "presets.toml"
    entries = [
        f'[[preset]]\nid = \'{one.id}\'\nprompt = """{one.prompt}"""'
        for one in presets.load_presets()
    ]
    file.write_text("\n".join(entries), encoding="utf-8")
    return str(file)
