"""/forget and the storage chat, over the wire: what was drawn for inline messages goes there, too."""

from __future__ import annotations

import asyncio

from sandbox.telegram import BadRequest, Flood, Room
from tests.conftest import Start
from tests.features.inline.test_inline import stored
from tests.support.conversation import PICTURE, Conversation
from tests.support.inline import DRAWN, draws, sees_inline
from tests.support.waiting import patient

DONE = "Your prompts, pictures, settings and name are erased."
ONE = f"{DONE}  I am taking 1 picture*out of my storage chat, too."
TWO = f"{DONE}  I am taking 2 pictures*out of my storage chat, too."
UNDELETABLE = BadRequest("Bad Request: message can't be deleted")
UNEDITABLE = BadRequest("Bad Request: message can't be edited")


async def drawn(chat: Conversation, away: Room, *prompts: str) -> None:
    """Draw pictures for inline messages."""
    for prompt in prompts:
        await draws(chat.alice, away, prompt)
    await sees_inline(chat, away, *map(DRAWN.format, prompts))
    await chat.quiet()


async def forgets(chat: Conversation, answer: str) -> None:
    (question,) = await chat.row(chat.alice, "/forget", "*{Erase everything|*}")
    await chat.press(chat.alice, question, "Erase everything")
    await chat.telegram.until(lambda: _stands(chat, answer))


async def nothing_is_left_to_do(chat: Conversation) -> None:
    async with patient():
        while True:
            if not await chat.store.read(
                lambda tx: tx.deletions.waiting(10) or tx.deletions.undeletable()
            ):
                return
            await asyncio.sleep(0.01)


def _tried(chat: Conversation, method: str) -> bool:
    return any(call.method == method for call in chat.telegram.calls)


def _stands(chat: Conversation, answer: str) -> bool:
    begin, _, end = answer.partition("*")
    return any(line.startswith(begin) and line.endswith(end) for line in chat.lines(chat.alice))


async def test_erased_pictures_leave_the_storage_chat_and_no_others(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        await draws(chat.bob, away, "his fox")
        await sees_inline(chat, away, DRAWN.format("his fox"))
        for prompt in ("a red fox", "a blue fox"):
            await draws(chat.alice, away, prompt)
        await chat.sees(channel, *["[photo]"] * 3)
        await chat.row(chat.alice, "a fox at home", PICTURE)
        await chat.quiet()
        await forgets(chat, TWO)
        await chat.sees(channel, "[photo]")
        await sees_inline(
            chat, away, *[DRAWN.format(f"{x} fox") for x in ("his", "a red", "a blue")]
        )
        await nothing_is_left_to_do(chat)
        await forgets(chat, DONE)


async def test_what_cannot_be_deleted_is_made_empty(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        await drawn(chat, away, "a red fox")
        chat.telegram.fault("deleteMessage", UNDELETABLE)
        await forgets(chat, ONE)
        await chat.sees(channel, "[file erased.txt]")
        assert not _stands(chat, "1 of your pictures*")


async def test_what_must_stay_is_told(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        await drawn(chat, away, "a red fox", "a blue fox")
        chat.telegram.fault("deleteMessage", UNDELETABLE)
        chat.telegram.fault("editMessageMedia", UNEDITABLE)
        await forgets(chat, TWO)
        await chat.said_last(chat.alice, "1 of your pictures for inline messages is still in my*")
        await chat.sees(channel, "[photo]")
        await nothing_is_left_to_do(chat)
        await chat.restart(STORAGE_CHAT_ID=str(channel.id))
        await chat.quiet()
        assert sum(line.startswith("1 of your") for line in chat.lines(chat.alice)) == 1


async def test_without_the_storage_chat_it_is_told(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        await drawn(chat, away, "a red fox")
        channel.remove_bot()
        await forgets(chat, ONE)
        await chat.said_last(chat.alice, "1 of your pictures for inline messages is still in my*")


async def test_a_flood_delays_it_until_the_next_start_at_most(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        await drawn(chat, away, "a red fox")
        chat.telegram.fault("deleteMessage", Flood(30))
        await forgets(chat, ONE)
        await chat.telegram.until(lambda: _tried(chat, "deleteMessage"))
        await chat.sees(channel, "[photo]")
        await chat.restart(STORAGE_CHAT_ID=str(channel.id))
        await chat.sees(channel)


async def test_a_job_that_is_being_drawn_leaves_nothing_there(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        with chat.gateway.hold() as gate:
            await draws(chat.alice, away, "a red fox")
            await chat.gateway.until(lambda: gate.waiting)
            await forgets(chat, DONE)
        await sees_inline(chat, away, "Cancelled.*")
        await chat.quiet()
        await chat.sees(channel)


async def test_privacy_tells_of_the_storage_chat_where_there_is_one(start: Start) -> None:
    told = "Pictures for inline messages are also kept"
    async with stored(start) as (chat, _, _):
        (text,) = await chat.row(chat.alice, "/privacy", "What is stored here*")
        assert told in text["text"]
        await chat.restart()
        (text,) = await chat.row(chat.alice, "/privacy", "What is stored here*")
        assert told not in text["text"]
