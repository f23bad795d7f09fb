"""What Telegram, its users and the network do to a bot: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot.domain import JobState, OutcomeKind, Period, now
from bot.tg import tasks
from sandbox.gateway import Failure, Reply
from sandbox.telegram import (
    BadRequest,
    Fault,
    Flood,
    Hang,
    ResetAfter,
    ResetBefore,
    ServerError,
    Strange,
)
from sandbox.telegram.files import render
from sandbox.telegram.person import texted
from sandbox.telegram.world import Draft
from tests.conftest import Start
from tests.support.conversation import KEY, PICTURE, TOKEN, Conversation, image
from tests.support.process import running

DRAWING = "Drawing* {Cancel}"


async def charged(chat: Conversation, account_id: int) -> int:
    """Tell how many pictures an account was charged for, once nothing is reserved any more."""
    await chat.quiet()
    totals = (await chat.store.read(lambda tx: tx.ledger.totals(account_id, now())))[Period.ALL]
    assert totals.reserved == 0
    return totals.pictures


@pytest.mark.parametrize("fresh_ids", [False, True])
async def test_a_message_that_comes_again_is_the_same_job(
    chat: Conversation, *, fresh_ids: bool
) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    chat.telegram.redeliver(1, fresh_ids=fresh_ids)
    assert await chat.states() == [JobState.DELIVERED]
    await chat.sees(chat.alice, PICTURE)
    assert len(chat.gateway.calls) == 1


async def test_a_photo_without_words_that_comes_again_is_asked_about_once(
    chat: Conversation,
) -> None:
    chat.alice.send(photo=image())
    await chat.sees(chat.alice, "What shall I do*")
    await chat.row(chat.alice, "make it blue", PICTURE)
    chat.telegram.redeliver(2)
    await chat.quiet()
    await chat.sees(chat.alice, "What shall I do*", PICTURE)


@pytest.mark.parametrize("fault", [ResetAfter(), ResetBefore(), ServerError(502), Flood(1)])
@pytest.mark.parametrize("method", ["sendMessage", "editMessageMedia"])
async def test_a_call_whose_end_nobody_saw(chat: Conversation, method: str, fault: Fault) -> None:
    chat.telegram.fault(method, fault)
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert await chat.states() == [JobState.DELIVERED]
    await chat.sees(chat.alice, PICTURE)
    assert await charged(chat, chat.alice.id) == 1


@pytest.mark.parametrize("result", ["true", '{"message_id":1}', "[]"])
@pytest.mark.parametrize("method", ["sendMessage", "editMessageMedia"])
async def test_an_answer_of_a_newer_api_costs_no_picture(
    chat: Conversation, method: str, result: str
) -> None:
    chat.telegram.fault(method, Strange(f'{{"ok":true,"result":{result}}}'))
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert await chat.states() == [JobState.DELIVERED]
    assert await charged(chat, chat.alice.id) == 1


async def test_the_search_for_a_lost_message_goes_on_where_a_broken_connection_ended_it(
    chat: Conversation,
) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    chat.telegram.fault("sendMessage", ResetAfter())
    chat.telegram.fault("editMessageText", ResetBefore(), after=3)
    with chat.telegram.hold("sendMessage") as gate:
        chat.alice.send(group, "/imagine a red fox")
        await gate.reached()
        for number in range(5):
            chat.bob.send(group, f"word {number}")  # of which the bot does not hear
    await chat.sees(group, PICTURE)
    assert await chat.states() == [JobState.DELIVERED]
    refused = [
        call.params["message_id"]
        for call in chat.telegram.calls
        if call.method == "editMessageText" and "can't be edited" in (call.description or "")
    ]
    assert len(refused) == len(set(refused)) == 5


async def test_a_status_that_was_never_sent_is_not_looked_for(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "PATIENCE", 0.3)
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    chat.telegram.fault("sendMessage", Flood(2))
    chat.alice.send(group, "/imagine a red fox")
    for number in range(5):
        chat.bob.send(group, f"word {number}")  # of which the bot does not hear
    await chat.sees(group, PICTURE)
    assert await chat.states() == [JobState.DELIVERED]
    edits = [call for call in chat.telegram.calls if call.method == "editMessageText"]
    assert [call.description for call in edits if call.description] == []


async def test_placeholders_whose_sending_nobody_saw_the_end_of(chat: Conversation) -> None:
    gate = chat.gateway.hold()
    chat.gateway.script(Reply(pictures=3))
    chat.alice.send(text="three foxes")
    await chat.sees(chat.alice, DRAWING)
    chat.telegram.fault("sendMessage", ResetAfter(), times=2)
    gate.release()
    await chat.sees(chat.alice, PICTURE, PICTURE, PICTURE)
    assert await chat.states() == [JobState.DELIVERED]


async def test_a_help_text_is_never_taken_for_a_lost_status(chat: Conversation) -> None:
    chat.telegram.fault("sendMessage", ResetAfter())
    gate = chat.gateway.hold()
    chat.alice.send(text="a red fox")
    chat.alice.send(text="/help")
    await chat.telegram.until(lambda: len(chat.from_bot(chat.alice)) == 2)
    gate.release()
    await chat.quiet()
    await chat.telegram.until(
        lambda: sorted("photo" in m for m in chat.from_bot(chat.alice)) == [False, True]
    )


async def test_a_deleted_status_message_is_replaced(chat: Conversation) -> None:
    gate = chat.gateway.hold()
    chat.alice.send(text="a red fox")
    (status,) = await chat.sees(chat.alice, DRAWING)
    chat.alice.delete(chat.alice, status["message_id"])
    gate.release()
    await chat.sees(chat.alice, PICTURE)
    assert await chat.states() == [JobState.DELIVERED]


async def test_a_deleted_status_message_does_not_hide_why_there_is_no_picture(
    chat: Conversation,
) -> None:
    gate = chat.gateway.hold()
    chat.gateway.script(Reply(failure=Failure.GATEWAY_TIMEOUT))
    chat.alice.send(text="a red fox")
    (status,) = await chat.sees(chat.alice, DRAWING)
    chat.alice.delete(chat.alice, status["message_id"])
    gate.release()
    await chat.sees(chat.alice, "*Nothing was charged* {Try again}")


async def test_a_user_who_blocks_the_bot_is_not_charged_and_harms_nobody(
    chat: Conversation,
) -> None:
    gate = chat.gateway.hold()
    chat.alice.send(text="a red fox")
    await chat.sees(chat.alice, DRAWING)
    chat.alice.block()
    gate.release()
    (job,) = await chat.quiet()
    assert (job.state, job.outcome) == (JobState.FAILED, OutcomeKind.UNDELIVERABLE)
    assert await charged(chat, chat.alice.id) == 0
    await chat.row(chat.bob, "a blue fox", PICTURE)


async def test_a_group_that_becomes_a_supergroup_keeps_its_job(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob], supergroup=False)
    gate = chat.gateway.hold()
    chat.alice.send(group, "/imagine a red fox")
    await chat.sees(group, DRAWING)
    supergroup = group.upgrade()
    gate.release()
    await chat.sees(supergroup, PICTURE)
    assert await chat.states() == [JobState.DELIVERED]
    assert await charged(chat, chat.alice.id) == 1


async def test_a_group_that_moved_without_telling_is_found(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice], supergroup=False)
    gate = chat.gateway.hold()
    chat.alice.send(group, "/imagine a red fox")
    await chat.sees(group, DRAWING)
    supergroup = group.upgrade()
    chat.telegram.world.updates.drop()  # the service message is lost: only the 400 tells
    gate.release()
    await chat.sees(supergroup, PICTURE)


async def test_ten_seconds_of_flood_control_on_everything(chat: Conversation) -> None:
    people = [chat.alice, chat.bob, *[chat.telegram.person(f"P{n}") for n in range(6)]]
    chat.telegram.during(10, Flood(2))
    for person in people:
        person.send(text="a red fox")
    for person in people:
        await chat.sees(person, PICTURE)
    assert await chat.states() == [JobState.DELIVERED] * len(people)
    for person in people:
        await chat.sees(person, PICTURE)
        assert await charged(chat, person.id) == 1


async def test_one_flooded_chat_does_not_hold_up_another(chat: Conversation) -> None:
    chat.telegram.fault("sendMessage", Flood(5))
    chat.alice.send(text="a red fox")
    await chat.telegram.until(lambda: any(c.status == 429 for c in chat.telegram.calls))
    await chat.row(chat.bob, "a blue fox", PICTURE)
    assert chat.lines(chat.alice) == []  # still waiting when Bob has his picture
    await chat.sees(chat.alice, PICTURE)


async def test_a_photo_that_telegram_refuses_goes_out_as_a_document(chat: Conversation) -> None:
    chat.telegram.fault("editMessageMedia", BadRequest("Bad Request: IMAGE_PROCESS_FAILED"))
    await chat.row(chat.alice, "a red fox", PICTURE.replace("[photo]", "[file picture-1-1.png]"))


async def test_a_slow_reply_does_not_hold_the_updates_of_others(chat: Conversation) -> None:
    chat.telegram.fault("sendMessage", Hang(3))
    chat.alice.send(text="/help")
    await chat.row(chat.bob, "a blue fox", PICTURE)


async def test_two_processes_with_one_token_end_up_with_one_answer(chat: Conversation) -> None:
    chat.telegram.fault("getUpdates", ServerError(500))
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert await chat.states() == [JobState.DELIVERED]


async def test_no_secret_is_logged_at_debug_level(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        bot.telegram.fault("sendMessage", ResetAfter())
        bot.telegram.fault("getFile", ServerError(502))
        bot.telegram.fault("download", ResetBefore())
        bot.gateway.script(
            Reply(),
            Reply(failure=Failure.UNAUTHORIZED),
            Reply(cut=0.5),
            Reply(failure=Failure.OK_BUT_HTML),
        )
        bot.alice.send(photo=image(), caption="a red fox")
        await bot.telegram.until(lambda: len(bot.from_bot(bot.alice)) == 1)
        await bot.quiet()
        for _ in range(3):
            bot.bob.send(text="a blue fox")
        await bot.telegram.until(lambda: len(bot.from_bot(bot.bob)) == 3)
        await bot.quiet()
        await bot.end()
        written = bot.log.read_text()
        assert "gateway answered" in written
        for secret in (TOKEN, TOKEN.partition(":")[2], KEY):
            assert secret not in written
        assert "base64," not in written
        for name in ("bot.db", "bot.db-wal"):
            kept = (tmp_path / name).read_bytes() if (tmp_path / name).exists() else b""
            assert TOKEN.encode() not in kept
            assert KEY.encode() not in kept


async def test_a_stopped_bot_finishes_what_runs(start: Start) -> None:
    async with start(SHUTDOWN_SECONDS="60") as chat:
        chat.gateway.script(Reply(delay=0.5))
        chat.alice.send(text="a red fox")
        await chat.gateway.until(lambda: chat.gateway.calls)
        await chat.end()
        await chat.sees(chat.alice, PICTURE)
        assert [job.state for job in await chat.jobs()] == [JobState.DELIVERED]
        assert chat.telegram.pending_updates == ()


async def test_a_stopped_bot_hands_back_what_takes_too_long(start: Start) -> None:
    async with start(SHUTDOWN_SECONDS="0.3") as chat:
        gate = chat.gateway.hold()
        chat.alice.send(text="a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        await chat.end()
        gate.release()
        await chat.begin()
        await chat.sees(chat.alice, PICTURE)
        assert await charged(chat, chat.alice.id) == 1


async def test_nothing_is_bought_for_somebody_who_cannot_be_told(chat: Conversation) -> None:
    gate = chat.gateway.hold()
    chat.alice.send(text="a red fox")
    chat.alice.block()
    (job,) = await chat.quiet()
    gate.release()
    assert job.outcome is OutcomeKind.UNDELIVERABLE
    assert await charged(chat, chat.alice.id) == 0


@pytest.mark.about_file
async def test_a_locked_database_does_not_buy_a_picture_twice(chat: Conversation) -> None:
    gate = chat.gateway.hold()
    chat.alice.send(text="a red fox")
    await chat.sees(chat.alice, DRAWING)
    await chat.gateway.until(lambda: gate.waiting)
    other = sqlite3.connect(
        chat.folder / "bot.db", isolation_level=None, timeout=5, check_same_thread=False
    )
    # In a thread: a transaction of the bot that is open needs the loop to come to its end.
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    gate.release()
    await asyncio.sleep(6)  # longer than SQLite is asked to wait
    other.execute("COMMIT")
    other.close()
    await chat.sees(chat.alice, PICTURE)
    assert len(chat.gateway.calls) == 1


async def test_again_finds_its_lost_status_though_much_was_said_since(chat: Conversation) -> None:
    (picture,) = await chat.row(chat.alice, "a red fox", PICTURE)
    for _ in range(35):
        chat.bob.send(text="/id")
    await chat.telegram.until(lambda: len(chat.lines(chat.bob)) == 35)
    chat.telegram.fault("sendMessage", ResetAfter())
    await chat.press(chat.alice, picture, "Again")
    await chat.quiet()
    await chat.sees(chat.alice, PICTURE, PICTURE)


async def test_again_never_takes_an_old_answer_for_its_status(chat: Conversation) -> None:
    (picture,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.row(chat.alice, "/usage", "What you have used*")
    chat.telegram.fault("sendMessage", ResetBefore())
    await chat.press(chat.alice, picture, "Again")
    await chat.quiet()
    await chat.sees(chat.alice, PICTURE, "What you have used*", PICTURE)


async def test_a_lost_status_is_found_among_other_peoples_messages(chat: Conversation) -> None:
    people = [chat.telegram.person(f"P{number}") for number in range(40)]
    chat.telegram.fault("sendMessage", ResetAfter())
    chat.alice.send(text="a red fox")
    for person in people:
        person.send(text="a blue fox")
    await chat.quiet()
    await chat.sees(chat.alice, PICTURE)
    for person in people:
        await chat.sees(person, PICTURE)


async def test_a_question_whose_sending_failed_is_asked_once(chat: Conversation) -> None:
    chat.telegram.fault("sendMessage", ServerError(502))
    chat.alice.send(photo=image())
    await chat.sees(chat.alice, "What shall I do*")


async def test_a_cancel_that_comes_again_spares_what_came_after_it(chat: Conversation) -> None:
    await chat.row(chat.alice, "/cancel", "There is nothing to cancel.")
    gate = chat.gateway.hold()
    chat.alice.send(text="a red fox")
    await chat.sees(chat.alice, "There is nothing to cancel.", DRAWING)
    chat.telegram.redeliver(2)
    await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    gate.release()
    assert await chat.states() == [JobState.DELIVERED]


async def test_telegram_failing_for_a_moment_does_not_fail_an_edit(chat: Conversation) -> None:
    chat.telegram.fault("getFile", ServerError(502), times=2)
    chat.telegram.fault("download", ResetBefore())
    chat.alice.send(photo=image(), caption="make it blue")
    await chat.sees(chat.alice, PICTURE)


async def test_a_call_cut_by_the_end_of_the_process_stays_unknown(start: Start) -> None:
    async with start(SHUTDOWN_SECONDS="0.1") as chat:
        gate = chat.gateway.hold()
        chat.alice.send(text="a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        await chat.end()
        gate.release()
        assert len(await chat.store.read(lambda tx: tx.calls.unfinished(10))) == 1
        await chat.begin()
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()


async def test_a_cancelled_call_is_noted_as_cancelled(chat: Conversation) -> None:
    gate = chat.gateway.hold()
    chat.alice.send(text="a red fox")
    (status,) = await chat.sees(chat.alice, DRAWING)
    await chat.gateway.until(lambda: gate.waiting)
    await chat.press(chat.alice, status, "Cancel")
    assert await chat.states() == [JobState.CANCELLED]
    assert await chat.store.read(lambda tx: tx.calls.unfinished(10)) == []


async def test_an_album_split_by_a_restart_stays_one(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="3") as chat:
        album = {"media_group_id": "13000000000000042"}
        room = chat.telegram.world.chats[chat.alice.id]

        def send(caption: str | None = None) -> None:
            photo = chat.alice.keep_photo(render(image()))
            words = texted("caption", caption) if caption else {}
            draft = Draft(chat.alice.user, photo | words, extra=album)
            chat.telegram.world.publish(room, draft)

        send("join them")
        send()
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.end()
        send()
        send()
        await asyncio.sleep(3.1)  # the window passes while nobody is there
        await chat.begin()
        await chat.sees(chat.alice, PICTURE)
        assert [len(call.inputs) for call in chat.gateway.calls] == [4]


async def test_with_a_full_disk_nothing_is_bought_and_everybody_is_told(start: Start) -> None:
    async with start(MIN_FREE_MB="1000000000") as chat:
        await chat.row(chat.alice, "a red fox", "There is no room left on my disk* {Try again}")
        assert chat.gateway.calls == []
        assert await chat.states() == [JobState.FAILED]
        assert await charged(chat, chat.alice.id) == 0
        await chat.row(chat.alice, "/usage", "*pictures: 0*")
