"""Ratio, size, count and model, said in the prompt: over the wire, alone and in a group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain import JobState, Period, Scope, now
from bot.storage import Transaction
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image, shown

FILE = ("a.png", image(), "image/png")
LEFT = "You have 2 pictures left today, this asks for 3.*"
ASKS = "What shall I do with this picture?*"


@pytest_asyncio.fixture
async def chosen(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(**choice(tmp_path)) as conversation:
        yield conversation


def drawn(chat: Conversation) -> tuple[str, str | None, str | None]:
    """Tell what the gateway was last told besides the prompt."""
    call = chat.last_call
    return call.model, call.aspect_ratio, call.size


async def charged(chat: Conversation, account: int) -> tuple[int, int]:
    """Tell how many pictures are charged and reserved."""
    totals = (await chat.store.read(lambda tx: tx.ledger.totals(account, now())))[Period.DAY]
    return totals.pictures, totals.reserved


@pytest.mark.parametrize("grouped", [False, True])
async def test_every_flag_is_obeyed_and_not_drawn(chosen: Conversation, *, grouped: bool) -> None:
    chat = chosen
    where = chat.telegram.group("Friends", [chat.alice]) if grouped else None
    rows = (
        ("a fox 16:9", ("flash", "16:9", None)),
        ("a fox --ratio 16:9", ("flash", "16:9", None)),
        ("—ar 16:9 a fox", ("flash", "16:9", None)),
        ("a fox -m pro 2K", ("pro", None, "2K")),
        ("a fox --size=4k --model banana 9:16", ("pro", "9:16", "4K")),
    )
    for said, expected in rows:
        said_there = f"/imagine {said}" if grouped else said
        await chat.row(chat.alice, said_there, PICTURE, chat=where)
        assert chat.last_call.prompt == "a fox"
        assert drawn(chat) == expected


async def test_words_that_the_model_does_not_know_are_drawn(chosen: Conversation) -> None:
    for said in ("a skyline at 4K", "a clock showing 10:15", "a fox --style noir", "a BMW X5"):
        await chosen.row(chosen.alice, said, PICTURE)
        assert chosen.last_call.prompt == said
        assert drawn(chosen) == ("flash", None, None)


async def test_a_flag_that_nobody_can_guess_is_answered_with_what_there_is(
    chosen: Conversation,
) -> None:
    rows = (
        ("a fox --model nobody", "I do not know this model. There are: flash, banana, words, *"),
        ("a fox --mask", "For --mask I need at least two pictures*"),
        ("a fox --model", "--model needs a name behind it. There are: flash, banana, words, *"),
        ("a fox --model --ar 1:1", "--model needs a name behind it. There are: flash, *"),
        ("16:9 x2", "What shall I draw? Write it to me, for example: *"),
        ("/imagine --ar 16:9", "What shall I draw? Write it to me, for example: *"),
    )
    for said, answer in rows:
        await chosen.row(chosen.alice, said, answer)
    assert await chosen.jobs() == []


async def test_what_is_drawn_otherwise_is_told_under_the_status(chosen: Conversation) -> None:
    rows = (
        ("a fox --modle pro", "“--modle” was read as --model.", ("pro", None, None)),
        (
            "a fox --model pro --size 8K",
            "Pro cannot do “8K”: the nearest is 4K.",
            ("pro", None, "4K"),
        ),
        ("a fox --size 2K", "Flash cannot do “2K” and chooses by itself.", ("flash", None, None)),
        ("a fox --ratio 4:3", "Flash cannot do “4:3”: the nearest is 1:1.", ("flash", "1:1", None)),
    )
    for said, told, expected in rows:
        gate = chosen.gateway.hold()
        chosen.alice.send(text=said)
        await chosen.said_last(chosen.alice, f"Drawing*{told} {{Cancel}}")
        gate.release()
        (drawn_,) = [await chosen.said_last(chosen.alice, PICTURE)]
        assert drawn_["caption"].endswith(told)
        assert chosen.last_call.prompt == "a fox"
        assert drawn(chosen) == expected


@pytest.mark.parametrize(
    ("said", "told", "count", "ratio"),
    [
        (
            "a fox --n 1 x3",
            "“x3” and “--count 1” contradict each other: --count 1 counts.",
            1,
            None,
        ),
        ("a fox 1:1 16:9", "“1:1” and “16:9” contradict each other: 16:9 counts.", 1, "16:9"),
        ("1:1 a fox 16:9", "“1:1” and “16:9” contradict each other: 16:9 counts.", 1, "16:9"),
        (
            "a fox --ar 1:1 --ar 16:9",
            "“--ratio 1:1” and “--ratio 16:9” contradict each other: --ratio 16:9 counts.",
            1,
            "16:9",
        ),
        ("a fox 16:9 --ar 16:9", "", 1, "16:9"),
    ],
)
async def test_of_two_of_a_kind_it_is_told_which_counts(
    chosen: Conversation, said: str, told: str, count: int, ratio: str | None
) -> None:
    shown_ = await chosen.row(chosen.alice, said, *[PICTURE] * count)
    assert shown_[0].get("caption", "").endswith(told)
    assert "contradict" not in (shown_[0].get("caption", "") if not told else "")
    assert drawn(chosen) == ("flash", ratio, None)


async def test_too_many_pictures_are_as_many_as_there_can_be_and_told_once(
    chosen: Conversation,
) -> None:
    gate = chosen.gateway.hold()
    chosen.alice.send(text="a fox x99")
    told = "99 pictures at once are not possible: the nearest is 4."
    lines = [shown(one) for one in await chosen.sees(chosen.alice, *["*{Cancel}"] * 4)]
    assert [told in line for line in lines].count(True) == 1
    gate.release()
    await chosen.sees(chosen.alice, *[PICTURE] * 4)
    (first, *_) = chosen.from_bot(chosen.alice)
    gate = chosen.gateway.hold()
    await chosen.press(chosen.alice, first, "Again")
    again = await chosen.said_last(chosen.alice, "*{Cancel}")
    assert told not in again["text"]
    gate.release()


async def test_a_bare_size_that_the_model_does_not_know_is_drawn_as_a_word_and_told(
    chosen: Conversation,
) -> None:
    gate = chosen.gateway.hold()
    chosen.alice.send(text="a fox 8K")
    await chosen.said_last(
        chosen.alice, "*Flash cannot do “8K”, so it stays in the prompt. {Cancel}"
    )
    gate.release()
    await chosen.said_last(chosen.alice, PICTURE)
    assert chosen.last_call.prompt == "a fox 8K"


async def test_a_refused_flag_leaves_the_picture_that_waits(chosen: Conversation) -> None:
    await chosen.row(chosen.alice, None, ASKS, document=FILE)
    await chosen.row(chosen.alice, "make it blue --model nobody", "I do not know this model*")
    await chosen.row(chosen.alice, "make it blue --mask", "For --mask I need*")
    await chosen.row(chosen.alice, "make it blue", PICTURE)
    assert len(chosen.last_call.inputs) == 1


async def test_flags_alone_under_a_picture_hold_for_the_words_that_follow(
    chosen: Conversation,
) -> None:
    await chosen.row(chosen.alice, None, ASKS, document=FILE, caption="--model pro 9:16")
    await chosen.row(chosen.alice, "make it blue 1:1", PICTURE)
    assert chosen.last_call.prompt == "make it blue"
    assert drawn(chosen) == ("pro", "1:1", None)


async def test_three_pictures_are_three_jobs_and_three_charges(chosen: Conversation) -> None:
    await chosen.row(chosen.alice, "a red fox x3", PICTURE, PICTURE, PICTURE)
    jobs = await chosen.quiet()
    assert [(job.ordinal, job.request.prompt) for job in jobs] == [
        (0, "a red fox"),
        (1, "a red fox"),
        (2, "a red fox"),
    ]
    assert {job.message_id for job in jobs} == {jobs[0].message_id}
    assert await charged(chosen, chosen.alice.id) == (3, 0)
    (first, *_) = chosen.from_bot(chosen.alice)
    await chosen.press(chosen.alice, first, "Again")
    await chosen.sees(chosen.alice, *[PICTURE] * 4)
    chosen.telegram.redeliver(2)
    assert await chosen.states() == [JobState.DELIVERED] * 4


async def test_each_of_three_pictures_can_be_cancelled(chosen: Conversation) -> None:
    gate = chosen.gateway.hold()
    statuses = await chosen.row(chosen.alice, "a red fox x3", "Drawing*", "Drawing*", "Waiting*")
    await chosen.press(chosen.alice, statuses[1], "Cancel")
    gate.release()
    await chosen.sees(chosen.alice, PICTURE, "Cancelled. Nothing was charged.*", PICTURE)
    await chosen.quiet()
    assert await charged(chosen, chosen.alice.id) == (2, 0)


async def test_more_pictures_than_are_left_today_are_none(start: Start, tmp_path: Path) -> None:
    async with start(USER_IMAGES_PER_DAY="2", **choice(tmp_path)) as chat:
        await chat.row(chat.alice, "a red fox x3", LEFT)
        assert await chat.jobs() == []
        chat.alice.send(album=[image(), image(65)], caption="join them x3")
        await chat.sees(chat.alice, LEFT, LEFT)
        assert await chat.jobs() == []
        await chat.row(chat.alice, "a red fox x2", PICTURE, PICTURE)
        await chat.quiet()
        assert await charged(chat, chat.alice.id) == (2, 0)


async def test_a_mask_is_the_last_picture(chosen: Conversation) -> None:
    chosen.alice.send(album=[image(), image()], caption="a hat -m masker --mask")
    await chosen.sees(chosen.alice, PICTURE)
    assert chosen.last_call.model == "masker"
    (job,) = await chosen.quiet()
    assert (job.request.mask, len(job.request.sources)) == (True, 2)
    assert len(chosen.last_call.inputs) == 1


async def test_flags_beat_preferences_and_preferences_the_model(chosen: Conversation) -> None:
    def choose(tx: Transaction) -> None:
        alice = Scope(chosen.alice.id)
        for name, value in (("model", "pro"), ("aspect_ratio", "9:16"), ("size", "4K")):
            tx.preferences.choose(alice, name, value)
        tx.preferences.choose(alice, "count", 2)

    await chosen.store.write(choose)
    await chosen.row(chosen.alice, "a fox", PICTURE, PICTURE)
    assert drawn(chosen) == ("pro", "9:16", "4K")
    await chosen.row(chosen.alice, "a fox x1 16:9 1K", PICTURE)
    assert drawn(chosen) == ("pro", "16:9", "1K")
    await chosen.row(chosen.alice, "a fox --n 1 -m flash", PICTURE)
    assert drawn(chosen) == ("flash", None, None)  # what it does not know is left out


async def test_again_draws_an_old_request_without_what_the_model_no_longer_knows(
    chosen: Conversation,
) -> None:
    (picture,) = await chosen.row(chosen.alice, "a red fox", PICTURE)
    await chosen.quiet()
    old = '{"v":1,"prompt":"a fox","model":"flash","aspect_ratio":"4:3","sources":[]}'
    await chosen.execute(f"UPDATE jobs SET request = '{old}'")  # noqa: S608 - our own
    await chosen.press(chosen.alice, picture, "Again")
    await chosen.sees(chosen.alice, PICTURE, PICTURE)
    assert (chosen.last_call.prompt, drawn(chosen)) == ("a fox", ("flash", None, None))
