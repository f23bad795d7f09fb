"""Buttons under pictures and jobs, over the wire: what a press does, to whom, and how often."""

from __future__ import annotations

import shutil
from functools import partial
from hashlib import sha256

from bot.domain import JobState
from bot.media.conversion import strip_metadata
from sandbox.gateway import Format, Reply
from sandbox.telegram import BadRequest
from tests.conftest import Start
from tests.support.conversation import BUTTONS, PICTURE, POST, Conversation, image

FILE = ("a.png", image(), "image/png")
NOT_YOURS = "Only the person who asked for this picture can press this."
STALE = "This button no longer works. Please send your request again."


async def test_again_draws_the_same_request_once_more(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, None, PICTURE, document=FILE, caption="blue")
    assert await chat.press(chat.alice, drawn, "Again") == "Drawing it again."
    _, second = await chat.sees(chat.alice, PICTURE, PICTURE)
    await chat.restart()
    assert await chat.press(chat.alice, second, "Again") == "Drawing it again."
    await chat.sees(chat.alice, *[PICTURE] * 3)
    calls = chat.gateway.calls
    assert len({(c.prompt, c.model, c.inputs) for c in calls}) == 1
    assert [c.inputs[0].sha256 for c in calls] == [sha256(FILE[1]).hexdigest()] * 3
    assert second["reply_to_message"]["message_id"] == drawn["message_id"]


