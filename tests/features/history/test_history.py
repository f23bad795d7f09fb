"""The gallery, over the wire: one's pictures in one message, turned, edited, drawn again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.domain import JobState
from sandbox.telegram import Person, Place
from sandbox.telegram.faults import BadRequest
from tests.support.conversation import ASKED, PICTURE, Conversation, image

STALE = "This button no longer works. Please send your request again."
FILE = ("a.png", image(), "image/png")
ACTS = "Edit|Again|Original file|Delete"
NONE = "No pictures yet.*"
QUESTION = "What shall I change? Reply to this message."


def page(prompt: str, keys: str, position: str = "*/*") -> str:
    return f"[photo] {prompt}  * · ????-??-?? · {position} {{{keys}{ACTS}}}"


async def filled(chat: Conversation, *prompts: str) -> None:
    for prompt in prompts:
        await chat.row(chat.alice, prompt, PICTURE)
    await chat.quiet()


async def turned(
    chat: Conversation,
    person: Person,
    message: dict[str, Any],
    button: str,
    line: str,
    where: Place,
) -> dict[str, Any]:
    number = message["message_id"]
    await person.press(where, number, button)
    return await chat.said_last(where, line)


async def test_nothing_to_show_is_said(chat: Conversation) -> None:
    await chat.row(chat.alice, "/history", NONE)


async def test_pages_go_from_the_newest_to_the_oldest_and_back(chat: Conversation) -> None:
    alice = chat.alice
    await filled(chat, "one fox", "two foxes", "three foxes")
    (gallery,) = await chat.row(alice, "/history", page("three foxes", "▶|", "1/3"))
    gallery = await turned(chat, alice, gallery, "▶", page("two foxes", "◀|▶|", "2/3"), alice)
    await chat.restart()
    gallery = await turned(chat, alice, gallery, "▶", page("one fox", "◀|", "3/3"), alice)
    gallery = await turned(chat, alice, gallery, "◀", page("two foxes", "◀|▶|"), alice)
    assert len(chat.from_bot(alice)) == 4
    uploads = [call for call in chat.telegram.calls if call.method == "editMessageMedia"]
    assert len(uploads) == 3 + 4  # the pages by Telegram's names for their pictures


async def test_what_is_too_much_to_count_is_said_to_be_more(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.features.history.service.MOST_COUNTED", 1)
    await filled(chat, "one fox", "two foxes", "three foxes")
    (gallery,) = await chat.row(chat.alice, "/history", page("three foxes", "▶|", "1/2+"))
    for line in (page("two foxes", "◀|▶|", "2/3"), page("one fox", "◀|", "1+")):
        gallery = await turned(chat, chat.alice, gallery, "▶", line, chat.alice)


async def test_a_presets_picture_goes_by_its_name(chat: Conversation) -> None:
    (question,) = await chat.row(chat.alice, None, "What shall I do*", document=FILE)
    await chat.press(chat.alice, question, "🧸 Figurine")
    await chat.sees(chat.alice, "What shall I do*", PICTURE)
    await chat.quiet()
    await chat.row(chat.alice, "/history", page("🧸 Figurine", ""))


async def test_what_a_gallery_shows_can_be_edited_drawn_and_fetched(chat: Conversation) -> None:
    alice = chat.alice
    await filled(chat, "one fox", "two foxes")
    (gallery,) = await chat.row(alice, "/history", page("two foxes", "▶|"))
    gallery = await turned(chat, alice, gallery, "▶", page("one fox", "◀|"), alice)
    before = chat.lines(alice)
    assert await chat.press(alice, gallery, "Again") == "Drawing it again."
    *_, again = await chat.sees(alice, *before, PICTURE)
    assert again["reply_to_message"]["message_id"] == gallery["message_id"]
    *_, job = await chat.quiet()
    assert job.request.prompt == "one fox"
    await chat.press(alice, gallery, "Edit")
    question = await chat.said_last(alice, QUESTION)
    await chat.row(alice, "in winter", PICTURE, reply_to=question["message_id"])
    await chat.row(alice, "in spring", PICTURE, reply_to=gallery["message_id"])
    *_, winter, spring = await chat.quiet()
    assert (winter.parent_picture_id, spring.parent_picture_id) == (1, 1)
    assert await chat.press(alice, gallery, "Original file") == "Here is the original file."
    await chat.said_last(alice, "[file picture-1-1.png]")


async def test_in_a_group_it_shows_what_one_made_there(chat: Conversation) -> None:
    alice, bob = chat.alice, chat.bob
    group = chat.telegram.group("Friends", [alice, bob])
    await filled(chat, "a private fox")
    await chat.row(alice, "/imagine a public fox", PICTURE, chat=group)
    await chat.row(bob, "/imagine a fox of Bob", PICTURE, chat=group)
    await chat.quiet()
    (gallery,) = await chat.row(alice, "/history", page("a public fox", "", "1/1"), chat=group)
    said = await chat.press(bob, gallery, "Again", group)
    assert said == "This is somebody else's gallery. Send /history for yours."
    await chat.row(bob, "/history", page("a fox of Bob", ""), chat=group)
    (gallery,) = await chat.row(alice, "/history", page("a public fox", "▶|"))
    before = chat.lines(alice)
    await chat.press(alice, gallery, "Again")
    await chat.sees(alice, *before, PICTURE)  # here, not where it was drawn at first
    assert await chat.states() == [JobState.DELIVERED] * 4


async def test_an_impatient_finger_has_one_edit_in_flight(chat: Conversation) -> None:
    alice = chat.alice
    await filled(chat, "one fox", "two foxes", "three foxes")
    (gallery,) = await chat.row(alice, "/history", page("three foxes", "▶|"))
    with chat.telegram.hold("editMessageMedia", "before") as gate:
        fingers = [alice.press_only(alice, gallery["message_id"], "▶") for _ in range(6)]
        await gate.reached()
        await chat.telegram.until(lambda: all(map(chat.telegram.answer_to, fingers)))
    await chat.said_last(alice, page("two foxes", "◀|▶|"))
    await chat.quiet()
    edits = [call for call in chat.telegram.calls if call.method == "editMessageMedia"]
    assert len(edits) <= 3 + 1 + 2


async def test_pictures_whose_files_are_gone_are_passed_over(chat: Conversation) -> None:
    alice = chat.alice
    await filled(chat, "one fox", "two foxes", "three foxes")
    await chat.execute("UPDATE pictures SET file_id = 'unknown' WHERE id IN (1, 2)")
    (gallery,) = await chat.row(alice, "/history", page("three foxes", "▶|"))
    gallery = await turned(chat, alice, gallery, "▶", page("two foxes", "◀|▶|"), alice)
    for file in filter(Path.is_file, (chat.folder / "media").rglob("*")):
        file.unlink()
    await turned(chat, alice, gallery, "◀", page("three foxes", "▶|"), alice)
    await turned(chat, alice, gallery, "▶", "[photo] three foxes * {◀|▶}", alice)
    await filled(chat, "four foxes")
    await chat.row(alice, "/history", page("four foxes", "▶|"))


async def test_an_erased_picture_leaves_the_gallery(chat: Conversation) -> None:
    alice = chat.alice
    await chat.row(alice, "a red fox", PICTURE)
    await chat.quiet()
    (gallery,) = await chat.row(alice, "/history", page("a red fox", ""))
    (ask,) = await chat.row(alice, "/forget", "*{Erase everything|Keep}")
    await chat.press(alice, ask, "Erase everything")
    await chat.telegram.until(lambda: "Erase" not in chat.lines(alice)[-1])
    assert await chat.press(alice, gallery, "Again") == STALE
    await chat.row(alice, "/history", NONE)


async def test_a_picture_is_deleted_where_it_is_found(chat: Conversation) -> None:
    alice = chat.alice
    await filled(chat, "one fox", "two foxes", "three foxes")
    (gallery,) = await chat.row(alice, "/history", page("three foxes", "▶|", "1/3"))
    gallery = await turned(chat, alice, gallery, "▶", page("two foxes", "◀|▶|", "2/3"), alice)
    assert await chat.press(alice, gallery, "Delete") == ASKED
    await chat.said_last(alice, "[photo] two foxes*{Yes, delete|Keep}")
    await chat.press(alice, gallery, "Keep")
    await chat.said_last(alice, page("two foxes", "◀|▶|", "2/3"))
    assert await chat.delete(alice, gallery) == "Deleted."
    await chat.sees(alice, PICTURE, PICTURE, page("one fox", "◀|", "2/2"))  # and out of the chat
    chat.telegram.fault("deleteMessage", BadRequest("message can't be deleted for everyone"))
    left = await chat.delete(alice, gallery)  # it is too old for a bot
    assert left.startswith("It has left your pictures.")
    await chat.sees(alice, PICTURE, PICTURE, page("three foxes", "", "1/1"))
    assert await chat.delete(alice, gallery) == "Deleted."
    await chat.sees(alice, PICTURE)  # of the last one the gallery goes, too
    await chat.row(alice, "/history", NONE)


async def test_forged_turns_do_nothing(chat: Conversation) -> None:
    await filled(chat, "a red fox")
    (his,) = await chat.row(chat.bob, "a blue fox", PICTURE)
    await chat.quiet()
    (gallery,) = await chat.row(chat.bob, "/history", page("a blue fox", ""))
    forged = (
        "1:older",
        "1:again",
        "1:file",
        "1:edit",
        "1:delete",
        "1:remove",
        "2:x",
        "2",
        "z:older",
        ":older",
        "٣:here",
    )
    for data in forged:
        assert await chat.forge(chat.bob, gallery, f"history:{data}") == STALE, data
    assert await chat.forge(chat.bob, his, "history:2:here") == STALE  # that is no gallery
    await chat.quiet()
    await chat.sees(chat.bob, PICTURE, page("a blue fox", ""))


async def test_in_a_topic_the_gallery_stays_there(chat: Conversation) -> None:
    forum = chat.telegram.group("Forum", [chat.alice, chat.bob], topics=("Art",))
    art: dict[str, Any] = {"chat": forum, "thread": forum.topic("Art")}
    await chat.row(chat.alice, "/history", NONE, **art)
    await chat.row(chat.alice, "/imagine a fox", PICTURE, **art)
    await chat.quiet()
    await chat.row(chat.alice, "/history", page("a fox", ""), **art)
    topics = {message.get("message_thread_id") for message in chat.from_bot(forum)}
    assert topics == {forum.topic("Art")}
