"""Calls for words, over the wire: noted before, bounded, drained, and of no effect once called off."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain import TextCall, TextCallKind, now
from bot.features.enhance import service as enhance_service
from bot.features.voices import service as voices_service
from bot.storage import schema
from bot.storage.engine import Store
from sandbox.gateway import Reply
from tests.conftest import Start
from tests.features.enhance.test_enhance import BETTER, FAILED, SHOWN
from tests.features.voices.test_voices import FAILED as UNHEARD
from tests.features.voices.test_voices import HEARD, OGG
from tests.support.command import ended
from tests.support.conversation import PICTURE, Conversation
from tests.support.process import running
from tests.support.waiting import patient

WORDS = {"ENHANCE_MODEL": "gpt-4.1-mini", "TRANSCRIPTION_MODEL": "whisper-1"}


@pytest.fixture(name="chat")
async def _chat(start: Start) -> AsyncIterator[Conversation]:
    async with start(**WORDS) as chat:
        yield chat


def fetched(bot: Conversation) -> int:
    return sum(call.method == "getFile" for call in bot.telegram.calls)


async def unknown(chat: Conversation) -> list[str]:
    """Name the calls whose end nobody has seen."""
    calls = await chat.store.read(lambda tx: tx.calls.unfinished(10))
    return [call.kind for call in calls]


@pytest.mark.parametrize(
    ("said", "kind", "answer"),
    [({"text": "a fox --enhance"}, "rewrite", SHOWN), ({"voice": OGG}, "voice", HEARD)],
)
async def test_a_kill_in_the_call_leaves_its_row_and_the_words_come(
    tmp_path: Path, said: dict[str, Any], kind: str, answer: str
) -> None:
    async with running(tmp_path, **WORDS) as bot:
        gate = bot.gateway.hold()
        bot.alice.send(**said)
        await bot.gateway.until(lambda: gate.waiting)
        assert await unknown(bot) == [kind]  # committed before the call
        await bot.kill()
        gate.release()
        await bot.begin()
        await bot.sees(bot.alice, answer, *([PICTURE] if kind == "voice" else []))
        assert await unknown(bot) == [kind]  # for the operator to see
        assert "calls without an end" in bot.log.read_text()


@pytest.mark.parametrize(
    ("said", "answer"), [({"text": "/enhance a fox"}, FAILED), ({"voice": OGG}, UNHEARD)]
)
async def test_what_the_process_died_of_twice_is_not_asked_a_third_time(
    tmp_path: Path, said: dict[str, Any], answer: str
) -> None:
    async with running(tmp_path, **WORDS) as bot:
        bot.alice.send(**said)
        for calls in (1, 2):
            gate = bot.gateway.hold()
            await bot.gateway.until(lambda: gate.waiting)  # noqa: B023 - called at once
            assert len(await unknown(bot)) == calls
            await bot.kill()
            gate.release()
            if calls == 1:
                gate = bot.gateway.hold()
            await bot.begin()
        await bot.sees(bot.alice, answer)
        assert len(await unknown(bot)) == 2


async def test_a_stopped_bot_finishes_the_calls_that_run(chat: Conversation) -> None:
    chat.gateway.hearing.append(Reply(delay=0.4))
    chat.gateway.script(Reply(pictures=0, text=BETTER, delay=0.4))
    chat.alice.send(text="/enhance a fox")
    chat.bob.send(voice=OGG)
    await chat.gateway.until(lambda: chat.gateway.calls and chat.gateway.voices)
    await chat.end()
    assert await unknown(chat) == []
    await chat.sees(chat.alice, SHOWN)
    await chat.begin(**WORDS)
    await chat.sees(chat.bob, HEARD, PICTURE)
    assert len(chat.gateway.voices) == 1


async def test_what_takes_longer_than_the_stop_is_asked_anew(start: Start) -> None:
    async with start(**WORDS, SHUTDOWN_SECONDS="0.2") as chat:
        gate = chat.gateway.hold()
        chat.alice.send(text="/enhance a fox")
        chat.bob.send(voice=OGG)
        await chat.gateway.until(lambda: chat.gateway.voices and gate.waiting > 1)
        await chat.end()
        assert sorted(await unknown(chat)) == ["rewrite", "voice"]
        gate.release()
        await chat.begin(**WORDS)
        await chat.sees(chat.alice, SHOWN)
        await chat.sees(chat.bob, HEARD, PICTURE)


@pytest.mark.parametrize("said", [{"text": "/enhance a fox"}, {"voice": OGG}])
async def test_words_that_come_after_a_cancel_are_not_posted(
    chat: Conversation, said: dict[str, Any]
) -> None:
    with chat.gateway.hold() as gate:
        chat.alice.send(**said)
        await chat.gateway.until(lambda: gate.waiting)
        await chat.row(chat.alice, "/cancel", "Cancelled 1 picture.*")
    await told(chat)
    assert len(chat.lines(chat.alice)) == 1
    assert await chat.jobs() == []


@pytest.mark.parametrize("said", [{"text": "/enhance a fox"}, {"voice": OGG}])
async def test_words_for_somebody_who_was_forgotten_are_not_posted(
    chat: Conversation, said: dict[str, Any]
) -> None:
    with chat.gateway.hold() as gate:
        chat.alice.send(**said)
        await chat.gateway.until(lambda: gate.waiting)
        (asked,) = await chat.row(chat.alice, "/forget", "*")
        button = asked["reply_markup"]["inline_keyboard"][0][0]["text"]
        await chat.press(chat.alice, asked, button)
    await told(chat)
    assert len(chat.lines(chat.alice)) == 1
    assert await chat.jobs() == []


@pytest.mark.parametrize("said", [{"text": "/enhance a fox"}, {"voice": OGG}])
async def test_words_for_a_deleted_message_are_neither_posted_nor_drawn(
    chat: Conversation, said: dict[str, Any]
) -> None:
    with chat.gateway.hold() as gate:
        (own,) = chat.alice.send(**said)
        await chat.gateway.until(lambda: gate.waiting)
        chat.alice.delete(chat.alice, own["message_id"])
    await told(chat)
    assert chat.lines(chat.alice) == []
    assert await chat.jobs() == []


async def told(chat: Conversation) -> None:
    """Wait until no call runs, and nothing waits for one."""
    async with patient():
        while await unknown(chat) or await waiting(chat):
            await asyncio.sleep(0.02)
    await chat.row(chat.bob, "/help", "What I can do:*")


async def waiting(chat: Conversation) -> int:
    """Count what waits for words."""
    return await chat.store.read(
        lambda tx: len(tx.voices.unfinished(now())) + len(tx.enhancements.unfinished(now()))
    )


async def test_one_person_has_two_calls_at_once(chat: Conversation) -> None:
    with chat.gateway.hold() as gate:
        for _ in range(2):
            chat.alice.send(text="/enhance a fox")
        await chat.gateway.until(lambda: gate.waiting == 2)
        await chat.row(chat.alice, "/enhance a fox", "I am still at work on your earlier prompts.*")
    await told(chat)


async def test_a_crowd_is_told_to_come_back(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enhance_service, "CROWD", 1)
    monkeypatch.setattr(voices_service, "CROWD", 1)
    with chat.gateway.hold() as gate:
        chat.alice.send(text="/enhance a fox")
        chat.alice.send(voice=OGG)
        await chat.gateway.until(lambda: gate.waiting == 2)
        await chat.row(chat.bob, "/enhance a fox", "Many prompts are being made better just now.*")
        await chat.row(chat.bob, None, "Many people are speaking to me just now.*", voice=OGG)
    await chat.sees(chat.alice, *["*"] * 3)


async def test_other_words_are_looked_for_within_the_same_bounds(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shown,) = await chat.row(chat.alice, "/enhance a fox", SHOWN)
    monkeypatch.setattr(enhance_service, "CROWD", 1)
    with chat.gateway.hold() as gate:
        chat.bob.send(text="/enhance a dog")
        await chat.gateway.until(lambda: gate.waiting)
        said = await chat.press(chat.alice, shown, "Another wording")
        assert said.startswith("Many prompts are being made better")
    await chat.sees(chat.bob, "How about this?*")
    assert await chat.press(chat.alice, shown, "Another wording") == "Looking for other words…"
    await chat.gateway.until(lambda: len(chat.gateway.calls) == 3)
    await chat.sees(chat.alice, SHOWN)


async def test_no_voice_is_fetched_onto_a_full_disk(start: Start, tmp_path: Path) -> None:
    least = str((shutil.disk_usage(tmp_path).total >> 20) + 1)
    async with start(**WORDS, MIN_FREE_MB=least) as chat:
        await chat.row(chat.alice, None, "There is no room left on my disk*", voice=OGG)
        assert not [call for call in chat.telegram.calls if call.method == "getFile"]


async def test_a_voice_that_is_larger_than_it_says_is_too_long(chat: Conversation) -> None:
    voice = dict(chat.alice.keep_voice(bytes(21 << 20))["voice"])
    voice.pop("file_size")
    chat.alice.post(chat.alice, [{"voice": voice}])
    await chat.sees(chat.alice, "This is too long for me:*")


async def test_what_is_neither_word_nor_picture_is_told_what_is_understood(
    chat: Conversation,
) -> None:
    chat.alice.post(chat.alice, [{"dice": {"emoji": "🎲", "value": 3}}])
    await chat.sees(chat.alice, "I understand words, pictures and voice messages only.*")


async def test_the_audit_names_a_call_whose_end_nobody_saw(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    await schema.prepare(url)
    store = await Store.open(url)
    call = TextCall(TextCallKind.VOICE, 7, 7, 1, "whisper-1", "gateway.example")
    await store.write(lambda tx: tx.calls.start_text(call, now()))
    await store.close()
    said = await ended(tmp_path, "audit", DATABASE_URL=url)
    assert "a voice for 7, whisper-1 at gateway.example" in said.stdout
    assert "it may have been billed" in said.stdout


async def test_words_that_another_process_waits_for_are_not_bought_again_on_postgres(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with running(tmp_path, DATABASE_URL=empty_postgres_url, **WORDS) as bot:
        gate = bot.gateway.hold()
        bot.alice.send(voice=OGG)
        await bot.gateway.until(lambda: gate.waiting)
        assert bot.process
        async with bot.beside("run"):
            bot.process.send_signal(signal.SIGSTOP)
            async with patient():
                while bot.log.read_text().count("[info     ] leading") < 2:
                    await asyncio.sleep(0.05)
            await bot.telegram.until(lambda: fetched(bot) == 2)  # the other has come as far
            await bot.row(bot.bob, "/help", "*")
            await bot.row(bot.bob, "/help", "*")
            assert await unknown(bot) == ["voice"]
            bot.process.send_signal(signal.SIGCONT)
            gate.release()
            await bot.sees(bot.alice, HEARD, PICTURE)
            assert (len(bot.gateway.voices), len(bot.gateway.calls)) == (1, 1)
