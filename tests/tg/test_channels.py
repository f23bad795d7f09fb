"""Channels: posts that ask for pictures, and who may press what stands under them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from tests.conversation import PICTURE, image

if TYPE_CHECKING:
    from tests.conversation import Conversation

FILE = ("a.png", image(), "image/png")


async def test_posts_for_the_bot_are_drawn_and_all_others_ignored(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    for post in ("good morning", "/help", "/nonsense", "/imagine@another_bot a fox"):
        chat.alice.send(channel, post)
    chat.alice.send(channel, document=FILE, caption="look")
    await chat.quiet()
    assert chat.lines(channel) == []
    for post in ("/imagine a red fox", "/imagine@sandbox_bot a red fox", "@sandbox_bot a red fox"):
        await chat.row(chat.alice, post, PICTURE, chat=channel)
        assert chat.last_call.prompt.startswith("a red fox")
    for caption in ("/imagine blue", "blue @sandbox_bot"):
        await chat.row(chat.alice, None, PICTURE, chat=channel, document=FILE, caption=caption)
        (given,) = chat.last_call.inputs
        assert given.sha256 == sha256(FILE[1]).hexdigest()
    assert {job.account_id for job in await chat.jobs()} == {channel.id}


async def test_a_reply_to_the_bots_picture_edits_it(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=channel)
    await chat.row(chat.alice, "in winter", PICTURE, chat=channel, reply_to=drawn["message_id"])
    assert len(chat.last_call.inputs) == 1
    (own,) = chat.alice.send(channel, document=FILE)
    chat.alice.send(channel, "from our archive", reply_to=own["message_id"])
    await chat.quiet()
    assert len(chat.gateway.calls) == 2  # a reply to a post of theirs is not for the bot


async def test_administrators_press_and_readers_do_not(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=channel)
    channel.chat.join(chat.bob.user)
    for button in ("Again", "Original file", "Delete"):
        answer = await chat.press(chat.bob, drawn, button, channel)
        assert answer == "Only the person who asked for this picture can press this."
    assert await chat.press(chat.alice, drawn, "Again", channel) == "Drawing it again."
    await chat.sees(channel, PICTURE, PICTURE)
    await chat.press(chat.alice, drawn, "Original file", channel)
    await chat.sees(channel, PICTURE, PICTURE, "[file picture-1-1.png]")
    assert await chat.press(chat.alice, drawn, "Delete", channel) == "Deleted."
    await chat.sees(channel, PICTURE, "[file picture-1-1.png]")
