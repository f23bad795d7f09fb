"""Inline mode over the wire: what is offered, what becomes of what was chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.domain import JobState, OutcomeKind, Period, StartError, now
from sandbox.gateway import Reply
from sandbox.telegram import BadRequest, Flood, Room
from sandbox.telegram.inline_queries import Offer
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation
from tests.support.inline import DRAWN, draws, inline_lines, sees_inline, storage

WAITS = "Drawing: a red fox {Cancel}"


@asynccontextmanager
async def stored(start: Start, **changes: str) -> AsyncIterator[tuple[Conversation, Room, Room]]:
    """Start a bot that has a storage channel; give a group that it has nothing to do with, too."""
    async with start(**changes) as chat:
        channel = storage(chat)
        away = chat.telegram.group("Away", [chat.alice, chat.bob])
        away.remove_bot()
        await chat.restart(STORAGE_CHAT_ID=str(channel.id), **changes)
        yield chat, channel, away


def titles(offer: Offer) -> list[str]:
    return [f"{result['type']}: {result.get('title', '')}" for result in offer.results]


async def pressed(chat: Conversation, away: Room, message: dict[str, Any], data: str) -> None:
    """Press what no button says, and wait until something is answered."""
    query = chat.alice.press_only(away, message["message_id"], data, forged=True)
    await chat.telegram.until(lambda: chat.telegram.answer_to(query))


async def charged(chat: Conversation, account_id: int) -> int:
    await chat.quiet()
    totals = (await chat.store.read(lambda tx: tx.ledger.totals(account_id, now())))[Period.ALL]
    assert totals.reserved == 0
    return totals.pictures


async def test_what_was_chosen_becomes_the_picture_in_a_chat_without_the_bot(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        with chat.gateway.hold() as gate:
            await draws(chat.alice, away, "a red fox")
            await chat.gateway.until(lambda: gate.waiting)
            assert inline_lines(chat, away) == [WAITS]
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        assert chat.last_call.prompt.startswith("a red fox")
        await chat.sees(channel, "[photo]")
        assert await chat.states() == [JobState.DELIVERED]
        assert await charged(chat, chat.alice.id) == 1


async def test_the_bots_own_chat_draws_it_once(start: Start) -> None:
    # There the placeholder comes back to the bot as a message of the person's.
    async with stored(start) as (chat, _, _):
        await draws(chat.alice, chat.alice, "a red fox")
        await sees_inline(chat, chat.alice, DRAWN.format("a red fox"))
        assert await chat.states() == [JobState.DELIVERED]
        assert len(chat.gateway.calls) == 1
        assert chat.lines(chat.alice) == []


async def test_the_bots_own_inline_picture_sent_back_to_it_is_a_picture_like_any_other(
    start: Start,
) -> None:
    async with stored(start) as (chat, _, away):
        await draws(chat.alice, away, "a red fox")
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        query_id, offer = await chat.alice.inline("")
        picture = next(one["id"] for one in offer.results if one["id"].startswith("picture:"))
        chat.alice.choose(chat.alice, query_id, picture)
        await chat.sees(chat.alice, "What shall I do with this picture?*")
        assert len(await chat.quiet()) == 1  # its words are no prompt
        await chat.row(chat.alice, "make it blue", PICTURE)
        assert len(chat.last_call.inputs) == 1


async def test_a_chosen_result_that_comes_twice_is_drawn_once(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        await draws(chat.alice, away, "a red fox")
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        chat.telegram.redeliver(2)
        chat.telegram.redeliver(2, fresh_ids=True)
        await chat.quiet()
        assert len(await chat.jobs()) == 1
        assert await charged(chat, chat.alice.id) == 1
        await chat.sees(channel, "[photo]")


async def test_the_same_words_chosen_twice_are_two_pictures(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        query_id, _ = await chat.alice.inline("a red fox x3")
        for _ in range(2):
            chat.alice.choose(away, query_id, "draw")
        await sees_inline(chat, away, *[DRAWN.format("a red fox")] * 2)
        assert await charged(chat, chat.alice.id) == 2  # each message has room for one


async def test_a_refusal_is_told_in_the_message_and_can_be_tried_again(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        chat.gateway.script(Reply(pictures=0, text="I would rather not."), times=2)
        await draws(chat.alice, away, "a red fox")
        await sees_inline(chat, away, "*{Try again}")
        assert await charged(chat, chat.alice.id) == 0
        message = next(iter(away.chat.posts.values())).message
        bob = await chat.press(chat.bob, message, "Try again", away)
        assert bob == "Only the person who asked for this picture can press this."
        assert await chat.press(chat.alice, message, "Try again", away)
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        assert await charged(chat, chat.alice.id) == 1
        await chat.sees(channel, "[photo]")


async def test_cancel_stops_it_for_the_one_who_asked(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        gate = chat.gateway.hold()
        message = await draws(chat.alice, away, "a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        answer = await chat.press(chat.bob, message, "Cancel", away)
        assert answer == "Only the person who asked for this picture can press this."
        await chat.press(chat.alice, message, "Cancel", away)
        await sees_inline(chat, away, "Cancelled. Nothing was charged. {Try again}")
        gate.release()
        assert await chat.states() == [JobState.CANCELLED]
        assert await charged(chat, chat.alice.id) == 0
        await chat.sees(channel)


async def test_forged_and_early_presses_are_explained(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        query_id, _ = await chat.alice.inline("a red fox")
        message = chat.alice.choose(away, query_id, "draw", feedback=False)
        answer = await chat.press(chat.alice, message, "Cancel", away)
        assert answer == "I have not heard of this message yet. Please try again in a moment."
        (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
        jobs = await chat.jobs()
        forged = [f"{verb}:{jobs[0].id}" for verb in ("cancel", "again", "vary", "delete")]
        for data in [*forged, "original:1", "model:x", "cancel:", "cancel:here:x", "use:1:x"]:
            await pressed(chat, away, message, data)
        # And the other way round: what is an inline message's is nothing elsewhere.
        assert await chat.forge(chat.alice, drawn, "cancel:here")
        assert len(await chat.jobs()) == 1


async def test_a_queue_is_told_and_then_drawn(start: Start) -> None:
    async with stored(start, USER_CONCURRENCY="1") as (chat, _, away):
        gate = chat.gateway.hold()
        await draws(chat.alice, away, "a red fox")
        await draws(chat.alice, away, "a blue fox")
        await sees_inline(chat, away, WAITS, "Waiting to be drawn: a blue fox {Cancel}")
        gate.release()
        await sees_inline(chat, away, DRAWN.format("a red fox"), DRAWN.format("a blue fox"))


async def test_what_cannot_be_drawn_is_said_in_the_message(start: Start, tmp_path: Path) -> None:
    catalogue = choice(tmp_path)
    async with stored(start, USER_IMAGES_PER_DAY="1", **catalogue) as (chat, _, away):
        await draws(chat.alice, away, "a fox --model nobody")
        await draws(chat.alice, away, "a fox --model editor")
        await draws(chat.alice, away, "--model pro")
        await sees_inline(
            chat,
            away,
            "I do not know this model*",
            "Editor needs a picture to work on*Please choose another model in /settings*",
            "*",
        )
        await chat.quiet()
        assert await chat.jobs() == []
        assert chat.lines(storage(chat)) == []  # nobody was asked anything there
        await draws(chat.alice, away, "a red fox")
        await chat.quiet()
        await draws(chat.alice, away, "a blue fox")
        await chat.telegram.until(
            lambda: inline_lines(chat, away)[-1].startswith("You have used your 1 picture")
        )


async def test_one_is_offered_ones_own_pictures_by_their_words(start: Start) -> None:
    async with start() as chat:  # without a storage chat nothing is drawn, but these are there
        for prompt in ("a red fox", "a blue fox", "a red house"):
            await chat.row(chat.alice, prompt, PICTURE)
        await chat.quiet()
        assert titles((await chat.alice.inline(""))[1]) == [
            "photo: a red house",
            "photo: a blue fox",
            "photo: a red fox",
        ]
        query_id, offer = await chat.alice.inline("fox RED")
        assert titles(offer) == ["photo: a red fox"]
        away = chat.telegram.group("Away", [chat.alice])
        away.remove_bot()
        sent = chat.alice.choose(away, query_id, offer.results[0]["id"])
        assert "photo" in sent
        assert titles((await chat.alice.inline("house fox"))[1]) == []
        assert titles((await chat.bob.inline(""))[1]) == []
        await chat.quiet()
        assert len(await chat.jobs()) == 3


async def test_deleted_and_forgotten_pictures_are_offered_no_more(start: Start) -> None:
    async with start() as chat:
        (first,) = await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.row(chat.alice, "a blue fox", PICTURE)
        await chat.quiet()
        await chat.delete(chat.alice, first)
        assert titles((await chat.alice.inline(""))[1]) == ["photo: a blue fox"]
        (question,) = await chat.row(chat.alice, "/forget", "*{*|*}")
        await chat.press(
            chat.alice, question, question["reply_markup"]["inline_keyboard"][0][0]["text"]
        )
        await chat.quiet()
        assert titles((await chat.alice.inline(""))[1]) == []


async def test_pictures_come_in_pages(start: Start) -> None:
    async with start(USER_CONCURRENCY="30", MAX_COUNT="10") as chat:
        for _ in range(3):
            chat.alice.send(text="a fox x10")
        await chat.sees(chat.alice, *[PICTURE] * 30)
        await chat.quiet()
        _, first = await chat.alice.inline("")
        _, rest = await chat.alice.inline("", first.next_offset)
        assert (len(first.results), len(rest.results), rest.next_offset) == (20, 10, "")
        ids = {result["id"] for result in [*first.results, *rest.results]}
        assert len(ids) == 30
        for offset in ("0", "-1", "9" * 60, "x", "١"):
            await chat.alice.inline("", offset)


async def test_strangers_are_shown_the_door_and_nothing_is_drawn_for_them(start: Start) -> None:
    async with stored(start, ACCESS="allowlist", ADMIN_IDS="1001") as (chat, _, away):
        _, offer = await chat.bob.inline("a red fox")
        assert (offer.results, offer.button) == (
            [],
            {"text": "Ask to be let in", "start_parameter": "inline"},
        )
        query_id, offer = await chat.alice.inline("a red fox")
        assert titles(offer) == ["article: Draw: a red fox"]
        # Let out between the offer and the choice.
        await chat.restart(ACCESS="allowlist", ADMIN_IDS="1", STORAGE_CHAT_ID=str(chat_id(chat)))
        chat.alice.choose(away, query_id, "draw")
        await sees_inline(chat, away, "This bot is private.*1001")
        assert await chat.jobs() == []


async def test_who_is_banned_is_offered_nothing_and_told_in_the_message(start: Start) -> None:
    async with stored(start, ADMIN_IDS="1002") as (chat, _, away):
        query_id, offer = await chat.alice.inline("a red fox")
        assert titles(offer) == ["article: Draw: a red fox"]
        await chat.row(chat.bob, "/ban 1001 spam", "1001 is banned.*")
        chat.alice.choose(away, query_id, "draw")
        await sees_inline(chat, away, "You can no longer use this bot. Reason: spam")
        _, offer = await chat.alice.inline("a red fox")
        assert offer.results == []
        assert await chat.jobs() == []


def chat_id(chat: Conversation) -> int:
    return next(each.id for each in chat.telegram.world.chats.values() if each.name == "Storage")


async def test_stale_queries_are_forgotten_and_floods_lose_nothing(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        with chat.telegram.hold("answerInlineQuery") as gate:
            chat.alice.ask_inline("a re")
            await gate.reached()
            chat.telegram.world.inline.expire()
        chat.telegram.fault("editMessageMedia", Flood(1))
        await draws(chat.alice, away, "a red fox")
        await sees_inline(chat, away, DRAWN.format("a red fox"))


async def test_a_picture_that_telegram_has_forgotten_hides_no_offer(start: Start) -> None:
    async with stored(start) as (chat, _, _):
        (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        files = chat.telegram.world.files
        for size in drawn["photo"]:
            files._by_id.pop(size["file_id"])
        assert titles((await chat.alice.inline("a red"))[1]) == ["article: Draw: a red"]


async def test_without_the_storage_chat_the_picture_is_not_charged(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        gate = chat.gateway.hold()
        await draws(chat.alice, away, "a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        channel.remove_bot()
        gate.release()
        await sees_inline(chat, away, "The picture could not be delivered here.*")
        (job,) = await chat.quiet()
        assert (job.state, job.outcome) == (JobState.FAILED, OutcomeKind.UNDELIVERABLE)
        assert await charged(chat, chat.alice.id) == 0


async def test_a_message_that_is_deleted_while_drawn_costs_what_it_leaves_behind(
    start: Start,
) -> None:
    async with stored(start) as (chat, _, away):
        gate = chat.gateway.hold()
        message = await draws(chat.alice, away, "a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        chat.alice.delete(away, message["message_id"])
        gate.release()
        (job,) = await chat.quiet()
        assert (job.state, job.outcome) == (JobState.DELIVERED, OutcomeKind.DRAWN)
        assert await charged(chat, chat.alice.id) == 1
        assert titles((await chat.alice.inline("a red"))[1])[1:] == ["photo: a red fox"]


async def test_a_deleted_message_costs_nothing_where_nothing_was_stored(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        gate = chat.gateway.hold()
        message = await draws(chat.alice, away, "a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        chat.alice.delete(away, message["message_id"])
        channel.remove_bot()
        gate.release()
        (job,) = await chat.quiet()
        assert (job.state, job.outcome) == (JobState.FAILED, OutcomeKind.UNDELIVERABLE)
        assert await charged(chat, chat.alice.id) == 0
        assert titles((await chat.alice.inline("a red"))[1]) == ["article: Draw: a red"]


async def test_what_is_no_photo_goes_and_is_offered_as_a_file(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        chat.telegram.fault("editMessageMedia", BadRequest("Bad Request: IMAGE_PROCESS_FAILED"))
        await draws(chat.alice, away, "a long fox")
        await sees_inline(chat, away, "[file picture-1-1.png] a long fox {Draw one, too}")
        # It is a photo by its numbers, but not by its name at Telegram.
        query_id, offer = await chat.alice.inline("long")
        assert titles(offer) == ["article: Draw: long", "document: a long fox"]
        assert "document" in chat.alice.choose(away, query_id, offer.results[1]["id"])


@pytest.mark.parametrize("words", ["\0", "🦊" * 100, "{id} %s <b>", "a" * 256, "\u202eabc"])
async def test_any_words_can_be_offered_and_drawn(start: Start, words: str) -> None:
    async with stored(start) as (chat, _, away):
        await draws(chat.alice, away, words)
        await chat.quiet()
        await chat.telegram.until(lambda: "Cancel" not in inline_lines(chat, away)[0])


@pytest.mark.parametrize("number", ["-1009999999999", "1001"])
async def test_a_storage_chat_that_cannot_be_used_stops_the_start(
    start: Start, number: str
) -> None:
    async with start() as chat:
        chat.alice.block()
        with pytest.raises(StartError, match="STORAGE_CHAT_ID cannot be used: "):
            await chat.restart(STORAGE_CHAT_ID=number)
        reader = chat.telegram.channel("Read only", [chat.bob])
        reader.demote_bot()
        with pytest.raises(StartError, match="STORAGE_CHAT_ID names a chat where"):
            await chat.begin(STORAGE_CHAT_ID=str(reader.id))
        await chat.begin()


async def test_again_in_the_gallery_leaves_the_inline_message_alone(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        await draws(chat.alice, away, "a red fox")
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        await chat.quiet()
        before = inline_lines(chat, away)
        chat.alice.send(text="/history")
        gallery = await chat.said_last(chat.alice, "[photo] a red fox*")
        await chat.press(chat.alice, gallery, "Again")
        await chat.said_last(chat.alice, PICTURE)
        assert await chat.states() == [JobState.DELIVERED] * 2
        assert inline_lines(chat, away) == before
