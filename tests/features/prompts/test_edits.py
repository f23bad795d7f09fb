"""Edited messages, over the wire: they change what waits, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, POST, Conversation, image

DRAWING = "Drawing… {Cancel}"
NEXT = "You are next… {Cancel}"
OWN = "Waiting: your earlier pictures come first… {Cancel}"
CHANGED_NEXT = "Your change counts. You are next… {Cancel}"
CHANGED_OWN = "Your change counts. Waiting: your earlier pictures come first… {Cancel}"
CHANGED_ONE = "Your change counts. Waiting: 1 picture ahead of yours… {Cancel}"
MORE = [f"Waiting: {n} ahead of yours… {{Cancel}}" for n in ("1 picture", "2 pictures")]
ONE = {"MAX_CONCURRENCY": "1"}


def drawn(chat: Conversation, *words: str) -> bool:
    """Tell whether just these prompts were drawn, in this order."""
    calls = chat.gateway.calls
    return len(calls) == len(words) and all(
        call.prompt.startswith(word) for call, word in zip(calls, words, strict=True)
    )


async def test_an_edit_changes_what_waits_and_the_status_says_so(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(text="a red fox")
            await chat.sees(chat.alice, NEXT)
            chat.alice.edit(chat.alice, message["message_id"], "a blue fox")
            await chat.sees(chat.alice, CHANGED_NEXT)
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "a blue fox")


async def test_of_several_edits_the_last_one_holds(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(text="a red fox")
            await chat.sees(chat.alice, NEXT)
            for color in ("blue", "green", "red", "white"):
                chat.alice.edit(chat.alice, message["message_id"], f"a {color} fox")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "a white fox")


async def test_what_was_begun_or_drawn_stays_as_it_is(chat: Conversation) -> None:
    with chat.gateway.hold() as gate:
        (message,) = chat.alice.send(text="a red fox")
        await chat.sees(chat.alice, DRAWING)
        await chat.gateway.until(lambda: gate.waiting)
        chat.alice.edit(chat.alice, message["message_id"], "a blue fox")
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    await chat.sees(chat.alice, PICTURE)
    await chat.quiet()
    chat.alice.edit(chat.alice, message["message_id"], "a green fox")
    await chat.quiet()
    await chat.sees(chat.alice, PICTURE)
    assert drawn(chat, "a red fox")


async def test_flags_are_read_again(start: Start, tmp_path: Path) -> None:
    async with start(**ONE, **choice(tmp_path)) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(text="a fox 16:9")
            await chat.sees(chat.alice, NEXT)
            chat.alice.edit(chat.alice, message["message_id"], "a fox 9:16 --model pro")
            await chat.sees(chat.alice, CHANGED_NEXT)
            chat.alice.edit(chat.alice, message["message_id"], "a fox --model nobody")
            await chat.sees(
                chat.alice, CHANGED_NEXT, "*There are: flash*This change does not count*"
            )
        await chat.sees(chat.alice, PICTURE, "*")
        jobs = await chat.quiet()
        assert (jobs[1].request.model, jobs[1].request.aspect_ratio) == ("pro", "9:16")


async def test_more_pictures_and_fewer(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            (message,) = chat.alice.send(text="a fox")
            await chat.sees(chat.alice, DRAWING, OWN)
            chat.alice.edit(chat.alice, message["message_id"], "a wolf x3")
            await chat.sees(chat.alice, DRAWING, CHANGED_OWN, *MORE)
            chat.alice.edit(chat.alice, message["message_id"], "a bear x2")
            gone = "Cancelled. Nothing was charged. {Try again}"
            await chat.sees(chat.alice, DRAWING, CHANGED_OWN, CHANGED_ONE, gone)
        await chat.sees(chat.alice, PICTURE, PICTURE, PICTURE, gone)
        await chat.quiet()
        assert drawn(chat, "a dog", "a bear", "a bear")
        await chat.row(chat.alice, "/usage", "*Today ? pictures: 3*")


async def test_more_pictures_than_are_left_change_nothing(start: Start) -> None:
    async with start(USER_CONCURRENCY="1", USER_IMAGES_PER_DAY="3") as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            (message,) = chat.alice.send(text="a fox")
            await chat.sees(chat.alice, DRAWING, OWN)
            chat.alice.edit(chat.alice, message["message_id"], "a wolf x3")
            await chat.sees(
                chat.alice, DRAWING, OWN, "You have 1 picture left today, this asks for 2.*"
            )
        await chat.sees(chat.alice, PICTURE, PICTURE, "*")
        await chat.quiet()
        assert drawn(chat, "a dog", "a fox")


async def test_what_is_no_request_any_more_changes_nothing(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(text="a red fox")
            await chat.sees(chat.alice, NEXT)
            for said in ("/help", "/cancel", "16:9", "a red fox"):
                chat.alice.edit(chat.alice, message["message_id"], said)
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            await chat.sees(chat.alice, NEXT)
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "a red fox")


async def test_a_photo_keeps_its_picture_under_another_caption(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(photo=image(), caption="make it blue")
            await chat.sees(chat.alice, NEXT)
            chat.alice.edit(chat.alice, message["message_id"], "make it green")
            await chat.sees(chat.alice, CHANGED_NEXT)
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "make it green")
        assert len(chat.last_call.inputs) == 1


async def test_a_reply_goes_on_working_on_the_picture_that_it_replies_to(start: Start) -> None:
    async with start(**ONE) as chat:
        (fox,) = await chat.row(chat.alice, "a fox", PICTURE)
        await chat.quiet()
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(text="make it blue", reply_to=fox["message_id"])
            await chat.sees(chat.alice, PICTURE, NEXT)
            chat.alice.edit(chat.alice, message["message_id"], "make it green")
            await chat.sees(chat.alice, PICTURE, CHANGED_NEXT)
        await chat.sees(chat.alice, PICTURE, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a fox", "a dog", "make it green")
        assert len(chat.last_call.inputs) == 1


async def test_an_albums_caption_counts_while_it_settles_and_while_it_waits(start: Start) -> None:
    async with start(**ONE, ALBUM_SETTLE_SECONDS="3") as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            album = chat.alice.send(album=[image(), image()], caption="join them", caption_on=1)
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            chat.alice.edit(chat.alice, album[1]["message_id"], "mix them")
            await chat.sees(chat.alice, NEXT)
            assert (await chat.jobs())[1].request.prompt == "mix them"
            chat.alice.edit(chat.alice, album[1]["message_id"], "melt them")
            await chat.sees(chat.alice, CHANGED_NEXT)
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "melt them")
        assert len(chat.last_call.inputs) == 2


async def test_in_a_group_only_what_is_addressed_counts(start: Start) -> None:
    async with start(**ONE) as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        group.promote_bot()
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(group, "/imagine a red fox")
            await chat.sees(group, NEXT)
            chat.alice.edit(group, message["message_id"], "never mind")
            chat.alice.edit(group, message["message_id"], "/imagine a blue fox")
            await chat.sees(group, CHANGED_NEXT)
        await chat.sees(group, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "a blue fox")


@pytest.mark.about_file  # on a server a job says first that it is next
async def test_edits_that_come_twice_count_once(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(text="a red fox")
            await chat.sees(chat.alice, NEXT)
            for color in ("blue", "green"):
                chat.alice.edit(chat.alice, message["message_id"], f"a {color} fox")
            await chat.sees(chat.alice, CHANGED_NEXT)
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            chat.telegram.redeliver(2)
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            chat.bob.send(text="/id")  # whatever the edits cause is begun before this is answered
            await chat.sees(chat.bob, DRAWING, "You:*")
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "a green fox")
        said = [c.params.get("text") for c in chat.telegram.calls if c.method == "editMessageText"]
        assert said == ["Your change counts.\nYou are next…"] * 2 + ["Drawing…"]


async def test_in_a_channel_the_post_is_edited(start: Start) -> None:
    async with start(**ONE) as chat:
        channel = chat.telegram.channel("News", [chat.alice])
        channel.promote_bot()
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (post,) = chat.alice.send(channel, "/imagine a red fox")
            await chat.sees(channel, NEXT)
            chat.alice.edit(channel, post["message_id"], "/imagine a blue fox")
            await chat.sees(channel, CHANGED_NEXT)
        await chat.sees(channel, POST)
        await chat.quiet()
        assert drawn(chat, "a dog", "a blue fox")


async def test_the_model_that_was_pressed_stays(start: Start, tmp_path: Path) -> None:
    async with start(**ONE, **choice(tmp_path, default="words")) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(photo=image(), caption="make it blue")
            (offer,) = await chat.sees(chat.alice, "Words draws from words only*")
            await chat.press(chat.alice, offer, "Flash")
            await chat.sees(chat.alice, "Flash draws this.", NEXT)
            chat.alice.edit(chat.alice, message["message_id"], "make it green")
            await chat.sees(chat.alice, "Flash draws this.", CHANGED_NEXT)
            chat.alice.edit(chat.alice, message["message_id"], "make it red --model pro")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.sees(chat.alice, "*", PICTURE)
        await chat.quiet()
        assert drawn(chat, "a dog", "make it red")
        assert (await chat.jobs())[1].request.model == "pro"


async def test_who_is_not_let_in_edits_in_vain(start: Start) -> None:
    async with start(ACCESS="allowlist") as chat:
        (message,) = chat.alice.send(text="a fox")
        await chat.sees(chat.alice, "*")
        chat.alice.edit(chat.alice, message["message_id"], "a wolf")
        await chat.quiet()
        await chat.sees(chat.alice, "*")
        assert chat.gateway.calls == []


async def test_a_caption_that_comes_later_leaves_a_pressed_preset_alone(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (photo,) = chat.alice.send(photo=image())
            question = await chat.said_last(chat.alice, "What shall I do*")
            await chat.press(chat.alice, question, "🧸 Figurine")
            await chat.said_last(chat.alice, NEXT)
            chat.alice.edit(chat.alice, photo["message_id"], "make it blue")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        await chat.quiet()
        assert drawn(chat, "a dog", "Turn the main subject")


async def test_an_edit_behind_a_groups_keyword_counts(start: Start) -> None:
    async with start(**ONE) as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        group.promote_bot()
        await chat.row(chat.alice, "/settings prefix draw", "*", chat=group)
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", DRAWING)
            (message,) = chat.alice.send(group, "draw a red fox")
            await chat.said_last(group, NEXT)
            chat.alice.edit(group, message["message_id"], "draw a blue fox")
            await chat.said_last(group, CHANGED_NEXT)
        await chat.quiet()
        assert drawn(chat, "a dog", "a blue fox")
