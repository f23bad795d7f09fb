"""Questions that ask for a photo: what brings it, and what does not; commands under photos."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.tg.callbacks import Verb
from sandbox.telegram import Person, Place
from tests.conftest import Start
from tests.features.presets.test_presets import FILE, IN_GROUPS, LIST, OTHER, QUESTION, kept, prompt
from tests.features.prompts.test_files import sticker
from tests.support.conversation import PICTURE, Conversation, image

ASKED = "*🧸 Figurine: please send*"
AGAIN = "I need the photo for this. Please send it as a reply to this message."


async def asked(chat: Conversation, person: Person, where: Place) -> dict[str, Any]:
    """Press a preset in the list, and give the question for its photo."""
    (listed,) = await chat.row(person, "/presets", LIST, chat=where)
    await chat.press(person, listed, "🧸 Figurine", where)
    question = await chat.said_last(where, ASKED)
    await kept(chat, person, question)
    return question


@pytest_asyncio.fixture
async def enhancing(start: Start) -> AsyncIterator[Conversation]:
    async with start(ENHANCE_MODEL="gpt-4.1-mini") as conversation:
        yield conversation


@pytest.mark.parametrize("caption", [None, "in gold"])
@pytest.mark.parametrize("on", [0, 1])
async def test_an_album_as_the_reply_is_one_request(
    chat: Conversation, caption: str | None, on: int
) -> None:
    question = await asked(chat, chat.alice, chat.alice)
    album = [FILE[1], OTHER[1]]
    chat.alice.send(album=album, caption=caption, caption_on=on, reply_to=question["message_id"])
    await chat.said_last(chat.alice, PICTURE)
    assert chat.last_call.prompt == prompt("figurine", caption or "")
    assert len(chat.last_call.inputs) == 2
    assert len(await chat.quiet()) == 1


async def test_an_album_in_a_group_is_for_whom_it_replies_to(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    question = await asked(chat, chat.alice, group)
    chat.alice.send(group, album=[FILE[1], OTHER[1]], reply_to=question["message_id"])
    await chat.said_last(group, PICTURE)
    assert chat.last_call.prompt == prompt("figurine")
    assert len(chat.last_call.inputs) == 2


async def test_words_alone_are_asked_for_the_photo_again(chat: Conversation) -> None:
    question = await asked(chat, chat.alice, chat.alice)
    await chat.row(chat.alice, "my cat", AGAIN, reply_to=question["message_id"])
    again = await chat.said_last(chat.alice, AGAIN)
    await kept(chat, chat.alice, again)
    chat.telegram.redeliver(2)
    await chat.quiet()
    assert len(chat.gateway.calls) == 0
    assert [line for line in chat.lines(chat.alice) if line == AGAIN] == [AGAIN]
    await chat.row(chat.alice, None, PICTURE, document=FILE, reply_to=again["message_id"])
    assert chat.last_call.prompt == prompt("figurine")
    assert chat.telegram.violations == []


async def test_a_sticker_is_the_photo_in_a_group_too(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    question = await asked(chat, chat.alice, group)
    thrown = sticker(chat, image(512, 512, "WEBP"))
    chat.bob.post(group, [thrown], reply_to=question["message_id"])
    chat.alice.post(group, [thrown], reply_to=question["message_id"])
    await chat.said_last(group, PICTURE)
    (job,) = await chat.quiet()
    assert (job.account_id, chat.last_call.prompt) == (chat.alice.id, prompt("figurine"))


async def test_impatient_presses_ask_once(chat: Conversation) -> None:
    (listed,) = await chat.row(chat.alice, "/presets", LIST)
    with chat.telegram.hold("sendMessage", "before") as gate:
        chat.alice.press_only(chat.alice, listed["message_id"], "🧸 Figurine")
        await gate.reached()
        for _ in range(3):
            chat.alice.press_only(chat.alice, listed["message_id"], "🧸 Figurine")
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    await chat.sees(chat.alice, LIST, ASKED)
    await chat.press(chat.alice, listed, "🎨 Colorize")
    await chat.sees(chat.alice, LIST, ASKED, "*🎨 Colorize: please send*")


@pytest.mark.parametrize("document", [FILE, None])
async def test_presets_under_a_photo_are_offered_for_it(
    chat: Conversation, document: tuple[str, bytes, str] | None
) -> None:
    photo = None if document else FILE[1]
    (question,) = await chat.row(
        chat.alice, None, QUESTION, document=document, photo=photo, caption="/presets"
    )
    await chat.press(chat.alice, question, "🎨 Colorize")
    await chat.said_last(chat.alice, PICTURE)
    assert chat.last_call.prompt == prompt("colorize")
    assert len(chat.last_call.inputs) == 1


async def test_presets_under_an_album_or_in_a_group_are_offered_for_it(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice])
    group.promote_bot()
    said = "/presets@sandbox_bot"
    await chat.row(chat.alice, None, IN_GROUPS, chat=group, photo=FILE[1], caption=said)
    chat.alice.send(group, album=[FILE[1], OTHER[1]], caption=said)
    question = await chat.said_last(group, "What shall I do with these 2 pictures?*")
    data = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    assert data.startswith(f"{Verb.PRESET}:")
    await chat.row(chat.alice, None, chat=group, photo=FILE[1], caption="/presets@another_bot")
    assert len(await chat.jobs()) == 0


async def test_enhance_under_a_photo_makes_its_words_better(enhancing: Conversation) -> None:
    chat = enhancing
    (shown,) = await chat.row(
        chat.alice, None, "How about this?*", photo=FILE[1], caption="/enhance a fox"
    )
    await chat.press(chat.alice, shown, "Draw this")
    await chat.said_last(chat.alice, PICTURE)
    assert chat.last_call.prompt.startswith("a fox, in soft morning light")
    assert len(chat.last_call.inputs) == 1


async def test_any_command_under_a_photo_does_what_it_does_as_text(chat: Conversation) -> None:
    await chat.row(chat.alice, None, "*/settings*", photo=FILE[1], caption="/help")
    await chat.row(chat.alice, None, "*Model*{*}", document=FILE, caption="/settings")
    await chat.row(chat.alice, None, "*do not know*", photo=FILE[1], caption="/nonsense")
    assert await chat.jobs() == []
