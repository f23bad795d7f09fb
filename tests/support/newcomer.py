"""What a newcomer does: starts the sandbox by the command, and acts on its page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator, expect

from tests.support.browser import ChatPage
from tests.support.command import running
from tests.support.conversation import image

RED = image(320, 240)
NOTHING = "Nothing was charged."


@asynccontextmanager
async def sandbox(folder: Path, **given: str) -> AsyncIterator[str]:
    """Start the bot without a token and give the address that it tells."""
    given |= {"SANDBOX_PORT": "0", "ALBUM_SETTLE_SECONDS": "0.3"}
    async with running(folder, "run", **given) as bot:
        found = await bot.says(r"Open (\S+) in a browser")
        await bot.says("ready")
        yield found[1]
        assert await bot.end() == 0
    assert [line for line in bot.said if "[error" in line or "Traceback" in line] == []


async def become(chat: ChatPage, name: str, language: str = "en") -> None:
    """Register as a new person, whose private chat is empty."""
    await chat.by("person-add").click()
    await chat.by("newcomer-name").fill(name)
    await chat.by("newcomer-language").select_option(language)
    await chat.by("newcomer-add").click()
    await expect(chat.by(f"person-{name}")).to_have_attribute("aria-pressed", "true")
    await chat.go("private")


async def answer(chat: ChatPage, number: int) -> Locator:
    """Wait for the bot's message of that number in the open chat, which is its last."""
    messages = chat.messages(of_bot=True)
    await expect(messages).to_have_count(number)
    return messages.nth(number - 1)


async def drawn(chat: ChatPage, number: int, *, buttons: int = 7) -> Locator:
    """Wait until that message, the bot's last, is a picture with at least so many buttons."""
    message = await answer(chat, number)
    await chat.see_picture(message)
    await expect(message.get_by_test_id("key").nth(buttons - 1)).to_be_visible()
    return message