async def test_a_press_executes_once(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    with chat.gateway.hold():
        assert await chat.press(chat.alice, drawn, "Again") == "Drawing it again."
        answer = await chat.press(chat.alice, drawn, "Again")  # an impatient finger
        assert answer == "Already drawing this."
        chat.telegram.redeliver(2)
        chat.telegram.redeliver(2, fresh_ids=True)
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    await chat.sees(chat.alice, PICTURE, PICTURE)
    assert await chat.states() == [JobState.DELIVERED] * 2
    assert len(chat.gateway.calls) == 2
    fingers = [chat.alice.press_only(chat.alice, drawn["message_id"], "Again") for _ in range(5)]
    await chat.telegram.until(lambda: all(map(chat.telegram.answer_to, fingers)))
    answers = [answer.text for answer in map(chat.telegram.answer_to, fingers) if answer]
    assert answers[0] == "Drawing it again."  # the other was done, so it may be pressed anew
    await chat.quiet()
    again = answers.count("Drawing it again.")
    await chat.sees(chat.alice, *[PICTURE] * (2 + again))


async def test_again_outlives_its_model(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.end()
    await chat.execute(
        "UPDATE jobs SET request = replace(request, 'gemini-2.5-flash-image', 'gone-1')"
    )
    await chat.begin()
    assert await chat.press(chat.alice, drawn, "Again") == "Drawing it again."
    await chat.sees(chat.alice, PICTURE, PICTURE)
    assert chat.last_call.model == "gemini-2.5-flash-image"


async def test_the_original_file_is_what_the_gateway_sent(chat: Conversation) -> None:
    chat.gateway.script(Reply(format=Format.PNG, pictures=2))
    chat.alice.send(text="two foxes")
    messages = await chat.sees(chat.alice, PICTURE, PICTURE)
    for number, message in enumerate(messages):
        answer = await chat.press(chat.alice, message, "Original file")
        assert answer == "Here is the original file."
        file = await chat.said_last(chat.alice, f"[file picture-1-{number + 1}.png]")
        assert sha256(chat.kept(file)).hexdigest() == chat.last_call.pictures[number]
        assert file["reply_to_message"]["message_id"] == message["message_id"]
    original = chat.from_bot(chat.alice)[-1]
    await chat.row(chat.alice, "in winter", PICTURE, reply_to=original["message_id"])
    bare = strip_metadata(chat.kept(original))  # without the model's words about it
    sent = sha256(bare).hexdigest()
    assert chat.last_call.inputs[0].sha256 == sent
    await chat.restart()
    shutil.rmtree(chat.folder / "media")  # swept: but Telegram knows the file by now
    (chat.folder / "media").mkdir()
    before = chat.lines(chat.alice)
    await chat.press(chat.alice, messages[0], "Original file")
    await chat.sees(chat.alice, *before, "[file picture-1-1.png]")


async def test_an_original_that_is_swept_is_said_to_be_gone(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    for path in (chat.folder / "media").rglob("*"):
        if path.is_file():
            path.unlink()
    answer = await chat.press(chat.alice, drawn, "Original file")
    assert answer == "The original file is no longer kept."


async def test_delete_takes_one_picture_away(chat: Conversation) -> None:
    chat.gateway.script(Reply(noise=1200, pictures=2))
    chat.alice.send(text="two foxes")
    first, second = await chat.sees(chat.alice, PICTURE, PICTURE)
    chat.telegram.fault("deleteMessage", BadRequest("message can't be deleted for everyone"))
    answer = await chat.delete(chat.alice, first)
    assert answer.startswith("Telegram lets bots delete messages for 48 hours only.")
    await chat.sees(chat.alice, PICTURE, PICTURE)  # its own buttons are back
    assert await chat.delete(chat.alice, first) == "Deleted."
    (left,) = await chat.sees(chat.alice, PICTURE)
    assert left["message_id"] == second["message_id"]


async def test_delete_asks_and_a_picture_that_is_kept_has_its_buttons_back(
    chat: Conversation,
) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.press(chat.alice, drawn, "Delete")
    await chat.sees(chat.alice, "[photo]* {Yes, delete|Keep}")
    await chat.press(chat.alice, drawn, "Keep")
    await chat.sees(chat.alice, PICTURE)


async def test_in_a_group_only_the_asker_and_admins_press(start: Start) -> None:
    async with start(ADMIN_IDS="1003") as chat:
        carol = chat.telegram.person("Carol")
        assert carol.id == 1003
        group = chat.telegram.group("Friends", [chat.alice, chat.bob, carol])
        with chat.gateway.hold():
            chat.alice.send(group, "/imagine a red fox")
            (status,) = await chat.sees(group, "Drawing… {Cancel}")
            assert await chat.press(chat.bob, status, "Cancel", group) == NOT_YOURS
        (drawn,) = await chat.sees(group, PICTURE)
        for button in ("Again", "Original file", "Delete"):
            answer = await chat.bob.press(group, drawn["message_id"], button)
            assert (answer.text, answer.show_alert) == (NOT_YOURS, True)
        assert await chat.press(carol, drawn, "Again", group) == "Drawing it again."
        await chat.sees(group, PICTURE, PICTURE)
        payers = [job.account_id for job in await chat.jobs()]
        assert payers == [chat.alice.id, carol.id]  # who presses pays
        assert await chat.delete(carol, drawn, group) == "Deleted."
        await chat.sees(group, PICTURE)


async def test_forged_and_stale_presses_are_answered_and_do_nothing(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    (bobs,) = await chat.row(chat.bob, "a blue fox", PICTURE)
    rows = (
        *("x", "again", "again:", "again:abc", "again:-1", "again:9999", "again:٣", "AGAIN:1"),
        *("again:" + "9" * 40, "original:9999", "delete:0", "cancel:9999", "model:nonsense"),
        *("ratio:7:7", "x" * 64, "🦊" * 16, "drop table jobs"),
        *("again:1", "original:1", "delete:1", "cancel:1"),  # Alice's, pressed in Bob's chat
    )
    for data in rows:
        assert await chat.forge(chat.bob, bobs, data) == STALE, data
    assert await chat.states() == [JobState.DELIVERED] * 2
    await chat.sees(chat.alice, PICTURE)
    await chat.sees(chat.bob, PICTURE)


async def test_again_is_for_those_who_are_still_let_in_and_within_limits(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="1") as chat:
        (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
        answer = await chat.press(chat.alice, drawn, "Again")
        assert answer.startswith("You have used your 1 picture for today.")
        await chat.restart(ACCESS="allowlist")
        answer = await chat.press(chat.alice, drawn, "Again")
        assert answer.startswith("This bot is private.")
        assert await chat.press(chat.alice, drawn, "Original file") == "Here is the original file."
        assert len(chat.gateway.calls) == 1


async def test_what_is_too_large_for_a_photo_comes_as_a_file_with_buttons(
    chat: Conversation,
) -> None:
    chat.gateway.script(Reply(noise=11_000_000))
    (drawn,) = await chat.row(chat.alice, "a red fox", f"[file picture-1-1.png]* {BUTTONS}")
    assert len(chat.kept(drawn)) > 10 * 1024 * 1024
    assert await chat.press(chat.alice, drawn, "Again") == "Drawing it again."
    await chat.sees(chat.alice, "[file*", PICTURE)


async def test_a_forged_delete_spares_other_peoples_pictures(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (hers,) = await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=group)
    (his,) = await chat.row(chat.bob, "/imagine a blue fox", PICTURE, chat=group)
    keys = [key for row in his["reply_markup"]["inline_keyboard"] for key in row]
    delete = next(k["callback_data"] for k in keys if k["text"] == "Delete")
    for data in (delete, delete.replace("delete", "remove")):
        query = chat.bob.press_only(group, hers["message_id"], data, forged=True)
        await chat.telegram.until(partial(chat.telegram.answer_to, query))
    await chat.sees(group, PICTURE, PICTURE)


async def test_a_slow_check_of_rights_holds_nobody_up(chat: Conversation) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    chat.alice.send(channel, "/imagine a red fox")
    (drawn,) = await chat.sees(channel, POST)
    with chat.telegram.hold("getChatMember"):
        query = chat.alice.press_only(channel, drawn["message_id"], "Again")
        await chat.row(chat.bob, "a blue fox", PICTURE)
        await chat.telegram.until(lambda: chat.telegram.answer_to(query))
    assert len(chat.gateway.calls) == 2


async def test_an_impatient_finger_gets_the_original_once(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    with chat.telegram.hold("sendDocument") as gate:
        first = chat.alice.press_only(chat.alice, drawn["message_id"], "Original file")
        await gate.reached()
        for _ in range(2):
            await chat.press(chat.alice, drawn, "Original file")
    await chat.telegram.until(lambda: chat.telegram.answer_to(first))
    await chat.sees(chat.alice, PICTURE, "[file*")
