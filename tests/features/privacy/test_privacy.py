"""Own data, over the wire: /export sends it, /forget erases it, /terms tells the rules."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from bot.domain import JobState, Period, now
from sandbox.telegram import BadRequest, Person
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

ASK = "Shall I erase what is kept of you*{Erase everything|Keep}"
ERASED = "This is no longer there: it was erased at its owner's wish."
STALE = "This button no longer works. Please send your request again."


def files(chat: Conversation) -> list[Path]:
    return [path for path in (chat.folder / "media").glob("??/*") if path.is_file()]


def age(chat: Conversation) -> None:
    """Make all files a minute old, as if their jobs had ended that long ago."""
    for path in files(chat):
        then = path.stat().st_mtime - 60
        os.utime(path, (then, then))


async def forget(chat: Conversation, person: Person) -> None:
    """Say yes to /forget, and wait for the answer."""
    (question,) = await chat.row(person, "/forget", ASK)
    await chat.press(person, question, "Erase everything")
    await chat.said_last(person, "Your prompts, pictures, settings and name are erased.")


async def exported(chat: Conversation, person: Person) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Ask for an export; tell its document and its pictures by name."""
    (message,) = await chat.row(person, "/export", "[file my-data.zip]")
    return unzipped(chat, message)


def unzipped(
    chat: Conversation, message: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    with ZipFile(io.BytesIO(chat.kept(message))) as archive:
        pictures = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(pictures.pop("data.json")), pictures


async def test_an_export_has_everything_of_ones_own_and_nothing_of_others(
    chat: Conversation,
) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.row(chat.alice, "/imagine a blue fox", PICTURE, chat=group)
    await chat.row(chat.bob, "/imagine bobs own secret", PICTURE, chat=group)
    await chat.row(chat.alice, "sandbox:error=402", "No pictures can be drawn*{Try again}")
    await chat.row(chat.alice, None, "What shall I do with this picture?*", photo=image())
    await chat.quiet()
    data, pictures = await exported(chat, chat.alice)
    assert [job["request"]["prompt"] for job in data["jobs"]] == [
        "sandbox:error=402",
        "a blue fox",
        "a red fox",
    ]
    assert [job["state"] for job in data["jobs"]] == ["failed", "delivered", "delivered"]
    assert data["profile"]["name"] == "Alice"
    assert data["usage"]["all"]["pictures"] == 2
    assert len(data["waiting"]) == 1
    assert data["left_out"] == {"pictures": 0, "jobs": 0}
    assert [row["kind"] for row in data["jobs"][1]["ledger"]] == ["reserve", "settle"]
    named = [picture["file"] for job in data["jobs"] for picture in job["pictures"]]
    assert sorted(pictures) == sorted(named)
    assert len(named) == 2
    kept = {path.read_bytes() for path in files(chat)}
    assert set(pictures.values()) <= kept
    whole = json.dumps(data)
    assert "bobs own secret" not in whole
    assert "sk-sandbox" not in whole


async def test_an_export_tells_which_pictures_are_no_longer_kept(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    for path in files(chat):
        path.unlink()
    left_out = "Not everything is in this file. Left out: requests 0*, pictures 1 *"
    file, _ = await chat.row(chat.alice, "/export", "[file my-data.zip]", left_out)
    data, pictures = unzipped(chat, file)
    assert data["left_out"] == {"pictures": 1, "jobs": 0}
    assert data["jobs"][0]["pictures"][0]["file"] is None
    assert pictures == {}


async def test_a_second_export_has_to_wait(chat: Conversation) -> None:
    data, _ = await exported(chat, chat.alice)
    assert data["jobs"] == []
    await chat.row(chat.alice, "/export", "You have asked for your data a moment ago.*")
    await exported(chat, chat.bob)


async def test_an_export_that_cannot_be_sent_is_told(chat: Conversation) -> None:
    chat.telegram.fault("sendDocument", BadRequest("file is too big"))
    await chat.row(chat.alice, "/export", "Your data could not be sent.*")


async def test_forgetting_takes_words_pictures_and_files(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.row(chat.bob, "a blue fox", PICTURE)
    await chat.row(chat.alice, None, "What shall I do with this picture?*", photo=image())
    await chat.quiet()
    age(chat)
    assert len(files(chat)) == 2
    await forget(chat, chat.alice)
    hers, his = await chat.jobs()
    assert (hers.state, hers.request.prompt, hers.text) == (JobState.DELIVERED, "", "")
    assert his.request.prompt == "a blue fox"
    assert len(files(chat)) == 1
    hers_now, none = await exported(chat, chat.alice)
    his_now, one = await exported(chat, chat.bob)
    assert [job["request"]["prompt"] for job in hers_now["jobs"]] == [""]
    assert [job["request"]["prompt"] for job in his_now["jobs"]] == ["a blue fox"]
    assert (len(none), len(one)) == (0, 1)
    assert (hers_now["profile"], hers_now["waiting"]) == (None, [])
    totals = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
    assert totals[Period.ALL].pictures == 1


async def test_forgetting_goes_on_slice_by_slice_and_one_at_a_time(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.features.privacy.service.ERASED_AT_ONCE", 1)
    monkeypatch.setattr("bot.features.privacy.erasures.TOLD_EVERY", 0.0)
    for words in ("a red fox", "a blue fox", "a green fox"):
        await chat.row(chat.alice, words, PICTURE)
    await chat.quiet()
    (first,) = await chat.row(chat.alice, "/forget", ASK)
    (second,) = await chat.row(chat.alice, "/forget", ASK)
    with chat.telegram.hold("editMessageText", "before") as gate:
        chat.alice.press_only(chat.alice, first["message_id"], "Erase everything")
        await gate.reached()
        assert [job.request.prompt for job in await chat.jobs()] == ["a red fox", "a blue fox", ""]
        said = await chat.press(chat.alice, second, "Erase everything")
        assert said == "Your data is still being erased. Please wait until that is done."
    await chat.sees(chat.alice, *[PICTURE] * 3, "Your prompts*are erased.", ASK)
    assert [job.request.prompt for job in await chat.jobs()] == ["", "", ""]


async def test_forgetting_calls_off_what_is_unfinished(chat: Conversation) -> None:
    with chat.gateway.hold():
        await chat.row(chat.alice, "a red fox", "Drawing*")
        (question,) = await chat.row(chat.alice, "/forget", ASK)
        await chat.press(chat.alice, question, "Erase everything")
        await chat.sees(chat.alice, "Cancelled. Nothing was charged.", "Your prompts*are erased.")
    assert await chat.states() == [JobState.CANCELLED]
    totals = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
    assert (totals[Period.ALL].pictures, totals[Period.ALL].reserved) == (0, 0)


async def test_old_buttons_say_that_it_is_no_longer_there(chat: Conversation) -> None:
    (picture,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    await forget(chat, chat.alice)
    assert await chat.press(chat.alice, picture, "Again") == ERASED
    assert await chat.press(chat.alice, picture, "Original file") == STALE
    assert await chat.press(chat.alice, picture, "Delete") == STALE
    assert len(await chat.jobs()) == 1


async def test_a_picture_in_the_chat_can_still_be_replied_to(chat: Conversation) -> None:
    (picture,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    await forget(chat, chat.alice)
    await chat.row(chat.alice, "make it blue", PICTURE, reply_to=picture["message_id"])
    assert len(chat.last_call.inputs) == 1


async def test_who_changes_his_mind_keeps_everything(chat: Conversation) -> None:
    (picture,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    (question,) = await chat.row(chat.alice, "/forget", ASK)
    await chat.press(chat.alice, question, "Keep")
    await chat.said_last(chat.alice, "Nothing was erased.")
    assert await chat.press(chat.alice, picture, "Original file") == "Here is the original file."


async def test_to_forget_twice_is_to_forget_once(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    await forget(chat, chat.alice)
    await forget(chat, chat.alice)
    assert await chat.states() == [JobState.DELIVERED]


async def test_own_data_is_a_private_matter(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    private = "This is about you alone*Please write to me there."
    await chat.row(chat.alice, "/export", private, chat=group)
    await chat.row(chat.alice, "/forget", private, chat=group)


async def test_nothing_is_erased_by_a_button_of_somebody_else(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (picture,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=group)
    await chat.quiet()
    query = chat.bob.press_only(group, picture["message_id"], "forget:everything", forged=True)
    answer = await chat.telegram.until(lambda: chat.telegram.answer_to(query))
    assert answer
    assert answer.text == STALE
    assert [job.request.prompt for job in await chat.jobs()] == ["a red fox"]


async def test_terms_are_the_operators_and_the_bots_own(start: Start) -> None:
    promise = "What this bot itself promises:*"
    async with start() as chat:
        await chat.row(chat.alice, "/terms", f"The person who runs this bot*{promise}")
        await chat.restart(TERMS="Be kind: https://example.org/terms")
        await chat.row(chat.alice, "/terms", f"Be kind: https://example.org/terms*{promise}")


async def test_privacy_names_the_commands(chat: Conversation) -> None:
    await chat.row(chat.alice, "/privacy", "*sent to 127.0.0.1*/export*/forget*")


async def test_privacy_tells_how_long_backups_hold_what_was_erased(
    start: Start, tmp_path: Path
) -> None:
    told = "keeps backups (days: 28 at most)"
    async with start(BACKUP_EVERY="24", BACKUP_DIR=str(tmp_path / "kept")) as chat:
        (text,) = await chat.row(chat.alice, "/privacy", "What is stored here*")
        assert told in text["text"]
        await chat.restart(BACKUP_EVERY="0")
        (text,) = await chat.row(chat.alice, "/privacy", "What is stored here*")
        assert "backups" not in text["text"]
