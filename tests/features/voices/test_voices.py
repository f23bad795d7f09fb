"""Voice messages, over the wire: written down, shown, and drawn as if they had been typed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.domain import Period, now
from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image

OGG = b"OggS" + bytes(4000)
HEARD = "I heard: A red fox in the snow."
FAILED = "I could not understand this voice message just now.*Nothing was charged."


LISTENS = {"TRANSCRIPTION_MODEL": "whisper-1"}


@pytest_asyncio.fixture
async def chat(start: Start) -> AsyncIterator[Conversation]:
    """The whole bot, with a model that listens."""
    async with start(**LISTENS) as conversation:
        yield conversation


def says(chat: Conversation, *words: str) -> None:
    """Script what will be heard."""
    chat.gateway.hearing.extend(Reply(text=one) for one in words)


async def test_a_voice_is_shown_and_drawn_as_if_typed(chat: Conversation) -> None:
    heard, drawn = await chat.row(chat.alice, None, HEARD, PICTURE, voice=OGG)
    assert chat.last_call.prompt.startswith("A red fox in the snow.")
    (voice,) = chat.gateway.voices
    assert (voice.model, voice.name, voice.size) == ("whisper-1", "voice.ogg", len(OGG))
    assert heard["reply_to_message"] == drawn["reply_to_message"]
    assert "voice" in heard["reply_to_message"]


async def test_flags_are_obeyed_spoken_or_in_the_caption(start: Start, tmp_path: Path) -> None:
    async with start(**choice(tmp_path), **LISTENS) as chat:
        says(chat, "a red fox x2", "a red fox")
        await chat.row(chat.alice, None, "I heard: a red fox x2", PICTURE, PICTURE, voice=OGG)
        await chat.row(chat.alice, None, "I heard: a red fox", PICTURE, voice=OGG, caption="16:9")
        assert chat.last_call.aspect_ratio == "16:9"
        assert chat.last_call.prompt == "a red fox"
        says(chat, "a fox --model nobody")
        await chat.row(chat.alice, None, "I heard: a fox*", "I do not know this model.*", voice=OGG)


async def test_a_voice_says_what_to_do_with_a_picture(chat: Conversation) -> None:
    says(chat, "make it blue", "make it green")
    await chat.row(chat.alice, None, "What shall I do with this picture?*", photo=image())
    await chat.row(chat.alice, None, "I heard: make it blue", PICTURE, voice=OGG)
    assert len(chat.last_call.inputs) == 1
    (own,) = chat.alice.send(photo=image(), caption="make it red")
    await chat.quiet()
    said = {"voice": OGG, "reply_to": own["message_id"]}
    await chat.row(chat.alice, None, "I heard: make it green", PICTURE, **said)
    assert len(chat.last_call.inputs) == 1


async def test_audio_files_are_heard_too(chat: Conversation) -> None:
    kept = chat.alice.keep_voice(b"ID3" + bytes(99))["voice"]
    before = chat.lines(chat.alice)
    chat.alice.post(chat.alice, [{"audio": {**kept, "mime_type": "audio/mpeg"}}])
    await chat.sees(chat.alice, *before, HEARD, PICTURE)
    assert chat.gateway.voices[-1].name == "voice.mp3"


async def test_in_groups_a_voice_must_reply_to_the_bot(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    group.promote_bot()
    chat.alice.send(group, voice=OGG)
    await chat.quiet()
    assert chat.lines(group) == []
    (drawn,) = await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=group)
    said = {"voice": OGG, "reply_to": drawn["message_id"]}
    await chat.row(chat.bob, None, HEARD, PICTURE, chat=group, **said)
    assert len(chat.last_call.inputs) == 1


async def test_without_a_model_the_bot_reads_text_only(start: Start) -> None:
    async with start() as chat:
        await chat.row(chat.alice, None, "I understand words and pictures only.*", voice=OGG)
        assert chat.gateway.voices == []
        (told,) = await chat.row(chat.alice, "/privacy", "What is stored here:*")
        assert "Voice messages" not in told["text"]


async def test_privacy_tells_where_voices_go(chat: Conversation) -> None:
    await chat.row(chat.alice, "/privacy", "What is stored here:*Voice messages are sent to*")


async def test_what_is_too_long_or_too_large_is_not_fetched(chat: Conversation) -> None:
    kept = chat.alice.keep_voice(OGG, 301)
    await asyncio.sleep(0)
    before = chat.lines(chat.alice)
    chat.alice.post(chat.alice, [kept])
    large = {**chat.alice.keep_voice(OGG)["voice"], "file_size": 21 * 1024 * 1024}
    chat.alice.post(chat.alice, [{"voice": large}])
    await chat.sees(chat.alice, *before, "This is too long for me:*", "This is too long for me:*")
    assert not [call for call in chat.telegram.calls if call.method == "getFile"]


async def test_failures_are_told_and_cost_nothing(chat: Conversation) -> None:
    rows = (
        (Reply(failure=Failure.SERVER_ERROR), FAILED),
        (Reply(failure=Failure.UNAUTHORIZED), FAILED),
        (Reply(failure=Failure.OK_BUT_HTML), FAILED),
        (Reply(failure=Failure.OK_BUT_ERROR), FAILED),
        (Reply(body=b'{"words": 1}'), FAILED),
        (Reply(text="  "), "I could not hear any words in this voice message.*"),
    )
    for reply, answer in rows:
        chat.gateway.hearing.append(reply)
        await chat.row(chat.alice, None, answer, voice=OGG)
    assert len(chat.gateway.voices) == len(rows)
    assert await chat.jobs() == []
    lost = {**chat.alice.keep_voice(OGG)["voice"], "file_id": "nothing"}
    before = chat.lines(chat.alice)
    chat.alice.post(chat.alice, [{"voice": lost}])
    await chat.sees(chat.alice, *before, "Telegram did not hand out this voice message.*")


async def test_a_crowded_gateway_is_asked_again(chat: Conversation) -> None:
    chat.gateway.hearing.append(Reply(failure=Failure.RATE_LIMITED, retry_after=1))
    await chat.row(chat.alice, None, HEARD, PICTURE, voice=OGG)
    assert len(chat.gateway.voices) == 2


async def test_a_voice_that_comes_twice_is_drawn_once(chat: Conversation) -> None:
    await chat.row(chat.alice, None, HEARD, PICTURE, voice=OGG)
    chat.telegram.redeliver(1)
    chat.telegram.redeliver(1, fresh_ids=True)
    await chat.quiet()
    await chat.row(chat.alice, "/help", "What I can do:*")
    assert len(chat.from_bot(chat.alice)) == 3
    assert len(chat.gateway.voices) == len(chat.gateway.calls) == 1


async def test_cancel_reaches_a_voice_that_is_being_written_down(chat: Conversation) -> None:
    with chat.gateway.hold():
        chat.alice.send(voice=OGG)
        await chat.gateway.until(lambda: chat.gateway.voices)
        await chat.row(chat.alice, "/cancel", "Cancelled 1 picture.*")
    await chat.row(chat.alice, "/cancel", "There is nothing to cancel.")
    assert await chat.jobs() == []


async def test_one_account_cannot_fill_the_line(chat: Conversation) -> None:
    with chat.gateway.hold():
        for _ in range(2):
            chat.alice.send(voice=OGG)
        await chat.gateway.until(lambda: len(chat.gateway.voices) == 2)
        await chat.row(chat.alice, None, "I am still listening*", voice=OGG)
    line = (HEARD, PICTURE) * 2
    await chat.telegram.until(lambda: len(chat.lines(chat.alice)) == 1 + len(line))


async def test_who_has_used_up_his_pictures_is_not_listened_to(start: Start) -> None:
    async with start(**LISTENS, USER_IMAGES_PER_DAY="1") as chat:
        await chat.row(chat.alice, "a fox", PICTURE)
        await chat.quiet()
        await chat.row(chat.alice, None, "You have used your 1 picture for today.*", voice=OGG)
        assert chat.gateway.voices == []


async def test_a_voice_whose_picture_could_not_even_wait_is_not_heard(start: Start) -> None:
    async with start(**LISTENS, USER_QUEUE="1", USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a fox", "Drawing… {Cancel}")
            await chat.row(chat.alice, "a cat", "Waiting*")
            full = "Your queue is full (pictures waiting: 1).*"
            await chat.row(chat.alice, None, full, voice=OGG)
        assert chat.gateway.voices == []
        await chat.quiet()


async def test_who_is_not_let_in_is_told_so(start: Start) -> None:
    async with start(**LISTENS, ACCESS="allowlist") as chat:
        await chat.row(chat.alice, None, "This bot is private.*", voice=OGG)


async def test_the_call_is_the_accounts_cost_and_no_picture(start: Start) -> None:
    async with start(**LISTENS, TRANSCRIPTION_USD_PER_MINUTE="0.006") as chat:
        says(chat, " ")
        await chat.row(chat.alice, None, "I could not hear any words*", voice=OGG)
        used = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
        totals = used[Period.ALL]
        assert totals.pictures == totals.reserved == 0
        assert totals.costs == (("USD", 300),)  # three seconds of 0.006 a minute


async def test_a_voice_goes_on_after_a_restart(chat: Conversation) -> None:
    with chat.gateway.hold():
        chat.alice.send(voice=OGG)
        await chat.gateway.until(lambda: chat.gateway.voices)
        await chat.end()
    await chat.begin(**LISTENS)
    await chat.sees(chat.alice, HEARD, PICTURE)


async def test_what_was_heard_is_said_in_the_topic(chat: Conversation) -> None:
    forum = chat.telegram.group("Forum", [chat.alice], topics=["Foxes"])
    topic = forum.topic("Foxes")
    (drawn,) = await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=forum, thread=topic)
    said = {"voice": OGG, "reply_to": drawn["message_id"], "thread": topic}
    heard, _ = await chat.row(chat.alice, None, HEARD, PICTURE, chat=forum, **said)
    assert heard["message_thread_id"] == topic
