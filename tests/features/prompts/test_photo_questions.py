"""The question about a photo: how long it waits, how it is answered and put aside; over the wire."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.domain import now
from bot.features.prompts import handlers
from bot.storage import Transaction
from bot.storage.tables import PENDING
from bot.tg.callbacks import Verb
from tests.conftest import Start
from tests.features.presets.test_presets import FILE, QUESTION, STALE
from tests.features.prompts.test_flags import charged
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image

WHICH = "Is this about the picture above, or a new one? {This picture|A new picture}"


async def ages(chat: Conversation, **how_long: int) -> None:
    """Let what waits have waited for so long."""
    at = now() - timedelta(**how_long)

    def set_back(tx: Transaction) -> None:
        tx.questions._sql.execute(update(PENDING).values(at=at))

    await chat.quiet()
    await chat.store.write(set_back)


async def asks_which(chat: Conversation) -> dict[str, object]:
    await chat.row(chat.alice, None, QUESTION, document=FILE)
    await ages(chat, minutes=11)
    (which,) = await chat.row(chat.alice, "a red fox", WHICH)
    return which


async def test_the_question_says_how_long_it_waits(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    said = "Your next message counts for 10 minutes, a reply to this one for a day."
    assert said in question["text"]


async def test_in_a_group_only_a_reply_counts(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice])
    chat.alice.send(group, photo=image(), caption="/imagine")
    (question,) = await chat.sees(group, "What shall I do with this picture?*")
    assert "A reply to this message counts for a day." in question["text"]
    assert "Your next message" not in question["text"]


async def test_cancel_puts_the_photo_aside_and_a_reply_takes_it_up(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    await chat.press(chat.alice, question, "Cancel")
    await chat.sees(chat.alice, "Cancelled*")
    assert await chat.forge(chat.alice, question, f"{Verb.FORGET_PHOTO}:1") == STALE
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.inputs == ()
    await chat.row(chat.alice, "make it blue", PICTURE, reply_to=question["message_id"])
    assert len(chat.last_call.inputs) == 1


async def test_a_second_photo_says_that_the_first_waits_no_longer(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    (second,) = await chat.row(chat.alice, None, QUESTION, photo=image(65))
    told = "The earlier picture waits no longer; a reply to it still works."
    assert told not in first["text"]
    assert told in second["text"]
    await chat.row(chat.alice, "make it blue", PICTURE)
    await chat.row(chat.alice, "make it red", PICTURE, reply_to=first["message_id"])
    (third,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    assert told not in third["text"]


async def test_a_stranger_cannot_put_it_aside(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    caption = "@sandbox_bot"
    (question,) = await chat.row(
        chat.alice, None, "What*", chat=group, photo=FILE[1], caption=caption
    )
    assert "Only the person" in await chat.press(chat.bob, question, "Cancel", group)


async def test_the_next_message_within_ten_minutes_is_about_the_photo(chat: Conversation) -> None:
    await chat.row(chat.alice, None, QUESTION, document=FILE)
    await ages(chat, minutes=9)
    await chat.row(chat.alice, "make it blue", PICTURE)
    assert len(chat.last_call.inputs) == 1


@pytest.mark.parametrize(("button", "pictures"), [("This picture", 1), ("A new picture", 0)])
@pytest.mark.parametrize("restarts", [False, True])
async def test_words_that_come_later_are_asked_about(
    chat: Conversation, button: str, pictures: int, *, restarts: bool
) -> None:
    which = await asks_which(chat)
    assert chat.gateway.calls == []
    if restarts:
        chat.telegram.redeliver(1)
        await chat.restart()
    await chat.press(chat.alice, which, button)
    await chat.sees(chat.alice, QUESTION, f"✓ {button}", PICTURE)
    assert len(chat.last_call.inputs) == pictures
    assert chat.last_call.prompt.startswith("a red fox")
    assert await chat.forge(chat.alice, which, f"{Verb.WITH_PHOTO}:3") != ""
    assert len(await chat.quiet()) == len(chat.gateway.calls) == 1
    assert await charged(chat, chat.alice.id) == (1, 0)
    await chat.row(chat.alice, "a dog", PICTURE)
    assert chat.last_call.inputs == ()


async def test_a_reply_works_for_a_day_without_a_question(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    await ages(chat, hours=23)
    await chat.row(chat.alice, "make it blue", PICTURE, reply_to=question["message_id"])
    assert len(chat.last_call.inputs) == 1


async def test_after_a_day_nothing_is_asked_and_the_words_are_drawn(chat: Conversation) -> None:
    await chat.row(chat.alice, None, QUESTION, document=FILE)
    await ages(chat, hours=25)
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.inputs == ()


async def test_flags_that_came_with_the_photo_hold_for_it_alone(
    start: Start, tmp_path: object
) -> None:
    async with start(**choice(tmp_path)) as chat:  # type: ignore[arg-type]
        await chat.row(chat.alice, None, "What*", photo=image(), caption="--model pro 2K")
        await ages(chat, minutes=11)
        (which,) = await chat.row(chat.alice, "a red fox", WHICH)
        await chat.press(chat.alice, which, "A new picture")
        await chat.said_last(chat.alice, PICTURE)
        assert (chat.last_call.model, chat.last_call.size) == ("flash", None)


async def test_a_model_of_words_alone_offers_others_for_the_photo(
    start: Start, tmp_path: object
) -> None:
    async with start(**choice(tmp_path, default="words")) as chat:  # type: ignore[arg-type]
        which = await asks_which(chat)
        await chat.press(chat.alice, which, "This picture")
        offer = await chat.said_last(chat.alice, "Words draws from words only*{*Flash*}")
        await chat.press(chat.alice, offer, "Flash")
        await chat.said_last(chat.alice, PICTURE)
        assert len(chat.last_call.inputs) == 1


async def test_more_than_is_left_is_told_and_the_question_stays(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="1") as chat:
        await chat.row(chat.alice, "a dog", PICTURE)
        which = await asks_which(chat)
        assert "for today" in await chat.press(chat.alice, which, "This picture")
        await chat.said_last(chat.alice, WHICH)
        assert len(await chat.jobs()) == 1


async def test_a_question_that_nobody_can_answer_any_more_is_taken_away(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "TIDY_SECONDS", 0.1)
    async with start() as chat:
        await chat.row(chat.alice, None, QUESTION, document=FILE)
        await ages(chat, hours=49)  # no bot can delete what is older than two days
        await chat.row(chat.alice, None, QUESTION, document=FILE)
        await chat.sees(chat.alice, QUESTION, QUESTION)
        await ages(chat, hours=25)
        await chat.sees(chat.alice)
