"""One prompt in several messages: long texts, and comments on what is forwarded; over the wire."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.features.albums.first_parts import FULL, is_comment, is_cut, is_full, separator
from tests.conftest import Start
from tests.features.prompts.test_flags import charged
from tests.storage.rows import album_item
from tests.support.conversation import PICTURE, Conversation, image

PHOTOS = [image(color=(60 * n, 10, 10)) for n in range(3)]
SENTENCE = "A fox walks through the snow and looks at {}. "
LONG = "".join(SENTENCE.format(n) for n in range(200)).strip()
TEXTS = st.lists(st.sampled_from(["fox " * 300, "snow\n" * 250, "a" * 777, " "])).map("".join)
COMMENT = "make it look like a watercolour"


def drawn(chat: Conversation) -> str:
    return chat.last_call.prompt.removesuffix(" Output an image.")


def shas(chat: Conversation) -> list[str]:
    return [picture.sha256 for picture in chat.last_call.inputs]


async def test_a_prompt_that_its_client_cut_is_one_picture(chat: Conversation) -> None:
    sent = chat.alice.write(LONG)
    assert len(sent) == 3
    await chat.sees(chat.alice, PICTURE)
    assert drawn(chat) == LONG
    assert [job.message_id for job in await chat.quiet()] == [sent[0]["message_id"]]
    assert await charged(chat, chat.alice.id) == (1, 0)


async def test_a_word_that_was_cut_is_whole_again(chat: Conversation) -> None:
    word = "fox" * 2000
    chat.alice.send(text=word[:4096])
    chat.alice.send(text=word[4096:])
    await chat.sees(chat.alice, PICTURE)
    assert drawn(chat) == word


async def test_a_long_prompt_that_was_not_cut_is_drawn_after_a_moment(chat: Conversation) -> None:
    await chat.row(chat.alice, LONG[:4050].strip(), PICTURE)
    assert drawn(chat) == LONG[:4050].strip()


async def test_flags_hold_in_whichever_part_they_stand(chat: Conversation) -> None:
    chat.alice.write(f"{LONG} x2")
    await chat.sees(chat.alice, PICTURE, PICTURE)
    assert drawn(chat) == LONG


async def test_in_a_group_the_rest_needs_no_mention(chat: Conversation) -> None:
    world = chat.telegram.world
    world.options = replace(world.options, privacy=False)
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    chat.alice.send(group, f"/imagine {LONG[:4080]}")
    chat.bob.send(group, "what is he writing?")
    chat.alice.send(group, LONG[4080:8000])
    await chat.sees(group, PICTURE)
    assert drawn(chat).split() == LONG[:8000].split()
    assert len(await chat.quiet()) == 1


async def test_two_long_prompts_apart_in_time_are_two(start: Start) -> None:
    async with start() as chat:
        long = LONG[:4050].strip()
        await chat.end()
        chat.alice.send(text=long)
        chat.alice.send(text="a red fox")
        chat.telegram.pending_updates[-1]["message"]["date"] += 10
        await chat.begin()
        await chat.sees(chat.alice, PICTURE, PICTURE)
        assert {job.request.prompt for job in await chat.jobs()} == {long, "a red fox"}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("comment", [COMMENT, "a watercolour"])
async def test_a_comment_and_what_is_forwarded_in_one_batch_are_one_prompt(
    chat: Conversation, comment: str, count: int
) -> None:
    sent = chat.alice.forward(PHOTOS[:count], comment=comment)
    await chat.sees(chat.alice, PICTURE)
    assert chat.last_call.prompt.startswith(comment)
    assert shas(chat) == [sha256(chat.kept(message)).hexdigest() for message in sent[1:]]
    assert len(chat.gateway.calls) == len(await chat.quiet()) == 1
    assert await charged(chat, chat.alice.id) == (1, 0)


async def test_a_comment_and_a_forwarded_text_are_one_prompt(chat: Conversation) -> None:
    await chat.end()
    chat.alice.send(text="paint what this is about")
    (story,) = chat.alice.send(text="A fox lived in the snow.")
    chat.telegram.pending_updates[-1]["message"]["forward_origin"] = {
        "type": "hidden_user",
        "sender_user_name": "Somebody",
        "date": story["date"],
    }
    await chat.begin()
    await chat.sees(chat.alice, PICTURE)
    assert drawn(chat) == "paint what this is about\nA fox lived in the snow."
    assert len(await chat.quiet()) == 1


async def test_a_comment_waits_for_what_comes_in_the_next_batch(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="5") as chat:
        chat.alice.send(text=COMMENT)
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        chat.alice.forward(PHOTOS[:1])
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.restart(ALBUM_SETTLE_SECONDS="0.2")
        await chat.sees(chat.alice, PICTURE)
        assert chat.last_call.prompt.startswith(COMMENT)
        assert len(chat.last_call.inputs) == len(chat.gateway.calls) == 1


@pytest.mark.parametrize("count", [1, 2])
async def test_words_that_are_drawn_already_are_begun_again_with_what_was_forwarded(
    chat: Conversation, count: int
) -> None:
    gate = chat.gateway.hold()
    await chat.row(chat.alice, "a watercolour", "Drawing*")
    await chat.gateway.until(lambda: gate.waiting)
    chat.alice.forward(PHOTOS[:count])
    await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    gate.release()
    await chat.sees(chat.alice, PICTURE)
    assert len(chat.last_call.inputs) == count
    assert drawn(chat) == "a watercolour"
    assert len(await chat.quiet()) == 1
    assert await charged(chat, chat.alice.id) == (1, 0)


async def test_what_is_forwarded_later_is_asked_about(chat: Conversation) -> None:
    await chat.row(chat.alice, "a watercolour", PICTURE)
    chat.alice.forward(PHOTOS[:1])
    await chat.sees(chat.alice, PICTURE, "What shall I do with this picture?*")
    assert len(chat.gateway.calls) == 1


async def test_words_that_only_look_like_a_comment_are_drawn(chat: Conversation) -> None:
    await chat.row(chat.alice, "make it snow", PICTURE)
    assert drawn(chat) == "make it snow"


async def test_words_for_a_picture_that_waits_wait_for_nothing_else(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="60") as chat:
        await chat.row(chat.alice, None, "What shall I do with this picture?*", photo=PHOTOS[0])
        await chat.row(chat.alice, COMMENT, PICTURE)
        assert len(chat.last_call.inputs) == 1


async def test_parts_that_come_again_are_not_drawn_again(chat: Conversation) -> None:
    chat.alice.write(LONG)
    await chat.sees(chat.alice, PICTURE)
    await chat.quiet()
    chat.telegram.redeliver(3, fresh_ids=True)
    await chat.restart()
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert len(chat.gateway.calls) == 2


async def test_an_edited_part_changes_what_is_drawn(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        gate = chat.gateway.hold()
        await chat.row(chat.alice, "a dog", "Drawing*")
        sent = chat.alice.write(LONG)
        await chat.said_last(chat.alice, "*Waiting*{Cancel}")
        chat.alice.edit(chat.alice, sent[-1]["message_id"], "and a dog.")
        await chat.said_last(chat.alice, "Your change counts.*")
        gate.release()
        await chat.sees(chat.alice, PICTURE, PICTURE)
        assert drawn(chat) == " ".join([*(m["text"] for m in sent[:-1]), "and a dog."])


async def test_cancel_forgets_a_part_that_waits(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="60") as chat:
        chat.alice.send(text=LONG[:4096])
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.row(chat.alice, "/cancel", "*")
        chat.alice.send(text=LONG[4096:8000])
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.restart(ALBUM_SETTLE_SECONDS="0.2")
        await chat.row(chat.alice, "a red fox", PICTURE)
        assert len(chat.gateway.calls) == 1


@pytest.mark.parametrize(
    "words",
    [
        *(COMMENT, "Remove the background", "сделай в стиле аниме", "把背景去掉", "背景を消して"),
        *("conviértelo en un cuadro", "als Ölgemälde", "배경을 바꿔", "اجعلها لوحة"),
    ],
)
def test_words_about_something_at_hand_are_a_comment(words: str) -> None:
    assert is_comment(words)


@pytest.mark.parametrize(
    "words",
    [
        *("a fox in the snow", "portrait of a woman", "ein Fuchs", "лиса в снегу", "雪地里的狐狸"),
        *("make me a logo of a fox", "give me a cat", "сделай картинку кота", "haz un dibujo"),
        *("mach mir ein Bild von ihr", "fais un dessin", "faça um desenho", "Make an icon"),
        *("itinerary of a trip", "un zorro", "雪の中の狐", "눈 속의 여우", "ثعلب في الثلج"),
    ],
)
def test_a_prompt_that_says_what_is_to_be_seen_waits_for_nothing(words: str) -> None:
    assert not is_comment(words)


@given(TEXTS)
def test_a_text_that_was_cut_anywhere_is_whole_again(text: str) -> None:
    text = text.strip()
    units = text.encode("utf-16-le")
    first = units[: 2 * FULL].decode("utf-16-le", "ignore")
    rest = text[len(first) :]
    assert is_cut(first) or not rest
    before = replace(album_item(), prompt=first.strip(), full=is_full(first))
    whole = f"{before.prompt}{separator(before, rest)}{rest.strip()}"
    assert whole.split() == text.split()
