"""Anonymous administrators and a channel's direct messages on the chat page, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.sandbox.test_page import browser, chat, painter, world

if TYPE_CHECKING:
    from bot.sandbox.server import World
    from tests.sandbox.browser import ChatPage
    from tests.sandbox.test_page import Painter

__all__ = ["browser", "chat", "painter", "world"]  # fixtures

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_administrator_speaks_as_the_group_and_a_member_cannot(
    world: World, painter: Painter, chat: ChatPage
) -> None:
    await chat.go("group", "Art")
    await chat.by("anonymous").check()
    await chat.say("/imagine a city")
    await world.telegram.until(lambda: painter.seen)
    assert painter.seen[0]["sender_chat"]["title"] == "Friends"
    await expect(chat.messages().first).to_have_attribute("data-author", "Friends")
    await chat.go("private")
    await expect(chat.by("anonymous")).to_be_hidden()
    await chat.be("Bob")
    await chat.go("group", "Art")
    await expect(chat.by("anonymous")).to_be_hidden()


async def test_a_channels_direct_messages_are_between_each_person_and_the_channel(
    world: World, painter: Painter, chat: ChatPage
) -> None:
    await chat.be("Bob")
    await chat.go("direct")
    await chat.say("hello from Bob")
    await world.telegram.until(lambda: painter.seen)
    topic = painter.seen[0]["direct_messages_topic"]
    assert topic["user"]["first_name"] == "Bob"
    await expect(chat.messages()).to_contain_text(["hello from Bob"])
    await chat.be("小明")
    await chat.go("direct")
    await expect(chat.messages()).to_have_count(0)
    await chat.be("Alice")  # who owns the channel sees everybody's
    await chat.go("direct")
    await expect(chat.messages().first).to_contain_text("hello from Bob")
