"""The calls of a day, over the wire: counted whatever came of them, and told when they are used up."""

from __future__ import annotations

import pytest

from bot.domain import Period, now
from sandbox.gateway import Failure, Reply
from sandbox.gateway.calls import Gate
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation

USED_UP = "You have used your 2 requests for today; those that brought no picture count, too. *"
UNDRAWN = "* {Try again}"


async def calls(chat: Conversation, account_id: int) -> int:
    totals = await chat.store.read(lambda tx: tx.ledger.totals(account_id, now()))
    return totals[Period.DAY].calls


async def held(chat: Conversation, gate: Gate) -> None:
    await chat.gateway.until(lambda: gate.waiting)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (Reply(noise=1200), PICTURE),
        (Reply(failure=Failure.BLOCKED), UNDRAWN),
        (Reply(pictures=0, text="A fox, in words."), UNDRAWN),
        (Reply(failure=Failure.SERVER_ERROR), UNDRAWN),
    ],
)
async def test_a_call_counts_whatever_comes_of_it(
    start: Start, alone: dict[str, str], reply: Reply, shown: str
) -> None:
    async with start(USER_CALLS_PER_DAY="2", **alone) as chat:
        for _ in range(2):
            chat.gateway.script(reply)
            await chat.row(chat.alice, "a red fox", shown)
            await chat.quiet()
        await chat.row(chat.alice, "a red fox", USED_UP)
        assert len(chat.gateway.calls) == await calls(chat, chat.alice.id) == 2
        await chat.row(chat.bob, "a red fox", PICTURE)  # who has his own


async def test_what_is_cancelled_while_it_is_drawn_counts(start: Start) -> None:
    async with start(USER_CALLS_PER_DAY="2") as chat:
        for _ in range(2):
            with chat.gateway.hold() as gate:
                (status,) = await chat.row(chat.alice, "a red fox", "Drawing*")
                await held(chat, gate)
                await chat.press(chat.alice, status, "Cancel")
            await chat.quiet()
        await chat.row(chat.alice, "a red fox", USED_UP)


async def test_what_was_refused_before_any_model_saw_it_does_not_count(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(USER_CALLS_PER_DAY="2", **alone) as chat:
        for _ in range(3):
            chat.gateway.script(Reply(failure=Failure.UNAUTHORIZED))
            await chat.row(chat.alice, "a red fox", UNDRAWN)
            await chat.quiet()
        assert await calls(chat, chat.alice.id) == 0
        await chat.row(chat.alice, "a red fox", PICTURE)


async def test_what_is_still_to_be_drawn_counts_as_well(start: Start) -> None:
    async with start(USER_CALLS_PER_DAY="2") as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "foxes x2", "Drawing*", "Drawing*")
            await chat.row(chat.alice, "a red fox", USED_UP)
        await chat.quiet()
        assert await calls(chat, chat.alice.id) == 2


async def test_calls_in_a_group_are_those_of_its_members(start: Start) -> None:
    async with start(USER_CALLS_PER_DAY="2") as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        for person in (chat.alice, chat.alice, chat.bob):
            await chat.row(person, "/imagine a fox", PICTURE, chat=group)
            await chat.quiet()
        counted = [await calls(chat, who) for who in (chat.alice.id, chat.bob.id, group.id)]
        assert counted == [2, 1, 0]
        await chat.row(chat.alice, "/imagine a fox", USED_UP, chat=group)


async def test_all_who_speak_as_channels_in_a_group_share_one_users_limits(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="1") as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        first, second = (chat.telegram.channel(name, [chat.alice]) for name in ("News", "Olds"))
        used = "You have used your 1 picture for today.*"
        await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=group, as_chat=first)
        await chat.quiet()
        await chat.row(chat.alice, "/imagine a fox", used, chat=group, as_chat=second)
        await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=group)  # she has her own
