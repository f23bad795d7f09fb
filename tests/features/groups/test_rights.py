"""What the bot may not do or see in a group, over the wire: fallbacks, and who hears of it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bot.domain import JobState, OutcomeKind
from sandbox.telegram import Person, Room
from sandbox.telegram.faults import BadRequest, Forbidden
from sandbox.telegram.members import PERMISSIONS, member
from tests.support.conversation import PICTURE, Conversation, image

PRIVATE = "I could not show you the answer in the group where you asked*"
BLIND = "I saw only one picture of that album*"


def changed(chat: Conversation, group: Room, by: Person, *, but: set[str] | None) -> None:
    """Somebody takes all rights `but` these from the bot, or with None puts it out."""
    bot = chat.telegram.world.bot
    new: dict[str, Any] = member(bot, "kicked", group.chat)
    if but is not None:
        new = {"status": "restricted", "user": bot.form(), "is_member": True, "until_date": 0}
        new |= {right: right in but for right in PERMISSIONS}
    change = {"chat": group.chat.form(), "from": by.user.form(), "date": int(time.time())}
    change |= {"old_chat_member": member(bot, "member", group.chat), "new_chat_member": new}
    chat.telegram.world.tell("my_chat_member", change)


async def test_without_the_right_to_send_photos_documents_are_sent(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    group.set_bot_role("photoless")
    file = PICTURE.replace("[photo]", "[file picture-1-1.png]")
    await chat.row(chat.bob, "/imagine a fox", file, chat=group)
    assert await chat.states() == [JobState.DELIVERED]


@pytest.mark.parametrize(
    "refusal", ["not enough rights to send documents to the chat", "CHAT_SEND_DOCS_FORBIDDEN"]
)
async def test_without_any_such_right_who_asked_hears_of_it_and_pays_nothing(
    chat: Conversation, refusal: str
) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    for _ in range(2):
        chat.telegram.fault("editMessageMedia", BadRequest(f"Bad Request: {refusal}"))
    chat.bob.send(group, "/imagine a fox")
    await chat.sees(chat.bob, PRIVATE)
    (job,) = await chat.quiet()
    assert (job.state, job.outcome) == (JobState.FAILED, OutcomeKind.UNDELIVERABLE)
    assert chat.lines(chat.alice) == []


async def test_in_a_group_where_the_bot_is_mute_nothing_is_bought(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    text = "Bad Request: not enough rights to send text messages to the chat"
    chat.telegram.fault("sendMessage", BadRequest(text))
    chat.telegram.fault("sendMessage", BadRequest(text))
    with chat.gateway.hold():
        chat.bob.send(group, "/imagine a fox")
        await chat.sees(chat.bob, PRIVATE)
    (job,) = await chat.quiet()
    assert job.state is not JobState.DELIVERED


async def test_who_asked_may_be_out_of_reach_himself(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    with chat.gateway.hold() as gate:
        chat.bob.send(group, "/imagine a fox")
        await chat.gateway.until(lambda: gate.waiting)
        group.remove_bot()
        chat.telegram.fault("sendMessage", Forbidden("bot can't initiate conversation with a user"))
    (job,) = await chat.quiet()
    assert (job.state, job.outcome) == (JobState.FAILED, OutcomeKind.UNDELIVERABLE)
    assert chat.lines(chat.bob) == []


async def test_who_added_the_bot_hears_once_of_what_it_may_not_do(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    changed(chat, group, chat.bob, but=set())  # nobody is known to have added it
    group.remove_bot()
    group.add_bot()
    await chat.quiet()
    assert chat.lines(chat.alice) == []  # what she did herself she knows
    changed(chat, group, chat.bob, but=set())
    muted = "I may no longer write in “Friends”, to which you added me.*"
    await chat.sees(chat.alice, muted)
    changed(chat, group, chat.bob, but={"can_send_messages"})
    pictures = "I may no longer send pictures or files in “Friends”*"
    await chat.sees(chat.alice, muted, pictures)
    changed(chat, group, chat.bob, but={"can_send_messages", "can_send_documents"})
    await chat.restart()
    changed(chat, group, chat.bob, but=None)
    removed = "I was removed from “Friends”, to which you had added me.*"
    await chat.sees(chat.alice, muted, pictures, removed)
    assert chat.lines(chat.bob) == []


async def test_a_part_of_an_album_is_explained_once_in_a_group(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    pictures = [image(color=(shade, 0, 0)) for shade in (10, 20, 30)]
    chat.bob.send(group, album=pictures, caption="@sandbox_bot blue")
    await chat.sees(group, PICTURE, BLIND)
    (first, *_) = chat.bob.send(group, album=pictures)
    reply = {"reply_to": first["message_id"]}
    await chat.restart()
    await chat.row(chat.bob, "@sandbox_bot green", PICTURE, chat=group, **reply)
    other = chat.telegram.group("Others", [chat.alice, chat.bob])
    (first, *_) = chat.bob.send(other, album=pictures)
    reply = {"reply_to": first["message_id"]}
    chat.bob.send(other, "@sandbox_bot green", **reply)
    await chat.telegram.until(lambda: len(chat.from_bot(other)) == 2)
    await chat.quiet()
    assert any(line.startswith(BLIND[:-1]) for line in chat.lines(other))


async def test_an_administrator_bot_sees_all_of_an_album(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    group.promote_bot()
    pictures = [image(color=(shade, 0, 0)) for shade in (10, 20, 30)]
    (first, *_) = chat.bob.send(group, album=pictures, caption="@sandbox_bot blue")
    await chat.sees(group, PICTURE)
    assert len(chat.last_call.inputs) == 3
    reply = {"reply_to": first["message_id"]}
    await chat.row(chat.bob, "@sandbox_bot green", PICTURE, chat=group, **reply)


async def test_answers_stay_in_their_topic_of_a_channels_direct_messages(
    chat: Conversation,
) -> None:
    room = chat.telegram.direct(chat.telegram.channel("News", [chat.alice]), [chat.bob])
    (drawn,) = await chat.row(chat.bob, "/imagine a fox", PICTURE, chat=room)
    await chat.press(chat.bob, drawn, "Original file", room)
    await chat.sees(room, PICTURE, "[file picture-1-1.png]")
    sent = [call for call in chat.telegram.calls if call.method in ("sendMessage", "sendDocument")]
    assert [call.params.get("direct_messages_topic_id") for call in sent] == [chat.bob.id] * 2
    assert not any("message_thread_id" in call.params for call in sent)


async def test_privacy_mode_is_explained_in_the_topic_of_the_album(chat: Conversation) -> None:
    forum = chat.telegram.group("Forum", [chat.alice, chat.bob], topics=("Art",))
    art = forum.topic("Art")
    pictures = [image(color=(shade, 0, 0)) for shade in (10, 20)]
    chat.bob.send(forum, album=pictures, caption="@sandbox_bot blue", thread=art)
    told = await chat.sees(forum, PICTURE, BLIND)
    assert {message.get("message_thread_id") for message in told} == {art}


async def test_a_reply_in_a_channels_direct_messages_edits_the_picture(chat: Conversation) -> None:
    room = chat.telegram.direct(chat.telegram.channel("News", [chat.alice]), [chat.bob])
    (drawn,) = await chat.row(chat.bob, "/imagine a fox", PICTURE, chat=room)
    await chat.committed()
    reply = {"reply_to": drawn["message_id"]}
    await chat.row(chat.bob, "in winter", PICTURE, chat=room, **reply)
    assert len(chat.last_call.inputs) == 1
    first, edit = await chat.quiet()
    assert (first.parent_picture_id, edit.parent_picture_id) == (None, 1)
    assert edit.thread_id == first.thread_id
