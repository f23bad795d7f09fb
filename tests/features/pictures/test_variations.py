"""Variations, over the wire: two more pictures of a request, for one press, all of them or none."""

from __future__ import annotations

from bot.domain import JobState, Period, now
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

TWO = "Drawing 2 variations."
NOT_YOURS = "Only the person who asked for this picture can press this."
STALE = "This button no longer works. Please send your request again."


async def test_variations_draw_the_same_request_twice(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, None, PICTURE, photo=image(), caption="blue")
    await chat.restart()
    assert await chat.press(chat.alice, drawn, "Variations") == TWO
    _, *both = await chat.sees(chat.alice, *[PICTURE] * 3)
    assert len({(call.prompt, call.model, call.inputs) for call in chat.gateway.calls}) == 1
    assert {one["reply_to_message"]["message_id"] for one in both} == {drawn["message_id"]}
    await chat.quiet()
    totals = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
    assert (totals[Period.ALL].pictures, totals[Period.ALL].reserved) == (3, 0)


async def test_variations_of_an_edit_have_its_parent(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.committed()
    (edit,) = await chat.row(chat.alice, "in winter", PICTURE, reply_to=drawn["message_id"])
    await chat.committed()
    await chat.press(chat.alice, edit, "Variations")
    await chat.sees(chat.alice, *[PICTURE] * 4)
    first, *others = [job.parent_picture_id for job in await chat.quiet()]
    assert first is None
    assert others == [1, 1, 1]


async def test_a_press_on_variations_executes_once(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    with chat.gateway.hold():
        assert await chat.press(chat.alice, drawn, "Variations") == TWO
        for button in ("Variations", "Again"):  # an impatient finger
            answer = await chat.press(chat.alice, drawn, button)
            assert answer == "Already drawing this."
        chat.telegram.redeliver(3)
        chat.telegram.redeliver(3, fresh_ids=True)
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    await chat.sees(chat.alice, *[PICTURE] * 3)
    assert await chat.states() == [JobState.DELIVERED] * 3


async def test_a_picture_that_is_drawn_again_can_be_varied_meanwhile(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    with chat.gateway.hold():
        assert await chat.press(chat.alice, drawn, "Again") == "Drawing it again."
        assert await chat.press(chat.alice, drawn, "Variations") == TWO
    await chat.sees(chat.alice, *[PICTURE] * 4)


async def test_variations_come_all_or_none_within_limits(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="2") as chat:
        (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
        answer = await chat.press(chat.alice, drawn, "Variations")
        assert answer.startswith("You have 1 picture left today, this asks for 2.")
        assert await chat.states() == [JobState.DELIVERED]
        assert await chat.press(chat.alice, drawn, "Again") == "Drawing it again."
        await chat.sees(chat.alice, PICTURE, PICTURE)


async def test_variations_are_no_more_than_a_prompt_may_make(start: Start) -> None:
    async with start(MAX_COUNT="1") as chat:
        (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
        assert await chat.press(chat.alice, drawn, "Variations") == "Drawing a variation."
        await chat.sees(chat.alice, PICTURE, PICTURE)


async def test_variations_are_for_the_asker(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=group)
    answer = await chat.bob.press(group, drawn["message_id"], "Variations")
    assert (answer.text, answer.show_alert) == (NOT_YOURS, True)
    (bobs,) = await chat.row(chat.bob, "a blue fox", PICTURE)
    for data in ("vary:1", "vary:9999", "vary:", "vary:x", "vary:-1", "VARY:2"):
        assert await chat.forge(chat.bob, bobs, data) == STALE, data
    await chat.sees(group, PICTURE)
    assert await chat.states() == [JobState.DELIVERED] * 2


async def test_old_keyboards_stay_valid(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    assert await chat.forge(chat.alice, drawn, "again:1") == "Drawing it again."
    await chat.sees(chat.alice, PICTURE, PICTURE)
