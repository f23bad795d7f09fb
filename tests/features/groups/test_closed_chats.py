"""Chats that are closed to the bot, over the wire: what waits for them costs nothing any more."""

from __future__ import annotations

from bot.domain import JobState, OutcomeKind
from sandbox.telegram.faults import Flood
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation

DRAWING, WAITING = "*Drawing*{Cancel}", "*{Cancel}"


async def test_what_waits_for_somebody_who_blocks_the_bot_is_called_off(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold() as gate:
            for prompt in ("one", "two", "three"):
                chat.alice.send(None, prompt)
            await chat.sees(chat.alice, DRAWING, WAITING, WAITING)
            await chat.gateway.until(lambda: gate.waiting)
            chat.alice.block()
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        outcomes = [job.outcome for job in await chat.quiet()]
        assert outcomes == [OutcomeKind.UNDELIVERABLE] * 3
        assert len(chat.gateway.calls) == 1  # nothing was bought for the two that waited
        said = len(chat.telegram.calls)
        chat.alice.unblock()
        chat.telegram.redeliver(2)  # the block, too, comes again
        await chat.row(chat.alice, "four", PICTURE)
        assert len(chat.telegram.calls) > said


async def test_what_waits_for_a_group_that_puts_the_bot_out_is_called_off(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        with chat.gateway.hold() as gate:
            chat.bob.send(group, "/imagine one")
            chat.bob.send(group, "/imagine two")
            await chat.sees(group, DRAWING, WAITING)
            chat.bob.send(None, "at home")  # chats are taken side by side, in no order
            await chat.sees(chat.bob, WAITING)
            await chat.gateway.until(lambda: gate.waiting)
            group.remove_bot()
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        delivered = {job.chat_id for job in await chat.quiet() if job.state is JobState.DELIVERED}
        assert delivered == {chat.bob.id}
        assert len(chat.gateway.calls) == 2


async def test_a_flood_in_one_chat_holds_up_no_other(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    chat.telegram.fault("sendMessage", Flood(3))
    chat.bob.send(group, "/imagine a fox")
    await chat.telegram.until(lambda: any(c.method == "sendMessage" for c in chat.telegram.calls))
    await chat.row(chat.alice, "a fox", PICTURE)
    assert chat.lines(group) == []
    await chat.sees(group, PICTURE)
