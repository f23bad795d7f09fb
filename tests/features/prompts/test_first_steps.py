"""First steps: what somebody new meets in his first minutes, over the wire."""

from __future__ import annotations

from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

FILES = [(f"{n}.png", image(60 + n), "image/png") for n in range(2)]


async def test_cancel_calls_off_an_album_that_still_waits_for_the_rest(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="60") as chat:
        chat.alice.send(documents=FILES, caption="merge them")
        chat.bob.send(documents=FILES, caption="merge mine")
        await chat.quiet()
        await chat.row(chat.alice, "/cancel", "The picture that was waiting is forgotten.*")
        await chat.row(chat.alice, "/cancel", "There is nothing to cancel.")
        await chat.restart(ALBUM_SETTLE_SECONDS="0.2")
        await chat.sees(chat.bob, PICTURE)
        await chat.quiet()
        assert len(chat.gateway.calls) == len(await chat.jobs()) == 1


async def test_cancel_leaves_an_album_alone_that_is_not_for_the_bot(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="60") as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        group.promote_bot()
        chat.alice.send(group, documents=FILES, caption="our holidays")
        await chat.quiet()
        await chat.row(chat.alice, "/cancel", "There is nothing to cancel.", chat=group)


async def test_in_a_group_the_question_asks_for_a_reply(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    asks = "What shall I do with this picture? *write it as a reply to this message. *{*}"
    (asked,) = await chat.row(
        chat.alice, None, asks, chat=group, document=FILES[0], caption="/imagine"
    )
    await chat.row(chat.alice, "in blue", PICTURE, chat=group, reply_to=asked["message_id"])


async def test_what_is_left_of_a_limit_is_told_where_more_is_asked_for(start: Start) -> None:
    async with start(USER_IMAGES_PER_MONTH="3") as chat:
        await chat.row(chat.alice, "a fox", PICTURE)
        left = "You have 2 pictures left this month, this asks for 3.*"
        await chat.row(chat.alice, "a fox x3", left)
        await chat.row(chat.alice, "a fox x2", PICTURE, PICTURE)
        await chat.row(chat.alice, "a fox x3", "You have used your 3 pictures for this month.*")
        assert len(await chat.jobs()) == 3


async def test_usage_names_no_cost_where_nothing_was_charged(start: Start) -> None:
    async with start(ADMIN_IDS="1001") as chat:
        chat.gateway.script(Reply(failure=Failure.RATE_LIMITED))
        chat.alice.send(text="sandbox:refuse")
        await chat.said_last(chat.alice, "*Nothing was charged.*")
        await chat.quiet()
        (answer,) = await chat.row(chat.alice, "/usage", "*Today ? pictures: 0, tokens: *")
        assert "cost" not in answer["text"]


async def test_a_flag_for_the_model_without_a_model_is_told(chat: Conversation) -> None:
    await chat.row(chat.alice, "--model= a red fox", "--model needs a name behind it.*")
    assert chat.gateway.calls == []


async def test_a_capital_x_counts_too(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox X2", PICTURE, PICTURE)
