"""The pictures of docs/tour.md and of the README, taken of the sandbox's page: `make tour`.

Names of scenes take only these anew: `make tour ARGS="a_queue a_keyword"`.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, expect

from bot.catalogue import presets
from tests.support.browser import ChatPage, chromium, payload
from tests.support.newcomer import NOTHING, RED, answer, become, drawn, sandbox

Shot = Callable[[str], Awaitable[None]]

TOUR = Path(__file__).parents[1] / "docs" / "tour"
SIZE, README_SIZE = (1000, 720), (1280, 1130)
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
    await drawn(chat, 2, buttons=3)
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


async def the_page(chat: ChatPage, shot: Shot) -> None:
    await chat.be("小明")
    await chat.go("group", "Art")
    await chat.say("/imagine 雨中的橘猫")
    await drawn(chat, 1)
    await chat.be("Alice")
    await chat.go("channel")
    await chat.say("/imagine a paper boat in the harbour")
    await drawn(chat, 1, buttons=3)
    await chat.go("private")
    await wide_pictures(chat)
    await chat.say("A quiet bay at sunset, watercolour")
    first = await drawn(chat, 1)
    await chat.reply_to(first)
    await chat.say("now at night, with stars")
    await drawn(chat, 2)
    await expect(chat.by("status")).to_have_text("bot")
    await shot("../screenshot")


SCENES = {
    scene.__name__: scene
    for scene in (
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
        the_page,
    )
}


async def photograph(browser: Browser, name: str, into: Path) -> None:
    """Play a scene to a sandbox of its own and keep its pictures."""
    size = README_SIZE if name == the_page.__name__ else SIZE
    with tempfile.TemporaryDirectory(prefix="tour-") as folder:
        given = {"PRESETS_FILE": plain_presets(Path(folder))}
        async with (
            sandbox(Path(folder), **given) as url,
            ChatPage.opened(browser, url, size=size) as chat,
        ):

            async def shot(picture: str) -> None:
                await shoot(chat, into / f"{picture}.png")

            await SCENES[name](chat, shot)


async def shoot(chat: ChatPage, file: Path) -> None:
    """Take a picture of the page at rest."""
    await chat.page.mouse.move(0, 0)
    await expect(chat.by("down")).to_be_hidden()
    await expect(chat.by("toasts")).to_be_empty()
    shot = await chat.page.screenshot(animations="disabled")
    with Image.open(io.BytesIO(shot)) as picture:
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.convert("RGB").quantize(256).save(file, optimize=True)


async def wide_pictures(chat: ChatPage) -> None:
    """Choose a form that leaves room on the page, and take the traces away."""
    await chat.say("/settings")
    await answer(chat, 1)
    await chat.press("Aspect ratio")
    await chat.press("21:9")
    await expect(await answer(chat, 1)).to_contain_text("Aspect ratio: 21:9")
    for _ in range(2):
        await chat.messages().last.hover()
        await chat.messages().last.get_by_test_id("delete").click()
    await expect(chat.messages()).to_have_count(0)


def plain_presets(folder: Path) -> str:
    """Write the shipped presets down without their emoji, for which there may be no font."""
    file = folder / "presets.toml"
    entries = [
        f'[[preset]]\nid = \'{one.id}\'\nprompt = """{one.prompt}"""'
        for one in presets.load_presets()
    ]
    file.write_text("\n".join(entries), encoding="utf-8")
    return str(file)


async def tour(names: Sequence[str], into: Path = TOUR) -> None:
    """Take the pictures of these scenes, or of all."""
    async with chromium() as browser:
        for name in names or SCENES:
            sys.stdout.write(f"{name}\n")
            await photograph(browser, name, into)


def main(arguments: Sequence[str]) -> int:
    """Take the pictures."""
    if unknown := set(arguments) - set(SCENES):
        sys.stderr.write(f"no such scene: {', '.join(sorted(unknown))}\n")
        return 2
    asyncio.run(tour(arguments))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
