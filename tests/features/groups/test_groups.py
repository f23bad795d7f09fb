"""Groups: what is for the bot, what is not, and where its answers go; over the wire."""

from __future__ import annotations

from hashlib import sha256

import pytest

from bot.domain import account_of_admins
from sandbox.telegram import Room
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

FILE = ("a.png", image(), "image/png")
SHA = sha256(FILE[1]).hexdigest()


def given(chat: Conversation) -> list[str]:
    """Name the pictures of the gateway's last call."""
    return [picture.sha256 for picture in chat.last_call.inputs]


async def ignored(chat: Conversation, group: Room) -> None:
    """Nothing of all this is for the bot."""
    before, calls = chat.lines(group), len(chat.gateway.calls)
    (words,) = chat.bob.send(group, "nice weather, @someone_else")
    chat.bob.send(group, "not so nice", reply_to=words["message_id"])
    chat.bob.send(group, "/imagine@another_bot a red fox")
    chat.bob.send(group, "/nonsense")
    chat.bob.send(group, "my mail is alice@sandbox_bot.example")
    chat.bob.send(group, photo=image())
    chat.bob.send(group, document=FILE, caption="look")
    chat.bob.post(group, [{"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}}])
    await chat.quiet()
    assert (chat.lines(group), len(chat.gateway.calls)) == (before, calls)


async def test_in_privacy_mode_and_as_administrator_the_same_is_ignored(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    await ignored(chat, group)
    group.promote_bot()
    await ignored(chat, group)


async def test_words_for_the_bot(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    mention = {"type": "text_mention", "offset": 0, "length": 7, "user": chat.telegram.bot.form()}
    rows = (
        ("/imagine a red fox", "a red fox", ()),
        ("/imagine@sandbox_bot a red fox", "a red fox", ()),
        ("/imagine@Sandbox_Bot\na red fox", "a red fox", ()),
        ("@sandbox_bot a red fox", "a red fox", ()),
        ("🦊🦊 @sandbox_bot, a red fox", "🦊🦊 , a red fox", ()),
        ("a red fox, please @sandbox_bot", "a red fox, please", ()),
        ("Sandbox a red fox", "a red fox", [mention]),
    )
    for said, prompt, entities in rows:
        await chat.row(chat.alice, said, PICTURE, chat=group, entities=entities)
        assert chat.last_call.prompt.startswith(prompt)
    await chat.row(chat.bob, "/imagine", "What shall I draw?*", chat=group)
    assert len(chat.gateway.calls) == len(rows)


async def test_pictures_for_the_bot(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    for caption in ("/imagine blue", "/imagine@sandbox_bot blue", "@sandbox_bot blue"):
        await chat.row(chat.alice, None, PICTURE, chat=group, document=FILE, caption=caption)
        assert chat.last_call.prompt.startswith("blue")
        assert given(chat) == [SHA]
    (bobs,) = chat.bob.send(group, document=FILE)  # which the bot could not see
    for said in ("@sandbox_bot green", "/imagine green"):
        await chat.row(chat.alice, said, PICTURE, chat=group, reply_to=bobs["message_id"])
        assert chat.last_call.prompt.startswith("green")
        assert given(chat) == [SHA]


async def test_a_reply_to_the_bots_picture_edits_it(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=group)
    await chat.row(chat.bob, "in winter", PICTURE, chat=group, reply_to=drawn["message_id"])
    assert len(chat.last_call.inputs) == 1
    before = chat.lines(group)
    reply = {"reply_to": drawn["message_id"]}
    chat.bob.send(group, "/nonsense", **reply)
    chat.bob.send(group, "/imagine@another_bot a fox", **reply)
    sticker = {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}}
    chat.bob.post(group, [sticker], **reply)
    await chat.quiet()
    assert chat.lines(group) == before


async def test_a_picture_without_words_asks_the_one_who_sent_it(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (asked,) = await chat.row(
        chat.alice,
        None,
        "*as a reply to this message.*{*}",  # only replies reach a bot in privacy mode
        chat=group,
        document=FILE,
        caption="@sandbox_bot",
    )
    await chat.row(chat.bob, "/imagine a red fox", PICTURE, chat=group)
    assert chat.last_call.inputs == ()  # Bob was not asked
    reply = {"reply_to": asked["message_id"]}
    await chat.row(chat.alice, "make it blue", PICTURE, chat=group, **reply)
    assert given(chat) == [SHA]


async def test_answers_stay_in_their_topic(chat: Conversation) -> None:
    forum = chat.telegram.group("Forum", [chat.alice, chat.bob], topics=("Art",))
    art = forum.topic("Art")
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=forum, thread=art)
    await chat.row(chat.alice, "/help", "In groups: *What I can do:*", chat=forum, thread=art)
    await chat.row(
        chat.alice, "/id", f"You: {chat.alice.id} * Topic: {art}", chat=forum, thread=art
    )
    (asked,) = await chat.row(
        chat.alice,
        None,
        "What shall I do*",
        chat=forum,
        thread=art,
        document=FILE,
        caption="@sandbox_bot",
    )
    await chat.row(
        chat.alice, "blue", PICTURE, chat=forum, thread=art, reply_to=asked["message_id"]
    )
    await chat.press(chat.alice, drawn, "Original file", forum)
    await chat.press(chat.alice, drawn, "Again", forum)
    await chat.quiet()
    await chat.telegram.until(lambda: len(chat.from_bot(forum)) == 7)
    assert {message.get("message_thread_id") for message in chat.from_bot(forum)} == {art}
    with chat.gateway.hold():
        chat.alice.send(forum, "/imagine a slow fox", thread=art)
        await chat.telegram.until(lambda: forum.chat.actions)
    acted = {(action.name, action.thread) for action in forum.chat.actions}
    assert acted == {("upload_photo", art)}
    await chat.telegram.until(lambda: chat.lines(forum)[-1].startswith("[photo]"))
    (general,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=forum)
    assert "message_thread_id" not in general


async def test_an_anonymous_administrator_asks_as_the_group(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=group, as_chat=group)
    assert [job.account_id for job in await chat.jobs()] == [account_of_admins(group.id)]
    assert "Only the person" in await chat.press(chat.bob, drawn, "Again", group)
    assert await chat.press(chat.alice, drawn, "Again", group) == "Drawing it again."
    await chat.sees(group, PICTURE, PICTURE)


async def test_what_members_ask_for_takes_nothing_from_an_anonymous_administrator(
    start: Start,
) -> None:
    async with start(USER_IMAGES_PER_DAY="2") as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        for _ in range(2):
            await chat.row(chat.bob, "/imagine a red fox", PICTURE, chat=group)
        anonymous = {"chat": group, "as_chat": group}
        for _ in range(2):
            await chat.row(chat.alice, "/imagine a blue fox", PICTURE, **anonymous)
        await chat.row(chat.alice, "/imagine a blue fox", "You have used your 2*", **anonymous)
        await chat.row(chat.alice, "/usage", "*Today ? pictures: 2, left: 0 of 2*", **anonymous)


@pytest.mark.parametrize("allowed", ["channel", "group", "nobody"])
async def test_a_channel_that_is_let_in_is_so_in_groups(start: Start, allowed: str) -> None:
    async with start() as chat:
        group = chat.telegram.group("Discussion", [chat.alice, chat.bob])
        news = chat.telegram.channel("News", [chat.alice])
        ids = {"channel": news.id, "group": group.id, "nobody": 7}
        await chat.restart(ACCESS="allowlist", ALLOWED_IDS=str(ids[allowed]))
        expected = "This bot is private*" if allowed == "nobody" else PICTURE
        await chat.row(chat.alice, "/imagine a red fox", expected, chat=group, as_chat=news)


async def test_a_basic_group_works_as_well(chat: Conversation) -> None:
    group = chat.telegram.group("Old friends", [chat.alice, chat.bob], supergroup=False)
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=group)
    await chat.row(chat.bob, "in winter", PICTURE, chat=group, reply_to=drawn["message_id"])
    assert len(chat.last_call.inputs) == 1


async def test_who_writes_as_a_channel_asks_for_neither_himself_nor_it_and_administrators_may_press(
    chat: Conversation,
) -> None:
    group = chat.telegram.group("Discussion", [chat.alice, chat.bob])
    news = chat.telegram.channel("News", [chat.alice])
    chat.alice.send(group, "good morning", as_chat=news)
    speaks = {"chat": group, "as_chat": news}
    (drawn,) = await chat.row(chat.alice, "/imagine@sandbox_bot a red fox", PICTURE, **speaks)
    await chat.row(chat.bob, "/imagine a blue fox", PICTURE, chat=group)
    reply = {"reply_to": drawn["message_id"]}
    await chat.row(chat.alice, "in winter", PICTURE, **speaks, **reply)
    jobs = await chat.quiet()
    first, bob, second = (job.account_id for job in jobs)
    assert (first, bob) == (second, chat.bob.id)
    assert first not in {news.id, group.id, chat.alice.id, chat.bob.id}
    assert "Only the person" in await chat.press(chat.bob, drawn, "Again", group)
    assert await chat.press(chat.alice, drawn, "Again", group) == "Drawing it again."
    await chat.sees(group, PICTURE, PICTURE, PICTURE, PICTURE)
    assert [job.account_id for job in await chat.quiet()] == [first, chat.bob.id, first, first]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("kind", ["enhance", "voice"])
async def test_what_a_model_of_words_works_on_follows_its_group(
    start: Start, kind: str, *, told: bool
) -> None:
    async with start(ENHANCE_MODEL="gpt-4.1-mini", TRANSCRIPTION_MODEL="whisper-1") as chat:
        group = chat.telegram.group("Friends", [chat.alice], supergroup=False)
        (drawn,) = await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=group)
        with chat.gateway.hold() as gate:
            if kind == "enhance":
                chat.alice.send(group, "/enhance a cat")
            else:
                chat.alice.send(group, voice=b"OggS" + bytes(4000), reply_to=drawn["message_id"])
            await chat.gateway.until(lambda: gate.waiting)
            if told:
                new = group.upgrade()
                await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            else:  # the bot hears of it by a call that Telegram refuses
                with chat.telegram.world.without_updates():
                    new = group.upgrade()
        await chat.telegram.until(lambda: bool(chat.lines(new)))
        assert chat.lines(new)[0].startswith("How about this?" if kind == "enhance" else "I heard")


async def test_an_album_follows_its_group(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="1") as chat:
        group = chat.telegram.group("Friends", [chat.alice], supergroup=False)
        group.promote_bot()
        pictures = [image(), image(color=(1, 2, 3))]
        chat.alice.send(group, album=pictures, caption="/imagine merge them")
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.sees(group.upgrade(), PICTURE)
