"""What the bot changes after the fact."""

from __future__ import annotations

import asyncio

import pytest
import telegram as ptb

from sandbox.telegram import Telegram
from tests.sandbox.telegram.conftest import Wire
from tests.sandbox.telegram.pictures import picture

KEYS = ptb.InlineKeyboardMarkup([[ptb.InlineKeyboardButton("Again", callback_data="again:1")]])
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are "
    "exactly the same as a current content and reply markup of the message"
)


async def test_a_text_message_becomes_a_photo_in_its_place(
    telegram: Telegram, bot: ptb.Bot
) -> None:
    alice = telegram.person("Alice")
    status = await bot.send_message(alice.id, "Waiting…", reply_markup=KEYS)

    media = ptb.InputMediaPhoto(picture(), caption="done")
    edited = await bot.edit_message_media(media, alice.id, status.message_id, reply_markup=KEYS)

    assert isinstance(edited, ptb.Message)
    [message] = telegram.messages(alice)
    assert (message["message_id"], message["caption"]) == (status.message_id, "done")
    assert "text" not in message
    assert message["photo"]
    assert message["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "again:1"
    assert telegram.violations == []


async def test_an_edit_without_keyboard_removes_it(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    sent = await bot.send_message(alice.id, "one", reply_markup=KEYS)

    await bot.edit_message_text("two", alice.id, sent.message_id)

    assert "reply_markup" not in telegram.message(alice, sent.message_id)


async def test_repeating_an_edit_is_not_modified(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    [photo] = alice.send(photo=picture())
    sent = await wire.result("sendMessage", chat_id=alice.id, text="one")
    place = {"chat_id": alice.id, "message_id": sent["message_id"]}
    media = {"type": "photo", "media": photo["photo"][-1]["file_id"], "caption": "two"}

    assert await wire.refusal("editMessageText", **place, text=" one ") == NOT_MODIFIED
    await wire.result("editMessageMedia", **place, media=media)
    assert await wire.refusal("editMessageMedia", **place, media=media) == NOT_MODIFIED
    caption = media["caption"]
    assert await wire.refusal("editMessageCaption", **place, caption=caption) == NOT_MODIFIED
    assert await wire.refusal("editMessageReplyMarkup", **place) == NOT_MODIFIED


async def test_what_cannot_be_edited_is_refused(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    [theirs] = alice.send(text="mine")
    sent = await wire.result("sendMessage", chat_id=alice.id, text="one")

    async def refusal(message_id: int, method: str = "editMessageText", **more: str) -> str:
        return await wire.refusal(method, chat_id=alice.id, message_id=message_id, **more)

    assert await refusal(99, text="x") == "Bad Request: message to edit not found"
    assert await refusal(theirs["message_id"], text="x") == "Bad Request: message can't be edited"
    no_caption = "Bad Request: there is no caption in the message to edit"
    assert await refusal(sent["message_id"], "editMessageCaption", caption="x") == no_caption


async def test_deletion_follows_the_rights(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    friends = telegram.group("Friends", [alice])
    [private] = alice.send(text="x")
    [public] = alice.send(friends, "x")
    gone = {"chat_id": alice.id, "message_id": private["message_id"]}
    kept = {"chat_id": friends.id, "message_id": public["message_id"]}

    assert await wire.result("deleteMessage", **gone) is True
    assert await wire.refusal("deleteMessage", **gone) == (
        "Bad Request: message to delete not found"
    )
    assert await wire.refusal("deleteMessage", **kept) == "Bad Request: message can't be deleted"
    friends.promote_bot()
    assert await wire.result("deleteMessages", chat_id=friends.id, message_ids=[77, 2]) is True
    assert telegram.messages(friends) == []


async def test_a_press_is_answered_once(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    sent = await bot.send_message(alice.id, "one", reply_markup=KEYS)

    press = asyncio.create_task(alice.press(alice, sent.message_id, "Again"))
    [update] = await bot.get_updates(timeout=5)
    assert update.callback_query is not None
    assert update.callback_query.data == "again:1"
    assert update.callback_query.from_user.id == alice.id
    assert update.callback_query.message is not None
    await update.callback_query.answer("Working", show_alert=True)

    answer = await press
    assert (answer.text, answer.show_alert) == ("Working", True)
    with pytest.raises(ptb.error.BadRequest, match=r"(?i)query is too old and response timeout"):
        await update.callback_query.answer("Working")
    assert telegram.violations == []


async def test_a_press_needs_a_button_or_a_forger(telegram: Telegram, bot: ptb.Bot) -> None:
    alice, eve = telegram.person("Alice"), telegram.person("Eve")
    sent = await bot.send_message(alice.id, "one", reply_markup=KEYS)

    with pytest.raises(LookupError, match=r"no button 'Delete', only \['Again'\]"):
        alice.press_only(alice, sent.message_id, "Delete")
    eve.press_only(alice, sent.message_id, "delete:9", forged=True)

    assert telegram.pending_updates[0]["callback_query"]["data"] == "delete:9"


async def test_one_reaction_stands(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    [message] = alice.send(text="hi")

    await bot.set_message_reaction(alice.id, message["message_id"], "👀")

    assert telegram.reactions(alice, message["message_id"]) == [{"type": "emoji", "emoji": "👀"}]
    with pytest.raises(ptb.error.BadRequest, match=r"(?i)REACTION_INVALID"):
        await bot.set_message_reaction(alice.id, message["message_id"], ptb.ReactionTypeEmoji("🏈"))
    assert telegram.violations == []
