"""The schema: what it accepts and what it has against the rest."""

from __future__ import annotations

import pytest

from sandbox.telegram.schema import Json, Upload, bot_api

USER: Json = {"id": 1, "is_bot": False, "first_name": "A"}
CHAT: Json = {"id": 1, "type": "private"}
MESSAGE: Json = {"message_id": 1, "date": 1, "chat": CHAT}


def test_names_of_methods_are_not_case_sensitive() -> None:
    assert bot_api().method("SENDmessage") == "sendMessage"
    assert bot_api().method("sendRichMessage") is None


@pytest.mark.parametrize(
    ("method", "raw", "params"),
    [
        ("sendMessage", {"chat_id": "-5", "text": "5"}, {"chat_id": -5, "text": "5"}),
        ("sendMessage", {"chat_id": "@x", "text": "[]"}, {"chat_id": "@x", "text": "[]"}),
        ("sendChatAction", {"chat_id": 5, "action": "typing"}, {"chat_id": 5, "action": "typing"}),
        (
            "deleteMessages",
            {"chat_id": 5, "message_ids": "[1]"},
            {"chat_id": 5, "message_ids": [1]},
        ),
        (
            "answerCallbackQuery",
            {"callback_query_id": "7", "show_alert": "True"},
            {"callback_query_id": "7", "show_alert": True},
        ),
        ("sendLocation", {"chat_id": 5, "latitude": "1.5", "longitude": "2"}, None),
    ],
)
def test_textual_values_get_the_types_of_their_fields(
    method: str, raw: Json, params: Json | None
) -> None:
    expected = params or {"chat_id": 5, "latitude": 1.5, "longitude": 2}

    assert bot_api().read(method, raw) == (expected, [])


def test_a_file_is_an_input_file_only_where_one_may_be() -> None:
    upload = Upload("a", "b", b"c")

    assert bot_api().read("sendPhoto", {"chat_id": 1, "photo": upload})[1] == []
    assert bot_api().read("sendMessage", {"chat_id": 1, "text": upload})[1] == [
        "sendMessage.text: a file is not String"
    ]


@pytest.mark.parametrize(
    ("update", "complaints"),
    [
        ({"message": MESSAGE | {"from": USER}}, []),
        ({"message": MESSAGE | {"form": USER}}, ["update.message: unknown field 'form'"]),
        (
            {"message": MESSAGE | {"photo": [{"file_id": "x"}]}},
            [
                f"update.message.photo[0]: required field {name!r} is missing"
                for name in ("file_unique_id", "width", "height")
            ],
        ),
        (
            {"callback_query": {"id": "1", "from": USER, "chat_instance": "1", "message": MESSAGE}},
            [],
        ),
        ({"message": MESSAGE | {"date": True}}, ["update.message.date: True is not Integer"]),
        (
            {"message": MESSAGE | {"forward_origin": {"type": "user", "date": 1}}},
            ["update.message.forward_origin: required field 'sender_user' is missing"],
        ),
    ],
)
def test_complaints_name_the_place(update: Json, complaints: list[str]) -> None:
    assert bot_api().check_update({"update_id": 1} | update) == complaints
