"""Presets pressed: under a photo without words, from the list, with what the reply brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue import presets
from bot.config import ConfigError
from bot.domain import now
from bot.tg.callbacks import Press, Verb, parse
from sandbox.telegram.person import Person
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image

FILE = ("a.png", image(), "image/png")
SHA = sha256(FILE[1]).hexdigest()
OTHER = ("b.png", image(color=(9, 9, 9)), "image/png")
QUESTION = "What shall I do with this picture? Press an idea, or write it in your next message.*"
IN_GROUPS = "*Press an idea, or write it as a reply to this message.*"
FIRST = "*{🧸 Figurine|🕰 Restore an old photo|*|💼 Studio headshot|More ▸|Cancel}"
SECOND = "*{📦 Product shot|*|Back|Cancel}"  # the last one
LIST = "What shall I make?*{🧸 Figurine|*|More ▸}"
STALE = "This button no longer works. Please send your request again."
SHIPPED = presets.load_presets()


def prompt(preset_id: str, words: str = "") -> str:
    preset = SHIPPED.get(preset_id)
    assert preset
    return asked(preset.fill(words))


def asked(words: str) -> str:
    """Add what the model is told besides, so that it draws and does not talk."""
    return f"{words} Output an image."


async def kept(chat: Conversation, person: Person, question: dict[str, Any]) -> None:
    """Wait until the bot knows that it asked: no person is quicker, but a test is."""
    here = (person.id, question["chat"]["id"], question["message_id"])
    hour = timedelta(hours=1)
    while not await chat.store.read(lambda tx: tx.questions.expecting(*here, now() - hour)):
        await asyncio.sleep(0.01)


async def test_a_press_draws_the_picture_that_waits_once(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    assert await chat.press(chat.alice, question, "🧸 Figurine") == "🧸 Figurine"
    await chat.sees(chat.alice, QUESTION, PICTURE)
    assert chat.last_call.prompt == prompt("figurine")
    assert [picture.sha256 for picture in chat.last_call.inputs] == [SHA]
    chat.telegram.redeliver(2)
    assert len(await chat.quiet()) == 1
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.inputs == ()


async def test_several_presets_of_one_picture_are_drawn_and_each_finger_once(
    chat: Conversation,
) -> None:
    (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    gate = chat.gateway.hold()
    for button in ("🧸 Figurine", "🧸 Figurine", "🎨 Colorize"):
        chat.alice.press_only(chat.alice, question["message_id"], button)
    await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    gate.release()
    await chat.quiet()
    assert {call.prompt for call in chat.gateway.calls} == {prompt("figurine"), prompt("colorize")}
    assert len(chat.gateway.calls) == 2


async def test_the_pages_turn(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, FIRST, document=FILE)
    await chat.press(chat.alice, question, "More ▸")
    (question,) = await chat.sees(chat.alice, SECOND)
    await chat.press(chat.alice, question, "✏️ Line art")
    await chat.sees(chat.alice, SECOND, PICTURE)
    assert chat.last_call.prompt == prompt("line-art")
    await chat.press(chat.alice, question, "Back")
    await chat.sees(chat.alice, FIRST, PICTURE)


async def test_an_album_without_words_is_asked_about_with_presets(chat: Conversation) -> None:
    chat.alice.send(chat.alice, album=[FILE[1], OTHER[1]])
    (question,) = await chat.sees(chat.alice, "What shall I do with these 2 pictures? Press*")
    await chat.press(chat.alice, question, "🎨 Colorize")
    await chat.said_last(chat.alice, PICTURE)
    assert len(chat.last_call.inputs) == 2


async def test_only_who_asked_may_press_and_words_in_a_reply_do_too(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (question,) = await chat.row(
        chat.alice, None, IN_GROUPS, chat=group, document=FILE, caption="@sandbox_bot"
    )
    answer = await chat.press(chat.bob, question, "🧸 Figurine", group)
    assert answer == "Only the person who asked for this picture can press this."
    await chat.press(chat.alice, question, "🧸 Figurine", group)
    await chat.sees(group, IN_GROUPS, PICTURE)
    await chat.row(chat.alice, "in blue", PICTURE, chat=group, reply_to=question["message_id"])
    assert chat.last_call.prompt == asked("in blue")
    assert [picture.sha256 for picture in chat.last_call.inputs] == [SHA]


async def test_the_buttons_outlive_a_restart(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    await chat.restart()
    await chat.press(chat.alice, question, "🧸 Figurine")
    await chat.sees(chat.alice, QUESTION, PICTURE)


async def test_a_reply_with_the_command_offers_them_for_that_picture(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.committed()
    (question,) = await chat.row(chat.alice, "/presets", QUESTION, reply_to=drawn["message_id"])
    await chat.press(chat.alice, question, "🎨 Colorize")
    await chat.said_last(chat.alice, PICTURE)
    assert chat.last_call.prompt == prompt("colorize")
    assert len(chat.last_call.inputs) == 1
    job = (await chat.quiet())[-1]
    assert job.parent_picture_id is not None


async def test_a_preset_from_the_list_waits_for_its_photo(chat: Conversation) -> None:
    (listed,) = await chat.row(chat.alice, "/presets", LIST)
    await chat.press(chat.alice, listed, "🧸 Figurine")
    question = await chat.said_last(chat.alice, "🧸 Figurine: please send the photo*")
    await kept(chat, chat.alice, question)
    await chat.restart()
    await chat.row(chat.alice, None, PICTURE, document=FILE, reply_to=question["message_id"])
    assert chat.last_call.prompt == prompt("figurine")
    assert [picture.sha256 for picture in chat.last_call.inputs] == [SHA]
    await chat.row(
        chat.alice,
        None,
        PICTURE,
        document=OTHER,
        caption="in gold",
        reply_to=question["message_id"],
    )
    assert chat.last_call.prompt == prompt("figurine", "in gold")


async def test_a_preset_from_words_waits_for_them(chat: Conversation) -> None:
    (listed,) = await chat.row(chat.alice, "/presets", LIST)
    await chat.press(chat.alice, listed, "More ▸")
    (listed,) = await chat.sees(chat.alice, "What shall I make?*{*🔷 Logo|Back}")
    await chat.press(chat.alice, listed, "🔷 Logo")
    question = await chat.said_last(chat.alice, "🔷 Logo: what shall it show?*")
    await kept(chat, chat.alice, question)
    await chat.row(chat.alice, "a bakery, Brot", PICTURE, reply_to=question["message_id"])
    assert chat.last_call.prompt == prompt("logo", "a bakery, Brot")


async def test_anybody_in_a_group_may_take_from_the_list_for_himself(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (listed,) = await chat.row(chat.alice, "/presets@sandbox_bot", LIST, chat=group)
    await chat.press(chat.bob, listed, "🧸 Figurine", group)
    question = await chat.said_last(group, "Bob: 🧸 Figurine: please send*")
    await kept(chat, chat.bob, question)
    await chat.row(
        chat.bob, None, PICTURE, chat=group, document=FILE, reply_to=question["message_id"]
    )
    assert chat.last_call.prompt == prompt("figurine")
    (job,) = await chat.quiet()
    assert job.account_id == chat.bob.id


async def test_forged_presses_change_nothing(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
    message = question["reply_to_message"]["message_id"]
    for data in (
        f"preset:{message}:nothing",
        f"preset:{message}:logo",
        "preset:99999:figurine",
        f"presets:{message}:x",
        f"presets:{message}:-1",
        "preset:0:",
        "preset:figurine",
    ):
        assert await chat.forge(chat.alice, question, data) == STALE, data
    assert await chat.jobs() == []


async def test_a_lists_button_acts_on_no_other_message(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    for data in ("presets:0:1", "preset:0:figurine"):
        assert await chat.forge(chat.alice, drawn, data) == STALE, data
    await chat.sees(chat.alice, PICTURE)


class TestWithAModelThatCannotEdit:
    @pytest_asyncio.fixture
    async def chat(self, start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
        async with start(**choice(tmp_path, default="words")) as conversation:
            yield conversation

    async def test_a_preset_becomes_an_offer_of_those_that_can(self, chat: Conversation) -> None:
        (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
        await chat.press(chat.alice, question, "🧸 Figurine")
        (offer,) = await chat.sees(chat.alice, "Words draws from words only*{Flash|*}")
        await chat.press(chat.alice, offer, "Flash")
        await chat.sees(chat.alice, "Flash draws this.", PICTURE)
        assert (chat.last_call.model, asked(chat.last_call.prompt)) == ("flash", prompt("figurine"))

    async def test_a_second_preset_is_offered_and_drawn_too(self, chat: Conversation) -> None:
        (question,) = await chat.row(chat.alice, None, QUESTION, document=FILE)
        await chat.press(chat.alice, question, "🧸 Figurine")
        (offer,) = await chat.sees(chat.alice, "Words draws from words only*{Flash|*}")
        await chat.press(chat.alice, offer, "Flash")
        await chat.sees(chat.alice, "Flash draws this.", PICTURE)
        photo = question["reply_to_message"]["message_id"]
        (again,) = await chat.row(chat.alice, "/presets", QUESTION, reply_to=photo)
        await chat.press(chat.alice, again, "🎨 Colorize")
        offer = await chat.said_last(chat.alice, "Words draws from words only*{Flash|*}")
        await chat.press(chat.alice, offer, "Flash")
        await chat.said_last(chat.alice, PICTURE)
        assert asked(chat.last_call.prompt) == prompt("colorize")


async def test_an_operators_presets_are_offered_in_ones_language(
    start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "presets.toml"
    file.write_text(
        'extends = false\n[[preset]]\nid = "hat"\nlabel = "A hat"\nprompt = "Add a hat."\n'
        'labels.de = "Ein Hut"\n',
        encoding="utf-8",
    )
    async with start(PRESETS_FILE=str(file)) as chat:
        hans = chat.telegram.person("Hans", language="de")
        await chat.row(chat.alice, None, "*{A hat|Cancel}", document=FILE)
        (question,) = await chat.row(hans, None, "*{Ein Hut|Abbrechen}", document=FILE)
        await chat.press(hans, question, "Ein Hut")
        await chat.said_last(hans, "[photo]*")
        assert chat.last_call.prompt == asked("Add a hat.")


async def test_without_any_presets_the_list_says_so(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "presets.toml"
    file.write_text("extends = false\n", encoding="utf-8")
    async with start(PRESETS_FILE=str(file)) as chat:
        await chat.row(chat.alice, "/presets", "There are no ready ideas here.*")


async def test_a_preset_with_flags_that_no_model_knows_stops_the_start(
    start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "presets.toml"
    for flag, problem in (("--ratio 99:1", "99:1"), ("--model nosuch", "its model")):
        text = f'[[preset]]\nid = "hat"\nlabel = "A hat"\nprompt = "Add a hat. {flag}"\n'
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=f"preset hat: prompt: .* knows {problem}"):
            async with start(PRESETS_FILE=str(file)):
                pass
    file.write_text(text.replace("--model nosuch", "--ratio 16:9"), encoding="utf-8")
    async with start(PRESETS_FILE=str(file)) as chat:
        await chat.row(chat.alice, "/presets", "What shall I make?*")


@given(st.integers(0, 10**18 - 1), st.sampled_from([preset.id for preset in SHIPPED]))
def test_every_button_keeps_telegrams_limit_and_is_understood(message: int, preset: str) -> None:
    data = f"{Verb.PRESET}:{message}:{preset}"
    assert len(data.encode()) <= 64
    press = parse(data)
    assert press == Press(Verb.PRESET, f"{message}:{preset}")
    assert press.of_message == (message, preset)
