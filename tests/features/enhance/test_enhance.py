"""`/enhance`, over the wire: better words are shown, and one wording is drawn, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.tg.callbacks import Verb, parse
from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image
from tests.support.waiting import patient

ENHANCES = {"ENHANCE_MODEL": "gpt-4.1-mini"}
BETTER = "a fox, in soft morning light, full of detail"
SHOWN = f"How about this?  {BETTER} {{Draw this|Draw my words|Another wording|Cancel}}"
FAILED = "I could not make this prompt better just now.* {Draw my words|Another wording|Cancel}"


@pytest_asyncio.fixture
async def chat(start: Start) -> AsyncIterator[Conversation]:
    """The whole bot, with a model that makes prompts better."""
    async with start(**ENHANCES) as conversation:
        yield conversation


@pytest.mark.parametrize(("button", "drawn"), [("Draw this", BETTER), ("Draw my words", "a fox")])
async def test_the_wording_that_is_pressed_is_drawn(
    chat: Conversation, button: str, drawn: str
) -> None:
    (shown,) = await chat.row(chat.alice, "/enhance a fox", SHOWN)
    assert chat.gateway.calls[0].model == "gpt-4.1-mini"
    assert chat.gateway.calls[0].prompt == "a fox"
    await chat.press(chat.alice, shown, button)
    await chat.sees(chat.alice, drawn, PICTURE)
    assert chat.last_call.prompt == f"{drawn} Output an image."
    assert len(await chat.quiet()) == 1


@pytest.mark.parametrize("between", ["\n", "\t", "@sandbox_bot\n", "  \n "])
async def test_words_on_the_next_line_are_words(chat: Conversation, between: str) -> None:
    await chat.row(chat.alice, f"/enhance{between}a fox", SHOWN)


async def test_flags_stay_out_of_the_model_and_in_the_drawing(start: Start, tmp_path: Path) -> None:
    async with start(**choice(tmp_path), **ENHANCES) as chat:
        said = "/enhance a fox x2 16:9 --model pro --size 2K"
        flags = "--model pro --ratio 16:9 --size 2K --count 2"
        (shown,) = await chat.row(chat.alice, said, f"How about this?  {BETTER} {flags} *")
        assert chat.last_call.prompt == "a fox"
        await chat.press(chat.alice, shown, "Draw this")
        await chat.sees(chat.alice, f"{BETTER} {flags}", PICTURE, PICTURE)
        assert (chat.last_call.aspect_ratio, chat.last_call.size) == ("16:9", "2K")
        assert chat.last_call.prompt == BETTER
        await chat.row(chat.alice, "/enhance a fox --model nobody", "I do not know this model.*")


@pytest.mark.parametrize("button", ["Draw this", "Draw my words"])
async def test_what_was_not_understood_is_told_in_either_wording(
    start: Start, tmp_path: Path, button: str
) -> None:
    async with start(**choice(tmp_path), **ENHANCES) as chat:
        (shown,) = await chat.row(chat.alice, "/enhance a fox --modle pro --size 8K", "How about*")
        await chat.press(chat.alice, shown, button)
        drawn = await chat.said_last(chat.alice, PICTURE)
        told = "“--modle” was read as --model.\nPro cannot do “8K”: the nearest is 4K."
        assert drawn["caption"].endswith(told)


async def test_another_wording_takes_the_place_of_the_first(chat: Conversation) -> None:
    (shown,) = await chat.row(chat.alice, "/enhance a fox", SHOWN)
    chat.gateway.script(Reply(pictures=0, text='"a vixen"'))
    assert await chat.press(chat.alice, shown, "Another wording") == "Looking for other words…"
    other = await chat.said_last(chat.alice, "How about this?  a vixen {*}")
    assert other["message_id"] == shown["message_id"]
    await noted(chat, other)
    await chat.press(chat.alice, other, "Draw this")
    await chat.sees(chat.alice, "a vixen", PICTURE)


async def test_a_failure_leaves_ones_own_words(chat: Conversation) -> None:
    chat.gateway.script(Reply(failure=Failure.SERVER_ERROR))
    (shown,) = await chat.row(chat.alice, "/enhance a fox", FAILED)
    assert await chat.forge(chat.alice, shown, f"better:{_message(shown)}") == (
        "This button no longer works. Please send your request again."
    )
    await chat.press(chat.alice, shown, "Draw my words")
    await chat.sees(chat.alice, "a fox", PICTURE)


async def test_a_reply_to_a_picture_edits_it_in_better_words(chat: Conversation) -> None:
    (own,) = chat.alice.send(photo=image(), caption="make it red")
    await chat.quiet()
    reply = {"reply_to": own["message_id"]}
    (shown,) = await chat.row(chat.alice, "/enhance a fox", SHOWN, **reply)
    await chat.press(chat.alice, shown, "Draw this")
    await chat.said_last(chat.alice, PICTURE)
    assert len(chat.last_call.inputs) == 1


async def test_an_impatient_finger_draws_once(chat: Conversation) -> None:
    (shown,) = await chat.row(chat.alice, "/enhance a fox", SHOWN)
    for button in ("Draw this", "Draw this", "Draw my words"):
        chat.alice.press_only(chat.alice, shown["message_id"], button)
    await chat.sees(chat.alice, BETTER, PICTURE)
    chat.telegram.redeliver(4)
    chat.telegram.redeliver(4, fresh_ids=True)
    jobs = await chat.quiet()
    assert len(jobs) == 1
    assert len(chat.lines(chat.alice)) == 2
    again = await chat.forge(chat.alice, shown, f"words:{_message(shown)}")
    assert again == "This button no longer works. Please send your request again."


async def test_in_a_group_it_is_the_owners(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (shown,) = await chat.row(chat.alice, "/enhance a fox", SHOWN, chat=group)
    said = await chat.press(chat.bob, shown, "Draw this", group)
    assert said == "Only the person who asked for this picture can press this."
    await chat.press(chat.alice, shown, "Draw this", group)
    await chat.sees(group, BETTER, PICTURE)


async def test_data_of_another_message_is_stale(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "/enhance a fox", SHOWN)
    (second,) = await chat.row(chat.alice, "/enhance a fox", SHOWN)
    await noted(chat, second)
    stale = "This button no longer works. Please send your request again."
    for data in (f"better:{_message(second)}", "words:99", "rewrite:x", "better:"):
        assert await chat.forge(chat.alice, first, data) == stale
    assert await chat.jobs() == []


async def test_without_words_or_a_model_that_is_said(start: Start) -> None:
    async with start() as chat:
        await chat.row(chat.alice, "/enhance a fox", "There is no model here*")
    async with start(**ENHANCES) as chat:
        await chat.row(chat.alice, "/enhance", "Write your prompt behind the command*")
        await chat.row(chat.alice, "/enhance 16:9", "Write your prompt behind the command*")


async def test_it_goes_on_after_a_restart_and_cancel_ends_it(chat: Conversation) -> None:
    with chat.gateway.hold() as gate:
        chat.alice.send(text="/enhance a fox")
        await chat.gateway.until(lambda: gate.waiting)
        await chat.end()
    await chat.begin(**ENHANCES)
    (shown,) = await chat.sees(chat.alice, SHOWN)
    await chat.restart(**ENHANCES)
    await chat.press(chat.alice, shown, "Draw this")
    await chat.sees(chat.alice, BETTER, PICTURE)
    with chat.gateway.hold() as gate:
        chat.alice.send(text="/enhance a dog")
        await chat.gateway.until(lambda: gate.waiting)
        await chat.row(chat.alice, "/cancel", "Cancelled 1 picture.*")


async def test_who_has_used_up_his_pictures_is_told_before(start: Start) -> None:
    async with start(**ENHANCES, USER_IMAGES_PER_DAY="1") as chat:
        (shown,) = await chat.row(chat.alice, "/enhance a fox", SHOWN)
        await chat.row(chat.alice, "a cat", PICTURE)
        await chat.quiet()
        assert "You have used your 1 picture" in await chat.press(chat.alice, shown, "Draw this")
        await chat.row(chat.alice, "/enhance a dog", "You have used your 1 picture for today.*")


@given(
    st.sampled_from([Verb.DRAW_ENHANCED, Verb.DRAW_ORIGINAL, Verb.ENHANCE_AGAIN]),
    st.text(max_size=60),
)
def test_whatever_data_says_it_is_read_as_an_id_or_nothing(verb: Verb, argument: str) -> None:
    press = parse(f"{verb}:{argument}")
    assert press is not None
    assert press.id is None or str(press.id) == argument.lstrip("0") or press.id == 0


async def noted(chat: Conversation, shown: dict[str, object]) -> None:
    """Wait until the bot has committed where the words stand."""
    here = (chat.alice.id, _message(shown))
    async with patient():
        while True:
            rewrite = await chat.store.read(lambda tx: tx.enhancements.open(*here))
            if rewrite and rewrite.shown:
                return
            await asyncio.sleep(0.02)


def _message(shown: dict[str, object]) -> int:
    replied = shown["reply_to_message"]
    assert isinstance(replied, dict)
    return int(replied["message_id"])
