"""Guest mode over the wire: a mention in a group where the bot is no member gets one answer."""

from __future__ import annotations

from bot.domain import JobState
from sandbox.gateway import Reply
from tests.conftest import Start
from tests.features.inline.test_inline import charged, stored
from tests.support.conversation import image
from tests.support.inline import DRAWN, inline_lines, sees_inline

WAITS = "Drawing: a red fox {Cancel}"


async def test_a_mention_is_answered_with_a_picture_once(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        with chat.gateway.hold() as gate:
            (asked,) = chat.alice.send(away, "@sandbox_bot a red fox x3")
            await chat.gateway.until(lambda: gate.waiting)
            await sees_inline(chat, away, WAITS)
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        (answer,) = chat.from_bot(away)
        assert answer["reply_to_message"]["message_id"] == asked["message_id"]
        chat.telegram.redeliver(1)
        chat.telegram.redeliver(1, fresh_ids=True)
        assert await chat.states() == [JobState.DELIVERED]
        assert await charged(chat, chat.alice.id) == 1
        await chat.sees(channel, "[photo]")


async def test_all_else_there_is_left_alone(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        chat.alice.send(away, "a red fox")
        chat.alice.send(away, "/imagine a red fox")
        chat.alice.send(away, photo=image(), caption="look")
        chat.alice.send(away, "@another_bot a red fox")
        await chat.quiet()
        assert await chat.jobs() == []
        assert chat.from_bot(away) == []


async def test_photos_and_replies_to_photos_are_edited(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        (photo,) = chat.bob.send(away, photo=image())
        chat.alice.send(away, "@sandbox_bot make it blue", reply_to=photo["message_id"])
        chat.alice.send(away, photo=image(), caption="@sandbox_bot make it red")
        await sees_inline(chat, away, DRAWN.format("make it blue"), DRAWN.format("make it red"))
        assert [len(call.inputs) for call in chat.gateway.calls] == [1, 1]


async def test_what_cannot_be_drawn_is_said_in_the_answer(start: Start) -> None:
    async with stored(start, ACCESS="allowlist", ADMIN_IDS="1001") as (chat, channel, away):
        chat.bob.send(away, "@sandbox_bot a red fox")
        chat.alice.send(away, "@sandbox_bot")
        chat.alice.send(away, photo=image(), caption="@sandbox_bot")
        await sees_inline(chat, away, "This bot is private.*1002", "*", "*")
        assert await chat.jobs() == []
        assert chat.lines(channel) == []
        await chat.restart(ACCESS="open")
        chat.bob.send(away, "@sandbox_bot a red fox")
        await chat.telegram.until(lambda: len(inline_lines(chat, away)) == 4)
        assert inline_lines(chat, away)[-1].startswith("I cannot draw in this chat")


async def test_a_refusal_can_be_tried_again_and_a_wait_cancelled(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        chat.gateway.script(Reply(pictures=0, text="I would rather not."), times=2)
        chat.alice.send(away, "@sandbox_bot a red fox")
        await sees_inline(chat, away, "*{Try again}")
        (answer,) = chat.from_bot(away)
        await chat.committed()
        gate = chat.gateway.hold()
        await chat.press(chat.alice, answer, "Try again", away)
        await sees_inline(chat, away, WAITS)
        assert await chat.press(chat.bob, answer | chat.from_bot(away)[0], "Cancel", away)
        await chat.press(chat.alice, chat.from_bot(away)[0], "Cancel", away)
        await sees_inline(chat, away, "Cancelled.*{Try again}")
        gate.release()
        assert await charged(chat, chat.alice.id) == 0


async def test_a_question_that_is_too_old_is_drawn_for_nobody(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        with chat.telegram.hold("answerGuestQuery") as gate:
            chat.alice.send(away, "@sandbox_bot a red fox")
            await gate.reached()
            chat.telegram.world.inline.expire()
        (job,) = await chat.quiet()
        assert job.state in (JobState.FAILED, JobState.CANCELLED)
        assert not chat.gateway.calls
        assert await charged(chat, chat.alice.id) == 0
        assert chat.from_bot(away) == []
