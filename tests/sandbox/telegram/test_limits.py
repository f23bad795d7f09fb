"""The limits of the real server and its words for them."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.telegram import Telegram
from tests.sandbox.telegram.conftest import Wire
from tests.sandbox.telegram.pictures import packed, picture

EMOJI = "😀"  # two UTF-16 units


def _button(**action: str) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Press", **action}]]}


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("sendMessage", {"text": EMOJI * 2048}, None),
        ("sendMessage", {"text": EMOJI * 2048 + "x"}, "message is too long"),
        ("sendMessage", {"text": " \n "}, "message text is empty"),
        ("sendMessage", {"text": "x", "reply_markup": _button(callback_data="x" * 64)}, None),
        (
            "sendMessage",
            {"text": "x", "reply_markup": _button(callback_data="é" * 33)},
            "BUTTON_DATA_INVALID",
        ),
        (
            "sendMessage",
            {"text": "x", "reply_markup": _button()},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            {"text": "x", "reply_parameters": {"message_id": 99}},
            "message to be replied not found",
        ),
        (
            "sendMessage",
            {
                "text": "x",
                "reply_parameters": {"message_id": 99, "allow_sending_without_reply": True},
            },
            None,
        ),
        ("sendMessage", {"text": "x", "message_thread_id": 5}, "message thread not found"),
        ("sendMessage", {"text": "x", "chat_id": 5}, "chat not found"),
        ("sendMessage", {"text": "x", "chat_id": "@nobody"}, "chat not found"),
        (
            "sendMessage",
            {"text": "<b>x</b>", "parse_mode": "HTML"},
            "the sandbox reads no parse_mode",
        ),
        ("sendPhoto", {"photo": "nothing"}, "wrong file identifier/HTTP URL specified"),
        ("sendPhoto", {"photo": "https://x.org/a.png"}, "failed to get HTTP URL content"),
        ("sendChatAction", {"action": "dance"}, "wrong parameter action in request"),
        ("sendMessageDraft", {"draft_id": 0, "text": "x"}, "draft_id must be non-zero"),
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
        ("getFile", {"file_id": "nothing"}, "invalid file_id"),
        ("getChatMember", {"user_id": 5}, "user not found"),
        ("setMessageReaction", {"message_id": 99}, "message to react not found"),
        ("deleteMessages", {"message_ids": []}, "wrong number of message identifiers specified"),
    ],
)
async def test_limits(
    telegram: Telegram, wire: Wire, method: str, params: dict[str, Any], reason: str | None
) -> None:
    alice = telegram.person("Alice")
    place = {} if method in {"answerCallbackQuery", "getFile"} else {"chat_id": alice.id}

    body = await wire.call(method, **(place | params))

    assert body.get("description") == (reason and f"Bad Request: {reason}")
    assert telegram.violations == []


async def test_a_caption_has_1024_units(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    [photo] = alice.send(photo=picture())
    file_id = photo["photo"][0]["file_id"]

    await wire.result("sendPhoto", chat_id=alice.id, photo=file_id, caption=EMOJI * 512)
    refusal = await wire.refusal(
        "sendPhoto", chat_id=alice.id, photo=file_id, caption=EMOJI * 512 + "x"
    )

    assert refusal == "Bad Request: message caption is too long"


async def test_an_album_has_two_to_ten_items_and_no_keyboard(
    telegram: Telegram, wire: Wire
) -> None:
    alice = telegram.person("Alice")
    [photo] = alice.send(photo=picture())
    item = {"type": "photo", "media": photo["photo"][0]["file_id"]}

    few = await wire.refusal("sendMediaGroup", chat_id=alice.id, media=[item])
    much = await wire.refusal("sendMediaGroup", chat_id=alice.id, media=[item] * 11)
    assert telegram.violations == []
    keyed = await wire.refusal(
        "sendMediaGroup", chat_id=alice.id, media=[item] * 2, reply_markup=_button(url="https://x")
    )

    assert few == "Bad Request: too few messages to send as an album"
    assert much == "Bad Request: too much messages to send as an album"
    assert "unknown field 'reply_markup'" in keyed


async def test_a_file_beyond_20_mb_cannot_be_fetched(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    [large] = alice.send(document=("large.bin", bytes(20 * 1024 * 1024 + 1), "application/x"))

    refusal = await wire.refusal("getFile", file_id=large["document"]["file_id"])

    assert refusal == "Bad Request: file is too big"


async def test_who_has_blocked_the_bot_cannot_be_written_to(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    group = telegram.group("Basic", [alice], supergroup=False)
    channel = telegram.channel("News", [alice], username="daily_news")
    alice.block()
    group.remove_bot()
    await wire.result("leaveChat", chat_id="@daily_news")

    refusals = [
        await wire.refusal("sendMessage", chat_id=chat_id, text="x")
        for chat_id in (alice.id, group.id, channel.id)
    ]

    assert refusals == [
        "Forbidden: bot was blocked by the user",
        "Forbidden: bot was kicked from the group chat",
        "Forbidden: bot is not a member of the channel chat",
    ]
    kinds = [next(reversed(update)) for update in telegram.pending_updates]
    assert kinds == ["my_chat_member"] * 3
    alice.unblock()
    await wire.result("sendMessage", chat_id=alice.id, text="x")
    assert telegram.violations == []


async def test_photos_can_be_forbidden(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    friends = telegram.group("Friends", [alice])
    friends.set_bot_role("photoless")
    sent = await wire.result("sendMessage", chat_id=friends.id, text="x")
    place = {"chat_id": str(friends.id)}
    media = packed({"type": "photo", "media": "attach://a"})

    bodies = [
        await wire.form("sendPhoto", place, photo=("a.jpg", picture())),
        await wire.form(
            "editMessageMedia",
            place | {"message_id": str(sent["message_id"]), "media": media},
            a=("a.jpg", picture()),
        ),
    ]

    reason = "Bad Request: not enough rights to send photos to the chat"
    assert [body["description"] for body in bodies] == [reason, reason]


async def test_an_upgraded_group_tells_its_new_id(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    old = telegram.group("Basic", [alice], supergroup=False)

    new = old.upgrade()
    body = await wire.call("sendMessage", chat_id=old.id, text="x")

    assert body == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new.id},
    }
    notes = [update["message"] for update in telegram.pending_updates]
    assert [note.get("migrate_to_chat_id") for note in notes] == [new.id, None]
    assert [note.get("migrate_from_chat_id") for note in notes] == [None, old.id]
    await wire.result("sendMessage", chat_id=new.id, text="x")
    assert telegram.violations == []
