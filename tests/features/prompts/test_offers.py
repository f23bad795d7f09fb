"""Offers: a wish that the chosen model cannot draw waits for the press that names another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest_asyncio

from bot.jobs.options import SHORT
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image, shown_keys

FILE = ("a.png", image(), "image/png")
SHA = sha256(FILE[1]).hexdigest()
WORDS_ONLY = "Words draws from words only*Which model*{Flash|Pro|Editor|Masker}"
STALE = "This button no longer works. Please send your request again."


@pytest_asyncio.fixture
async def chat(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(**choice(tmp_path, default="words")) as conversation:
        yield conversation


async def test_a_press_draws_it_with_that_model_once(chat: Conversation) -> None:
    (offer,) = await chat.row(
        chat.alice, None, WORDS_ONLY, document=FILE, caption="make it blue --count 2"
    )
    assert chat.gateway.calls == []
    await chat.press(chat.alice, offer, "Pro")
    await chat.sees(chat.alice, "Pro draws this.", PICTURE, PICTURE)
    assert {(call.model, call.prompt) for call in chat.gateway.calls} == {("pro", "make it blue")}
    assert [picture.sha256 for picture in chat.last_call.inputs] == [SHA]
    data = offer["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    assert await chat.forge(chat.alice, offer, data) == "A model was chosen already."
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert (chat.last_call.model, chat.last_call.inputs) == ("words", ())
    chat.telegram.redeliver(3)
    assert len(await chat.quiet()) == 3


async def test_an_impatient_finger_draws_it_once(chat: Conversation) -> None:
    (offer,) = await chat.row(chat.alice, None, WORDS_ONLY, document=FILE, caption="blue")
    gate = chat.gateway.hold()
    for button in ("Pro", "Pro", "Flash"):
        chat.alice.press_only(chat.alice, offer["message_id"], button)
    await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    gate.release()
    assert len(await chat.quiet()) == 1


async def test_only_who_asked_may_choose(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (offer,) = await chat.row(
        chat.alice, None, WORDS_ONLY, chat=group, document=FILE, caption="/imagine blue"
    )
    answer = await chat.press(chat.bob, offer, "Flash", group)
    assert answer == "Only the person who asked for this picture can press this."
    await chat.press(chat.alice, offer, "Flash", group)
    await chat.sees(group, "Flash draws this.", PICTURE)
    (job,) = await chat.quiet()
    assert job.account_id == chat.alice.id


async def test_an_offer_outlives_a_restart_and_other_prompts(
    chat: Conversation, tmp_path: Path
) -> None:
    (offer,) = await chat.row(chat.alice, None, WORDS_ONLY, document=FILE, caption="blue")
    await chat.restart(**choice(tmp_path, default="words"))
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.inputs == ()
    await chat.row(chat.alice, None, WORDS_ONLY, document=FILE, caption="green")
    await chat.press(chat.alice, offer, "Flash")
    await chat.sees(chat.alice, "Flash draws this.", PICTURE, WORDS_ONLY, PICTURE)
    assert chat.last_call.prompt == "blue"


async def test_words_for_a_waiting_picture_become_an_offer_that_comes_once(
    chat: Conversation,
) -> None:
    await chat.row(chat.alice, None, "What shall I do with this picture?*", document=FILE)
    (offer,) = await chat.row(chat.alice, "make it blue", WORDS_ONLY)
    await chat.row(chat.alice, None, "What shall I do with this picture?*", document=FILE)
    chat.telegram.redeliver(3)
    await chat.quiet()
    await chat.press(chat.alice, offer, "Flash")
    await chat.said_last(chat.alice, PICTURE)
    (second,) = await chat.row(chat.alice, "make it green", WORDS_ONLY)  # it still waits
    await chat.press(chat.alice, second, "Pro")
    await chat.said_last(chat.alice, PICTURE)
    assert chat.last_call.prompt == "make it green"


async def test_cancel_takes_an_offer_back(chat: Conversation) -> None:
    (offer,) = await chat.row(chat.alice, None, WORDS_ONLY, document=FILE, caption="blue")
    await chat.row(chat.alice, "/cancel", "The picture that was waiting is forgotten.*")
    assert await chat.press(chat.alice, offer, "Flash") == STALE
    assert await chat.jobs() == []


async def test_forged_presses_change_nothing(chat: Conversation) -> None:
    (offer,) = await chat.row(chat.alice, None, WORDS_ONLY, document=FILE, caption="blue")
    message = offer["reply_to_message"]["message_id"]
    forged = ("use:999:flash", "use:{0}:words", "use:{0}:old", "use:{0}:none", "use:{0}", "use:x:y")
    for data in forged:
        assert await chat.forge(chat.alice, offer, data.format(message)) == STALE
    (his,) = await chat.row(chat.bob, "/help", "What I can do*")
    assert await chat.forge(chat.bob, his, f"use:{message}:flash") == STALE  # another chat's
    assert await chat.jobs() == []


async def test_over_the_limit_an_offer_stays(start: Start, tmp_path: Path) -> None:
    async with start(USER_IMAGES_PER_DAY="1", **choice(tmp_path, default="words")) as chat:
        (offer,) = await chat.row(chat.alice, None, WORDS_ONLY, document=FILE, caption="blue x2")
        answer = await chat.press(chat.alice, offer, "Flash")
        assert answer.startswith("You have 1 picture left today, this asks for 2.")
        await chat.restart(**choice(tmp_path, default="words"))
        await chat.press(chat.alice, offer, "Flash")
        await chat.sees(chat.alice, "Flash draws this.", PICTURE, PICTURE)


async def test_too_many_pictures_for_one_model_are_offered_to_those_that_take_more(
    chat: Conversation,
) -> None:
    chat.alice.send(album=[image(64 + n) for n in range(3)], caption="join them -m flash")
    (offer,) = await chat.sees(
        chat.alice, "Flash works on at most 2 pictures at a time.*{Pro|Masker}"
    )
    await chat.press(chat.alice, offer, "Pro")
    await chat.sees(chat.alice, "Pro draws this.", PICTURE)
    assert len(chat.last_call.inputs) == 3


async def test_what_nobody_can_do_is_said_and_not_kept(chat: Conversation) -> None:
    chat.alice.send(album=[image(64 + n) for n in range(6)], caption="join them -m pro")
    await chat.sees(
        chat.alice, "Pro works on at most 5 pictures at a time.*No other model here can do it*"
    )
    chat.alice.send(text="/cancel")
    await chat.said_last(chat.alice, "There is nothing to cancel.")


async def test_a_mask_is_offered_to_those_that_take_one(chat: Conversation) -> None:
    chat.alice.send(album=[image(), image()], caption="a hat -m flash --mask")
    (offer,) = await chat.sees(chat.alice, "Flash cannot use a mask.*{Masker}")
    await chat.press(chat.alice, offer, "Masker")
    await chat.sees(chat.alice, "Masker draws this.", PICTURE)


async def test_a_model_that_needs_a_picture_gets_none_from_words(chat: Conversation) -> None:
    (offer,) = await chat.row(
        chat.alice, "a red fox -m editor", "Editor needs a picture*{Flash|Pro|Words|Masker}"
    )
    await chat.press(chat.alice, offer, "Words")
    await chat.sees(chat.alice, "Words draws this.", PICTURE)
    assert (chat.last_call.model, chat.last_call.prompt) == ("words", "a red fox")


async def test_an_offer_that_a_changed_choice_overtook_is_asked_as_well(
    chat: Conversation, tmp_path: Path
) -> None:
    with chat.telegram.hold("sendMessage") as gate:
        chat.alice.send(document=FILE, caption="blue")
        await gate.reached()
        await chat.end()
    await chat.begin(**choice(tmp_path, default="flash"))
    offer = await chat.said_last(chat.alice, "Which model shall draw this*{Flash|*}")
    await chat.press(chat.alice, offer, "Flash")
    await chat.said_last(chat.alice, PICTURE)


async def test_of_many_models_a_few_are_offered_and_all_behind_a_button(start: Start) -> None:
    async with start(DEFAULT_MODEL="ideogram") as chat:
        first = "Ideogram draws from words only*{Gemini 3.1 Flash Image|*|More ▸}"
        (offer,) = await chat.row(chat.alice, None, first, photo=image(), caption="in winter")
        assert len(shown_keys(offer)) == SHORT + 1
        await chat.press(chat.alice, offer, "More ▸")
        await chat.sees(chat.alice, "Ideogram draws from words only*|FLUX Kontext Pro}")
        await chat.press(chat.alice, offer, "FLUX Kontext Pro")
        await chat.sees(chat.alice, "FLUX Kontext Pro draws this.", PICTURE)
        stale = await chat.forge(chat.alice, offer, f"offer:{offer['message_id']}")
        assert stale.startswith("This button no longer works.")
