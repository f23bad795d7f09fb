"""The command /queue, over the wire: what one waits for, and a Cancel for each."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.features.inline.test_inline import stored
from tests.support.conversation import PICTURE
from tests.support.inline import draws, sees_inline

CANCELLED = "Cancelled. Nothing was charged. {Try again}"


async def test_it_lists_ones_own_and_calls_off_what_is_pressed(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        await chat.row(chat.alice, "/queue", "You are waiting for nothing here.")
        with chat.gateway.hold() as gate:
            await chat.row(chat.alice, "a red fox", "Drawing… {Cancel}")
            await chat.gateway.until(lambda: gate.waiting)
            own = "Waiting: your earlier pictures come first… {Cancel}"
            await chat.row(chat.alice, "b " * 40, own)
            listed = (
                "What you are waiting for here: 1. a red fox – being drawn for 0:*"
                " 2. b b*… – waiting for 0:*, your earlier pictures come first {Cancel 1|Cancel 2}"
            )
            (queue,) = await chat.row(chat.alice, "/queue", listed)
            await chat.row(chat.bob, "/queue", "You are waiting for nothing here.")
            assert await chat.press(chat.alice, queue, "Cancel 2") == "Cancelled."
            await chat.telegram.until(lambda: CANCELLED in chat.lines(chat.alice))
            shorter = "What you are waiting for here: 1. a red fox – being drawn for 0:* {Cancel 1}"
            await chat.telegram.until(
                lambda: any(fnmatchcase(told, shorter) for told in chat.lines(chat.alice))
            )
        await chat.quiet()
        assert len(chat.gateway.calls) == 1


async def test_what_is_cancelled_already_is_told_so_and_leaves_the_list(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold() as gate:
            (first,) = await chat.row(chat.alice, "a red fox", "Drawing… {Cancel}")
            await chat.gateway.until(lambda: gate.waiting)
            (second,) = await chat.row(chat.alice, "a blue fox", "Waiting: *{Cancel}")
            (queue,) = await chat.row(chat.alice, "/queue", "*{Cancel 1|Cancel 2}")
            for status in (second, first):
                await chat.press(chat.alice, status, "Cancel")
            await chat.telegram.until(lambda: chat.lines(chat.alice).count(CANCELLED) == 2)
            assert await chat.press(chat.alice, queue, "Cancel 1") == "Cancelled."
            nothing = "You are waiting for nothing here."
            await chat.telegram.until(lambda: nothing in chat.lines(chat.alice))


async def test_in_a_group_only_its_jobs_are_told_and_only_their_owner_cancels(start: Start) -> None:
    async with start() as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        with chat.gateway.hold() as gate:
            await chat.row(chat.alice, "a secret fox", "Drawing… {Cancel}")
            await chat.row(chat.alice, "/imagine a fox", "Drawing… {Cancel}", chat=group)
            await chat.gateway.until(lambda: gate.waiting == 2)
            listed = "What you are waiting for here: 1. a fox – being drawn for 0:* {Cancel 1}"
            (queue,) = await chat.row(chat.alice, "/queue", listed, chat=group)
            denied = await chat.press(chat.bob, queue, "Cancel 1", chat=group)
            assert denied.startswith("Only the person who asked")
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()


async def test_operators_see_the_whole_queue_in_private(start: Start) -> None:
    async with start(ADMIN_IDS="1001", MAX_CONCURRENCY="1") as chat:
        assert chat.alice.id == 1001
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        for _ in range(3):
            await chat.row(chat.bob, "a fox", PICTURE)
            await chat.quiet()
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", "Drawing… {Cancel}")
            await chat.row(chat.bob, "a cat", "You are next… {Cancel}")
            whole = (
                "You are waiting for nothing here.  All together: 1 being drawn, 1 waiting."
                " *: usually about * s (last 3)"
            )
            await chat.row(chat.alice, "/queue", whole)
            await chat.row(chat.alice, "/queue", "You are waiting for nothing here.", chat=group)
            own = "What you are waiting for here: 1. a dog*2. a cat* {Cancel 1|Cancel 2}"
            (told,) = await chat.row(chat.bob, "/queue", own)
            assert "All together" not in told["text"]
        await chat.quiet()


async def test_operators_see_which_models_rest(start: Start, alone: dict[str, str]) -> None:
    async with start(ADMIN_IDS="1001", **alone) as chat:
        chat.gateway.script(Reply(failure=Failure.OVERLOADED, retry_after=0), times=20)
        for _ in range(5):
            await chat.row(chat.bob, "a fox", "* {Try again}")
        await chat.row(
            chat.alice, "/queue", "*Left alone after failures: main/gemini*image, for * s"
        )


async def test_what_waits_for_an_inline_message_is_told_in_private_and_called_off_there(
    start: Start,
) -> None:
    async with stored(start) as (chat, channel, away):
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        with chat.gateway.hold() as gate:
            await draws(chat.alice, away, "a red fox")
            await draws(chat.alice, away, "a blue fox")
            await chat.gateway.until(lambda: gate.waiting == 2)
            own = "What you are waiting for here: 1. a red fox*2. a blue fox* {Cancel 1|Cancel 2}"
            (queue,) = await chat.row(chat.alice, "/queue", own)
            nothing = "You are waiting for nothing here."
            await chat.row(chat.alice, "/queue", nothing, chat=group)
            await chat.row(chat.bob, "/queue", nothing)
            assert await chat.press(chat.alice, queue, "Cancel 2") == "Cancelled."
            cancelled = "Cancelled.*{Try again}"
            await sees_inline(chat, away, "Drawing: a red fox*", cancelled)
            # Data can be forged: what is somebody else's, or is pressed elsewhere, stays.
            data = queue["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
            (his,) = await chat.row(chat.bob, "/id", "You: *")
            assert (await chat.forge(chat.bob, his, data)).startswith("This button no longer works")
            await chat.row(chat.alice, "/cancel", "Cancelled*")
            await sees_inline(chat, away, cancelled, cancelled)
        await chat.quiet()
        await chat.sees(channel)


async def test_in_a_topic_the_list_and_the_statuses_stay_there(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        forum = chat.telegram.group("Forum", [chat.alice, chat.bob], topics=("Art",))
        art: dict[str, Any] = {"chat": forum, "thread": forum.topic("Art")}
        with chat.gateway.hold():
            await chat.row(chat.alice, "/imagine a fox", "Drawing… {Cancel}", **art)
            await chat.row(chat.alice, "/imagine a cat", "Waiting*{Cancel}", **art)
            listed = "What you are waiting for here: 1. a fox*2. a cat* {Cancel 1|Cancel 2}"
            await chat.row(chat.alice, "/queue", listed, **art)
        await chat.quiet()
        topics = {message.get("message_thread_id") for message in chat.from_bot(forum)}
        assert topics == {forum.topic("Art")}
