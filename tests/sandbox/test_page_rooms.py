"""Administrators and a channel's direct messages on the chat page, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from sandbox.server import Sandbox
from tests.sandbox.test_page import Painter, browser, chat, painter, world
from tests.support.browser import ChatPage

__all__ = ["browser", "chat", "painter", "world"]  # fixtures

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_administrator_speaks_as_the_group_and_a_member_cannot(
    world: Sandbox, painter: Painter, chat: ChatPage
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
    world: Sandbox, painter: Painter, chat: ChatPage
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


async def test_a_group_shows_what_its_administrator_lets_the_bot_do(
    painter: Painter, chat: ChatPage
) -> None:
    await chat.go("group", called="Studio")
    await expect(chat.by("empty")).to_contain_text("hears every message")
    await chat.say("we talk among ourselves")
    await expect(chat.by("status")).to_have_text("3 people and Sandbox, administrator")
    for right, status in (
        ("member", "3 people and Sandbox"),
        ("photoless", "3 people and Sandbox, without photos"),
        ("muted", "3 people and Sandbox, muted"),
        ("administrator", "3 people and Sandbox, administrator"),
    ):
        await chat.by("rights-open").click()
        await chat.by(f"right-{right}").click()
        await expect(chat.by("rights")).to_be_hidden()
        await expect(chat.by("status")).to_have_text(status)
    await chat.say("still heard")
    await expect(chat.messages()).to_have_count(2)
    assert [seen["text"] for seen in painter.seen if "text" in seen][-1] == "still heard"


async def test_the_bot_is_put_out_and_taken_back_by_keyboard(
    world: Sandbox, painter: Painter, chat: ChatPage
) -> None:
    keyboard = chat.page.keyboard
    await chat.go("group", called="Studio")
    await chat.by("rights-open").focus()
    await keyboard.press("Enter")
    await expect(chat.by("right-administrator")).to_be_focused()
    await keyboard.press("Escape")
    await expect(chat.by("rights")).to_be_hidden()
    await expect(chat.by("rights-open")).to_be_focused()
    await keyboard.press("Enter")
    for _ in range(4):
        await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(chat.by("status")).to_have_text("3 people")
    await chat.say("nobody hears this")
    await chat.by("rights-open").click()
    await chat.by("right-member").click()
    await expect(chat.messages()).to_have_count(1)
    await expect(chat.page.locator(".service").last).to_have_text("Sandbox joined the group")
    await world.telegram.until(
        lambda: any("new_chat_members" in message for message in painter.seen)
    )
    assert not any("text" in message for message in painter.seen)


async def test_a_channel_has_the_menu_and_a_member_has_none(chat: ChatPage) -> None:
    await chat.go("channel")
    await chat.by("rights-open").click()
    await expect(chat.by("rights").get_by_role("button")).to_have_count(2)
    await chat.page.keyboard.press("Escape")
    await chat.go("direct")
    await expect(chat.by("rights-open")).to_be_hidden()
    await chat.be("Bob")
    await chat.go("group", called="Studio")
    await expect(chat.by("rights-open")).to_be_hidden()
