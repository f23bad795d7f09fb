"""Channels: posts that ask for pictures, and who may press what stands under them."""

from __future__ import annotations

from hashlib import sha256

import pytest

from bot.domain import JobState, OutcomeKind
from sandbox.telegram import Person, Room
from sandbox.telegram.faults import BadRequest
from sandbox.telegram.members import change
from tests.conftest import Start
from tests.support.conversation import PICTURE, POST, Conversation, image

FILE = ("a.png", image(), "image/png")


async def test_posts_for_the_bot_are_drawn_and_all_others_ignored(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    for post in ("good morning", "/help", "/nonsense", "/imagine@another_bot a fox"):
        chat.alice.send(channel, post)
    chat.alice.send(channel, document=FILE, caption="look")
    await chat.quiet()
    assert chat.lines(channel) == []
    for post in ("/imagine a red fox", "/imagine@sandbox_bot a red fox", "@sandbox_bot a red fox"):
        await chat.row(chat.alice, post, POST, chat=channel)
        assert chat.last_call.prompt.startswith("a red fox")
    for caption in ("/imagine blue", "blue @sandbox_bot"):
        await chat.row(chat.alice, None, POST, chat=channel, document=FILE, caption=caption)
        (given,) = chat.last_call.inputs
        assert given.sha256 == sha256(FILE[1]).hexdigest()
    assert {job.account_id for job in await chat.jobs()} == {channel.id}


async def test_a_reply_to_the_bots_picture_edits_it(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", POST, chat=channel)
    await chat.row(chat.alice, "in winter", POST, chat=channel, reply_to=drawn["message_id"])
    assert len(chat.last_call.inputs) == 1
    (own,) = chat.alice.send(channel, document=FILE)
    chat.alice.send(channel, "from our archive", reply_to=own["message_id"])
    await chat.quiet()
    assert len(chat.gateway.calls) == 2  # a reply to a post of theirs is not for the bot


async def test_administrators_press_and_readers_do_not(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", POST, chat=channel)
    channel.chat.join(chat.bob.user)
    for button in ("Again", "Original file", "Delete"):
        answer = await chat.press(chat.bob, drawn, button, channel)
        assert answer == "Only the person who asked for this picture can press this."
    assert await chat.press(chat.alice, drawn, "Again", channel) == "Drawing it again."
    await chat.sees(channel, POST, POST)
    await chat.press(chat.alice, drawn, "Original file", channel)
    await chat.sees(channel, POST, POST, "[file picture-1-1.png]")
    assert await chat.delete(chat.alice, drawn, channel) == "Deleted."
    await chat.sees(channel, POST, "[file picture-1-1.png]")


async def test_a_post_that_comes_twice_is_drawn_once(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    await chat.row(chat.alice, "/imagine a red fox", POST, chat=channel)
    await chat.quiet()
    for fresh in (False, True):
        chat.telegram.redeliver(1, fresh_ids=fresh)
        await chat.row(chat.alice, "a blue fox", PICTURE)  # what comes twice was before it
        await chat.sees(channel, POST)
        posts = chat.telegram.world.chats[channel.id].posts
        (post,) = (one.message for one in posts.values() if "fox" in one.message.get("text", ""))
        chat.telegram.world.tell("channel_post", post)
        await chat.quiet()
        await chat.sees(channel, POST)
    assert [call.prompt[:5] for call in chat.gateway.calls] == ["a red", "a blu", "a blu"]


async def test_photos_and_albums_are_drawn_by_their_caption(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    pictures = [image(color=(shade, 0, 0)) for shade in (10, 20, 30)]
    for item in range(2):
        sent = {"album": pictures, "caption": f"/imagine a mix {item}", "caption_on": item}
        await chat.row(chat.alice, None, POST, chat=channel, **sent)
        assert chat.last_call.prompt.startswith(f"a mix {item}")
        assert len(chat.last_call.inputs) == 3
    await chat.row(chat.alice, None, POST, chat=channel, photo=image(), caption="/imagine in blue")
    assert len(chat.last_call.inputs) == 1
    chat.alice.send(channel, album=pictures, caption="look")
    await chat.quiet()
    assert len(chat.gateway.calls) == 3
    assert {job.account_id for job in await chat.jobs()} == {channel.id}


async def test_a_voice_message_is_heard_only_as_a_reply_to_the_bot(start: Start) -> None:
    async with start(TRANSCRIPTION_MODEL="whisper-1") as chat:
        channel = chat.telegram.channel("News", [chat.alice])
        voice = b"OggS" + bytes(4000)
        chat.alice.send(channel, voice=voice)
        await chat.quiet()
        assert (chat.lines(channel), chat.gateway.voices) == ([], [])
        (drawn,) = await chat.row(chat.alice, "/imagine a fox", POST, chat=channel)
        said = {"voice": voice, "reply_to": drawn["message_id"]}
        await chat.row(chat.alice, None, "I heard: *", POST, chat=channel, **said)
        assert len(chat.last_call.inputs) == 1


def muted(chat: Conversation, channel: Room, by: Person) -> None:
    """Somebody takes the right to post from the bot, which stays an administrator."""
    bot = chat.telegram.world.bot
    told = change(channel.chat, by.user, bot, "administrator", "administrator")
    told["new_chat_member"] |= {"can_post_messages": False, "can_edit_messages": False}
    chat.telegram.world.tell("my_chat_member", told)


@pytest.mark.parametrize(
    "refusal",
    [
        "need administrator rights in the channel chat",
        "not enough rights to edit messages in the chat",
        "CHAT_ADMIN_REQUIRED",
    ],
)
async def test_the_right_to_post_taken_while_drawing_costs_nothing(
    chat: Conversation, refusal: str
) -> None:
    channel = chat.telegram.channel("News", [chat.alice, chat.bob])
    channel.remove_bot()
    channel.add_bot()  # by Alice, who founded it
    methods = ("sendMessage", "editMessageText", "editMessageMedia", "deleteMessage")
    with chat.gateway.hold() as gate:
        chat.alice.send(channel, "/imagine a fox")
        await chat.gateway.until(lambda: gate.waiting)
        for _ in range(2):  # told twice, heard once
            muted(chat, channel, chat.bob)
        await chat.sees(chat.alice, "I may no longer write in “News”, to which you added me.*")
        for method in methods:
            chat.telegram.fault(method, BadRequest(f"Bad Request: {refusal}"), 50)
    (job,) = await chat.quiet()
    assert (job.state, job.outcome) == (JobState.FAILED, OutcomeKind.UNDELIVERABLE)
    refused = [call for call in chat.telegram.calls if call.method in methods]
    assert len(refused) < 8
    assert len(chat.from_bot(chat.alice)) == 1
    assert chat.from_bot(chat.bob) == []
    assert len(chat.gateway.calls) == 1
