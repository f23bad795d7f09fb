"""Levels of buttons under a picture, over the wire: another shape, size or model, and Edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest_asyncio

from bot.domain import JobState, now
from sandbox.telegram import Person, Place
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image

FILE = ("a.png", image(), "image/png")
FIRST = "[photo]* {Again|Variations|Edit|Ratio ▸|Size ▸|Model ▸|Original file|Delete}"
RATIOS = "[photo]* {✓ automatic|1:1|9:16|16:9|Back}"
STALE = "This button no longer works. Please send your request again."
NOT_YOURS = "Only the person who asked for this picture can press this."
QUESTION = "What shall I change? Reply to this message."


@pytest_asyncio.fixture
async def chat(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(**choice(tmp_path, default="pro")) as conversation:
        yield conversation


def drawn(chat: Conversation) -> tuple[str, str | None, str | None]:
    return chat.last_call.model, chat.last_call.aspect_ratio, chat.last_call.size


async def opened(
    chat: Conversation, person: Person, message: dict[str, Any], button: str, where: Place
) -> dict[str, Any]:
    """Press a button that opens a level, and give the message as it is then."""
    number = message["message_id"]
    before = message["reply_markup"]
    await person.press(where, number, button)

    def now() -> dict[str, Any]:
        return next(m for m in chat.from_bot(where) if m["message_id"] == number)

    await chat.telegram.until(lambda: now()["reply_markup"] != before)
    return now()


async def test_each_level_draws_the_same_request_changed(chat: Conversation) -> None:
    alice = chat.alice
    (first,) = await chat.row(alice, None, FIRST, document=FILE, caption="make it blue")
    level = await opened(chat, alice, first, "Ratio ▸", alice)
    assert await chat.press(alice, level, "9:16") == "Drawing it again: 9:16."
    _, second = await chat.sees(alice, FIRST, FIRST)
    assert drawn(chat) == ("pro", "9:16", None)
    assert second["reply_to_message"]["message_id"] == first["message_id"]
    level = await opened(chat, alice, second, "Size ▸", alice)
    await chat.press(alice, level, "4K")
    third = (await chat.sees(alice, FIRST, FIRST, FIRST))[2]
    assert drawn(chat) == ("pro", "9:16", "4K")  # the changes add up
    level = await opened(chat, alice, third, "Model ▸", alice)
    assert await chat.press(alice, level, "Editor") == "Drawing it again: Editor."
    await chat.sees(alice, FIRST, FIRST, FIRST, PICTURE)
    assert chat.last_call.model == "editor"
    assert [call.inputs[0].sha256 for call in chat.gateway.calls] == [
        sha256(FILE[1]).hexdigest()
    ] * 4
    assert await chat.states() == [JobState.DELIVERED] * 4


async def test_one_level_at_a_time_and_back(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a red fox", FIRST)
    level = await opened(chat, chat.alice, first, "Ratio ▸", chat.alice)
    await chat.sees(chat.alice, RATIOS)
    back = await opened(chat, chat.alice, level, "Back", chat.alice)
    await chat.sees(chat.alice, FIRST)
    await opened(chat, chat.alice, back, "Model ▸", chat.alice)
    await chat.sees(
        chat.alice, "[photo]* {Flash|✓ Pro|Words|Masker|Back}"
    )  # no editor: it needs pictures


async def test_levels_that_hold_nothing_are_not_offered(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(**alone) as chat:
        await chat.row(
            chat.alice, "a red fox", "[photo]* {Again|Variations|Edit|Original file|Delete}"
        )


async def test_a_choice_is_drawn_once_and_another_beside_it(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a red fox", FIRST)
    level = await opened(chat, chat.alice, first, "Ratio ▸", chat.alice)
    keys = {k["text"]: k["callback_data"] for k in level["reply_markup"]["inline_keyboard"][0]}
    with chat.gateway.hold():
        assert await chat.press(chat.alice, level, "9:16") == "Drawing it again: 9:16."
        again = await chat.forge(chat.alice, level, keys["9:16"])  # an impatient finger
        assert again == "Already drawing this."
        assert await chat.forge(chat.alice, level, keys["16:9"]) == "Drawing it again: 16:9."
        chat.telegram.redeliver(3)
        chat.telegram.redeliver(3, fresh_ids=True)
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    await chat.sees(chat.alice, FIRST, FIRST, FIRST)
    assert await chat.states() == [JobState.DELIVERED] * 3


async def test_a_level_is_alive_after_a_restart_with_another_catalogue(
    start: Start, tmp_path: Path
) -> None:
    async with start(**choice(tmp_path, default="pro")) as chat:
        (first,) = await chat.row(chat.alice, "a red fox", FIRST)
        level = await opened(chat, chat.alice, first, "Size ▸", chat.alice)
        await chat.restart(**choice(tmp_path, default="flash"))
        assert await chat.press(chat.alice, level, "2K") == "Drawing it again: 2K."
        await chat.sees(chat.alice, FIRST, FIRST)
        assert drawn(chat) == ("pro", None, "2K")


async def test_only_who_asked_may_open_or_choose(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (first,) = await chat.row(chat.alice, "/imagine a red fox", FIRST, chat=group)
    for button in ("Ratio ▸", "Edit"):
        assert await chat.press(chat.bob, first, button, group) == NOT_YOURS
    level = await opened(chat, chat.alice, first, "Ratio ▸", group)
    assert await chat.press(chat.bob, level, "9:16", group) == NOT_YOURS
    assert len(await chat.jobs()) == 1


async def test_forged_presses_draw_nothing(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a red fox", FIRST)
    (his,) = await chat.row(chat.bob, "a blue fox", FIRST)
    for data in (
        *("r:1:4:3", "r:1:", "r::9:16", "r:zzzzzzzzzzzzz:9:16", "r:٣:9:16", "s:1:8K", "m:1:old"),
        *(
            "m:1:editor",
            "m:1:models",
            "r:1:models",
            "level:1:none",
            "level:1",
            "level:9:top",
            "edit:99",
            "edit:x",
        ),
    ):
        assert await chat.forge(chat.alice, first, data) == STALE, data
    for data in ("r:1:9:16", "level:1:ratio", "edit:1"):
        assert await chat.forge(chat.bob, his, data) == STALE  # Alice's picture
    assert len(await chat.quiet()) == 2
    await chat.sees(chat.alice, FIRST)


async def test_over_the_limit_a_choice_is_explained(start: Start, tmp_path: Path) -> None:
    async with start(USER_IMAGES_PER_DAY="1", **choice(tmp_path, default="pro")) as chat:
        (first,) = await chat.row(chat.alice, "a red fox", FIRST)
        level = await opened(chat, chat.alice, first, "Ratio ▸", chat.alice)
        said = await chat.press(chat.alice, level, "9:16")
        assert said.startswith("You have used your 1 picture")
        await chat.sees(chat.alice, FIRST)


async def test_edit_asks_and_the_reply_edits_that_picture_weeks_later(
    chat: Conversation, tmp_path: Path
) -> None:
    (first,) = await chat.row(chat.alice, "a red fox", FIRST)
    await chat.row(chat.alice, "a blue fox", FIRST)
    await chat.press(chat.alice, first, "Edit")
    *_, question = await chat.sees(chat.alice, FIRST, FIRST, QUESTION)
    assert question["reply_to_message"]["message_id"] == first["message_id"]
    await chat.restart(**choice(tmp_path, default="pro"))
    tomorrow = now() + timedelta(days=1)  # what cleanup forgets in weeks
    await chat.store.write(lambda tx: tx.pending.prune(tomorrow, 9))
    await chat.row(chat.alice, "in winter", FIRST, reply_to=question["message_id"])
    *_, job = await chat.quiet()
    assert job.parent_picture_id == 1
    assert len(chat.last_call.inputs) == 1
    await chat.row(chat.alice, "in spring", FIRST, reply_to=question["message_id"])
    *_, job = await chat.quiet()
    assert (job.parent_picture_id, job.request.prompt) == (1, "in spring")


async def test_an_impatient_finger_is_asked_once(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a red fox", FIRST)
    with chat.telegram.hold("sendMessage", "before") as gate:
        fingers = [chat.alice.press_only(chat.alice, first["message_id"], "Edit") for _ in range(3)]
        await gate.reached()
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    await chat.telegram.until(lambda: all(map(chat.telegram.answer_to, fingers)))
    chat.telegram.redeliver(3, fresh_ids=True)
    await chat.quiet()
    await chat.sees(chat.alice, FIRST, QUESTION)


async def test_in_a_group_only_who_pressed_is_asked(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (first,) = await chat.row(chat.alice, "/imagine a red fox", FIRST, chat=group)
    await chat.press(chat.alice, first, "Edit", group)
    _, question = await chat.sees(group, FIRST, f"*Alice*: {QUESTION}")
    (mention,) = question["entities"]
    assert (mention["type"], mention["user"]["id"]) == ("text_mention", chat.alice.id)
    sent = [call for call in chat.telegram.calls if call.method == "sendMessage"][-1]
    assert "selective" in str(sent.params)
    await chat.row(chat.alice, "in winter", FIRST, chat=group, reply_to=question["message_id"])
    *_, job = await chat.quiet()
    assert job.parent_picture_id == 1
