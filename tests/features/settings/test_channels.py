"""The settings of channels and of their direct messages' topics, over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from sandbox.telegram import Room
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, POST, Conversation

CHANNEL = "Settings of this channel*{Model|Aspect ratio|Pictures|Sent as|Caption line|Buttons|Language|Ready ping|Keyword}"
DENIED = "Only the administrators of this channel can change its settings."


@pytest_asyncio.fixture
async def small(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(**choice(tmp_path)) as conversation:
        yield conversation


def ratio(chat: Conversation) -> str | None:
    """Tell the aspect ratio of the gateway's last call."""
    return chat.last_call.aspect_ratio


async def forged(chat: Conversation, room: Room, number: int, data: str) -> str:
    """Alice presses what no button says; tells what the bot answers."""
    query = chat.alice.press_only(room, number, data, forged=True)
    answer = await chat.telegram.until(lambda: chat.telegram.answer_to(query))
    assert answer
    return answer.text or ""


async def test_a_post_shows_the_channels_settings_and_its_administrators_change_them(
    small: Conversation,
) -> None:
    channel = small.telegram.channel("News", [small.alice])
    channel.chat.join(small.bob.user)
    (menu,) = await small.row(small.alice, "/settings", CHANNEL, chat=channel)
    for button in ("Aspect ratio", "Model", "Keyword"):
        assert await small.press(small.bob, menu, button, channel) == DENIED
    for button, shown in (
        ("Aspect ratio", "Settings of this channel*Back}"),
        ("16:9", "Settings of this channel*Aspect ratio: 16:9*"),
    ):
        await small.press(small.alice, menu, button, channel)
        await small.sees(channel, shown)
    await small.restart()
    await small.row(small.alice, "/imagine a fox", POST, chat=channel)
    assert ratio(small) == "16:9"
    await small.row(small.alice, "a fox", PICTURE)  # in private her own choices hold
    assert ratio(small) is None


async def test_a_channel_speaks_its_language_and_knows_its_keyword(small: Conversation) -> None:
    channel = small.telegram.channel("Nachrichten", [small.alice])
    (menu,) = await small.row(small.alice, "/settings prefix draw", "*Keyword*", chat=channel)
    await small.row(small.alice, "draw a fox", POST, chat=channel)
    assert small.last_call.prompt.startswith("a fox")
    await small.press(small.alice, menu, "Back", channel)
    await small.sees(channel, CHANNEL, POST)
    await small.press(small.alice, menu, "Language", channel)
    await small.sees(channel, "*|Deutsch|*", POST)
    await small.press(small.alice, menu, "Deutsch", channel)
    await small.sees(channel, "*Sprache: Deutsch*", POST)
    await small.row(small.alice, "/settings prefix", "*", chat=channel)
    small.alice.send(channel, "/settings@another_bot")
    await small.quiet()
    assert len(small.lines(channel)) == 3


async def test_forged_presses_in_a_channel_change_nothing(small: Conversation) -> None:
    channel = small.telegram.channel("News", [small.alice])
    (menu,) = await small.row(small.alice, "/settings", CHANNEL, chat=channel)
    number = menu["message_id"]
    for data in ("ratio:16:9", "menu:top", "ratio@.:16:9", "ratio@zz:16:9", "set@zz:member:5"):
        answer = await forged(small, channel, number, data)
        assert answer.startswith("This button")
    await small.row(small.alice, "/imagine a fox", POST, chat=channel)
    assert ratio(small) is None


async def test_each_topic_of_a_channels_direct_messages_has_choices_of_its_own(
    small: Conversation,
) -> None:
    channel = small.telegram.channel("News", [small.alice])
    carol = small.telegram.person("Carol")
    room = small.telegram.direct(channel, [small.bob, carol])
    (menu,) = await small.row(
        small.bob, "/settings", "Settings of this topic*{*|For me}", chat=room
    )
    denied = await small.press(carol, menu, "Aspect ratio", room)
    assert denied.startswith("Only the administrators")
    await small.press(small.bob, menu, "Aspect ratio", room)
    await small.sees(room, "Settings of this topic*Back}")
    await small.press(small.bob, menu, "16:9", room)
    await small.sees(room, "Settings of this topic*Aspect ratio: 16:9*")
    await small.restart()
    (drawn,) = await small.row(small.bob, "/imagine a fox", PICTURE, chat=room)
    assert ratio(small) == "16:9"
    assert drawn["direct_messages_topic"]["topic_id"] == small.bob.id
    await small.row(carol, "/imagine a fox", PICTURE, chat=room)
    assert ratio(small) is None
    await small.press(small.alice, menu, "Aspect ratio", room)  # who governs the channel may, too
    await small.sees(room, "Settings of this topic*Back}", PICTURE, PICTURE)
