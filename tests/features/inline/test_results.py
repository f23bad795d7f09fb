"""What inline mode offers, where Telegram does not take all of it."""

from __future__ import annotations

import re

import pytest

from bot.domain import Scope
from bot.features.inline.query_results import TRIES
from sandbox.gateway import Reply
from sandbox.telegram import BadRequest
from tests.conftest import Start
from tests.features.inline.test_inline import stored, titles
from tests.support.conversation import PICTURE, Conversation, image

FILE = ("a.png", image(), "image/png")
PROMPTS = ("one fox", "two foxes", "three foxes", "four foxes", "five foxes")


async def drawn(chat: Conversation) -> list[str]:
    """Draw some pictures; tells Telegram's names for them, the oldest first."""
    for prompt in PROMPTS:
        await chat.row(chat.alice, prompt, PICTURE)
    await chat.quiet()
    page = await chat.store.read(lambda tx: tx.pictures.latest(chat.alice.id, 1 << 62, 20))
    return [str(picture.file_id) for picture, *_ in reversed(page)]


def forget(chat: Conversation, file_id: str) -> None:
    """Let Telegram lose a file."""
    del chat.telegram.world.files._by_id[file_id]


async def everything(chat: Conversation, words: str) -> list[str]:
    """Ask for one page after the other, as a client does that is scrolled."""
    seen: list[str] = []
    _, offer = await chat.alice.inline(words)
    seen += titles(offer)
    while offer.next_offset:
        _, offer = await chat.alice.inline(words, offer.next_offset)
        seen += titles(offer)
    return seen


async def test_a_presets_picture_goes_by_its_name(start: Start) -> None:
    async with stored(start) as (chat, _, _):
        (question,) = await chat.row(chat.alice, None, "What shall I do*", document=FILE)
        await chat.press(chat.alice, question, "🧸 Figurine")
        await chat.sees(chat.alice, "What shall I do*", PICTURE)
        await chat.quiet()
        assert titles((await chat.alice.inline(""))[1]) == ["photo: 🧸 Figurine"]


async def test_what_is_drawn_anew_and_pictures_of_the_same_words_are_told_apart(
    start: Start,
) -> None:
    async with stored(start) as (chat, _, _):
        for size in (1200, 4800):
            chat.gateway.script(Reply(noise=size))
            await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        _, offer = await chat.alice.inline("fox")
        told = [str(result["description"]) for result in offer.results]
        assert told[0] == "A new picture, drawn now"
        assert len(set(told)) == 3
        model = "Gemini 2.5 Flash Image"
        assert all(re.match(rf"{model} · \d+ x \d+ · \d{{4}}-\d\d-\d\d ", t) for t in told[1:])


@pytest.mark.parametrize("lost", [[0], [2], [4], [0, 3], [0, 1, 2, 3, 4]])
async def test_a_picture_that_is_lost_takes_no_other_away(start: Start, lost: list[int]) -> None:
    async with stored(start) as (chat, _, _):
        names = await drawn(chat)
        for number in lost:
            forget(chat, names[number])
        kept = [f"photo: {PROMPTS[n]}" for n in (4, 3, 2, 1, 0) if n not in lost]
        for _ in range(4):  # each question may find one that is lost, and the last finds none
            seen = await everything(chat, "fox")
            assert seen[0] == "article: Draw: fox"
        assert seen[1:] == kept
        assert len(seen) == len(kept) + 1


async def test_pictures_sent_as_files_are_offered_as_files(start: Start) -> None:
    async with stored(start) as (chat, channel, away):
        await chat.row(chat.alice, "a fox as a photo", PICTURE)
        alice = Scope(chat.alice.id)
        await chat.store.write(lambda tx: tx.preferences.choose(alice, "send_as", "file"))
        await chat.restart(STORAGE_CHAT_ID=str(channel.id))
        await chat.row(chat.alice, "a fox as a file", "[file *")
        await chat.quiet()
        query_id, offer = await chat.alice.inline("fox")
        assert titles(offer)[1:] == ["document: a fox as a file", "photo: a fox as a photo"]
        assert "document" in chat.alice.choose(away, query_id, offer.results[1]["id"])


async def test_what_is_refused_again_and_again_leaves_the_offer_to_draw(start: Start) -> None:
    async with stored(start) as (chat, _, _):
        await drawn(chat)
        for _ in range(TRIES):
            chat.telegram.fault("answerInlineQuery", BadRequest("Bad Request: RESULT_INVALID"))
        assert (await everything(chat, "fox")) == ["article: Draw: fox"]
        assert len(await everything(chat, "fox")) > 1
