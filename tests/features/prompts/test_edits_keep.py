"""What an edit keeps: flags given with the photo, a preset's words; and what a deletion hides."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.tg.callbacks import Verb
from tests.conftest import Start
from tests.features.presets.test_presets import FILE, QUESTION
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation

ONE = {"USER_CONCURRENCY": "1"}
DELETED = "You have deleted this picture. Send its words again to have it drawn anew."


@pytest.mark.parametrize("replies", [False, True])
async def test_an_edit_keeps_the_flags_that_came_with_the_photo(
    start: Start, tmp_path: Path, *, replies: bool
) -> None:
    async with start(**ONE, **choice(tmp_path, default="pro")) as chat:
        photo = chat.alice.send(document=FILE, caption="9:16 2K")[0]
        await chat.sees(chat.alice, "What shall I do*")
        with chat.gateway.hold():
            chat.alice.send(text="a dog in a park", reply_to=None)
            await chat.said_last(chat.alice, "Drawing*")
            answer = {"reply_to": photo["message_id"]} if replies else {}
            if not replies:
                chat.alice.send(document=FILE, caption="9:16 2K")
                await chat.said_last(chat.alice, "What shall I do*")
            (message,) = chat.alice.send(text="make it blue", **answer)
            await chat.said_last(chat.alice, "*Cancel*")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            chat.alice.edit(chat.alice, message["message_id"], "make it green 1:1")
            await chat.said_last(chat.alice, "Your change counts.*")
        jobs = await chat.quiet()
        request = jobs[-1].request
        assert (request.prompt, request.aspect_ratio, request.size) == (
            "make it green",
            "1:1",
            "2K",
        )
        assert len(request.sources) == 1


async def test_a_caption_does_not_rewrite_a_preset_that_another_model_draws(
    start: Start, tmp_path: Path
) -> None:
    async with start(**ONE, **choice(tmp_path, default="words")) as chat:
        (photo,) = chat.alice.send(document=FILE)
        (question,) = await chat.sees(chat.alice, QUESTION)
        await chat.press(chat.alice, question, "🧸 Figurine")
        (offer,) = await chat.sees(chat.alice, "Words draws from words only*")
        with chat.gateway.hold():
            chat.alice.send(text="a dog")
            await chat.said_last(chat.alice, "Drawing*")
            await chat.press(chat.alice, offer, "Flash")
            await chat.said_last(chat.alice, "*Cancel*")
            chat.alice.edit(chat.alice, photo["message_id"], "make it blue")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        jobs = await chat.quiet()
        assert "figurine" in jobs[-1].request.prompt


@pytest.mark.parametrize("by_button", [False, True])
async def test_an_edit_keeps_the_model_and_size_of_its_picture(
    start: Start, tmp_path: Path, *, by_button: bool
) -> None:
    async with start(**choice(tmp_path)) as chat:
        (picture,) = await chat.row(chat.alice, "a fox --model pro 2K 9:16", PICTURE)
        await chat.quiet()
        asked = picture
        if by_button:
            await chat.press(chat.alice, picture, "Edit")
            asked = await chat.said_last(chat.alice, "What shall I change?*")
        for said, drawn in (
            ("make it blue", ("pro", "9:16", "2K")),
            ("make it red 4K", ("pro", "9:16", "4K")),
            ("make it green --model flash", ("flash", "1:1", None)),
        ):
            gate = chat.gateway.hold()
            chat.alice.send(text=said, reply_to=asked["message_id"])
            status = await chat.said_last(chat.alice, "*{Cancel}")
            assert ("Flash cannot do “2K”" in status["text"]) == (drawn[0] == "flash")
            gate.release()
            await chat.said_last(chat.alice, PICTURE)
            call = chat.last_call
            assert (call.model, call.aspect_ratio, call.size) == drawn
            assert len(call.inputs) == 1


async def test_an_edit_of_a_picture_whose_model_cannot_edit_tells_who_draws(
    start: Start, tmp_path: Path
) -> None:
    async with start(**choice(tmp_path)) as chat:
        (picture,) = await chat.row(chat.alice, "a fox --model words", PICTURE)
        await chat.quiet()
        gate = chat.gateway.hold()
        chat.alice.send(text="make it blue", reply_to=picture["message_id"])
        await chat.said_last(
            chat.alice, "Drawing*Words cannot work on pictures: Flash draws. {Cancel}"
        )
        gate.release()
        await chat.said_last(chat.alice, PICTURE)
        assert (chat.last_call.model, len(chat.last_call.inputs)) == ("flash", 1)


async def test_a_deleted_picture_is_in_no_gallery(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.row(chat.alice, "a dog", PICTURE)
    await chat.quiet()
    await chat.row(chat.alice, "/history", "[photo] a dog*")
    gallery = (await chat.row(chat.alice, "/history", "[photo] a dog*"))[0]
    await chat.press(chat.alice, gallery, "▶")
    old = await chat.said_last(chat.alice, "[photo] a red fox*")
    await chat.delete(chat.alice, first)
    assert await chat.press(chat.alice, old, "Again") == DELETED
    assert await chat.press(chat.alice, old, "Edit") == DELETED
    await chat.press(chat.alice, old, "◀")
    await chat.said_last(chat.alice, "[photo] a dog*{Edit|Again|Original file|Delete}")
    assert len(await chat.jobs()) == 2


async def test_who_has_deleted_everything_has_an_empty_gallery(chat: Conversation) -> None:
    (only,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    await chat.delete(chat.alice, only)
    await chat.sees(chat.alice)
    await chat.row(chat.alice, "/history", "*")
    assert str(Verb.HISTORY) not in str(chat.from_bot(chat.alice)[-1].get("reply_markup"))
