"""The Bot API's own manners: tokens, request forms, the schema, what is recorded."""

from __future__ import annotations

import httpx
import pytest
import telegram as ptb

from sandbox.telegram import Telegram
from tests.sandbox.telegram.conftest import TOKEN, Wire, served
from tests.sandbox.telegram.pictures import packed, picture


async def test_a_wrong_token_is_unauthorized(wire: Wire) -> None:
    for path in ("bot1:wrong/getMe", "file/bot1:wrong/photos/file_1.jpg"):
        answer = await wire.http.get(f"{wire.url}/{path}")

        assert answer.status_code == 401
        assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_an_unknown_method_is_not_found(wire: Wire) -> None:
    body = await wire.call("getMee")

    assert body == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_a_method_that_is_not_implemented_says_so(wire: Wire) -> None:
    body = await wire.call("getMyStarBalance")

    assert body["error_code"] == 501
    assert "does not implement getMyStarBalance" in body["description"]


async def test_every_form_of_a_request_is_read(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    keys = packed({"inline_keyboard": [[{"text": "Go", "url": "https://x.org"}]]})
    url = f"{wire.url}/bot{TOKEN}/sendMessage"
    text = {"chat_id": str(alice.id), "reply_markup": keys, "disable_notification": "true"}

    await wire.http.get(url, params=text | {"text": "query"})
    await wire.http.post(url, data=text | {"text": "urlencoded"})
    await wire.form("sendMessage", text, text=(None, "multipart"))
    await wire.http.post(url.lower(), json=text | {"text": "json", "chat_id": alice.id})

    messages = telegram.messages(alice)
    assert [message["text"] for message in messages] == ["query", "urlencoded", "multipart", "json"]
    assert all("reply_markup" in message for message in messages)
    assert telegram.violations == []


async def test_files_come_directly_or_attached(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    place = {"chat_id": str(alice.id)}
    media = packed([{"type": "document", "media": f"attach://{name}"} for name in "ab"])
    files = {name: (f"{name}.txt", name.encode(), "text/plain") for name in "ab"}

    direct = await wire.form("sendDocument", place, document=files["a"])
    album = await wire.form("sendMediaGroup", place | {"media": media}, **files)

    names = [m["document"]["file_name"] for m in [direct["result"], *album["result"]]]
    assert names == ["a.txt", "a.txt", "b.txt"]
    last = album["result"][-1]["document"]["file_id"]
    assert telegram.bytes_of(last) == b"b"
    assert telegram.violations == []


@pytest.mark.parametrize(
    ("method", "params", "complaint"),
    [
        ("sendMessage", {"text": "x", "txet": "x"}, "unknown field 'txet'"),
        ("sendMessage", {}, "required field 'text' is missing"),
        ("sendMessage", {"text": 7}, "sendMessage.text: 7 is not String"),
        (
            "sendMessage",
            {"text": "x", "reply_parameters": {"message_id": "one"}},
            "sendMessage.reply_parameters.message_id: 'one' is not Integer",
        ),
        (
            "sendMessage",
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x", "data": "x"}]]}},
            "sendMessage.reply_markup.inline_keyboard[0][0]: unknown field 'data'",
        ),
        (
            "editMessageMedia",
            {"message_id": 1, "media": {"type": "photo", "media": "x", "width": 5}},
            "editMessageMedia.media: unknown field 'width'",
        ),
        (
            "sendMediaGroup",
            {"media": [{"type": "picture", "media": "x"}]},
            "type is not",
        ),
    ],
)
async def test_a_request_against_the_schema_is_refused_and_recorded(
    telegram: Telegram,
    wire: Wire,
    method: str,
    params: dict[str, object],
    complaint: str,
) -> None:
    alice = telegram.person("Alice")

    refusal = await wire.refusal(method, chat_id=alice.id, **params)

    assert complaint in refusal
    assert complaint in telegram.violations[0]


async def test_an_attached_file_that_nothing_names_is_recorded(
    telegram: Telegram, wire: Wire
) -> None:
    alice = telegram.person("Alice")

    await wire.form("sendMessage", {"chat_id": str(alice.id), "text": "x"}, lost=("a", b"a"))

    assert telegram.violations == ["sendMessage: nothing refers to the attached file 'lost'"]


async def test_without_validation_nothing_is_recorded() -> None:
    telegram = Telegram(TOKEN, validate=False)
    async with served(telegram) as url, httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{url}/bot{TOKEN}/sendMessage", json={"text": "x"})

    assert answer.status_code == 400
    assert telegram.violations == []


async def test_calls_are_recorded_without_bytes(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    data = picture()

    await bot.send_photo(alice.id, data, filename="a.jpg")
    with pytest.raises(ptb.error.BadRequest):
        await bot.send_message(5, "x")

    photo, text = list(telegram.calls)[-2:]
    file = {"file": "a.jpg", "mime": "image/jpeg", "bytes": len(data)}
    assert (photo.method, photo.status) == ("sendPhoto", 200)
    assert file in photo.params.values()
    assert (text.status, text.description) == (400, "Bad Request: chat not found")


async def test_the_profile_is_kept(telegram: Telegram, bot: ptb.Bot) -> None:
    commands = [("imagine", "Make a picture"), ("help", "What I can do")]

    await bot.set_my_commands(commands)
    await bot.set_my_commands([("help", "帮助")], language_code="zh")
    await bot.set_my_description("I draw.")
    await bot.set_my_short_description("Draws")

    assert [(c.command, c.description) for c in await bot.get_my_commands()] == commands
    assert (await bot.get_my_commands(language_code="zh"))[0].description == "帮助"
    assert (await bot.get_my_description()).description == "I draw."
    assert (await bot.get_my_short_description()).short_description == "Draws"
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == ()
    me = await bot.get_me()
    assert (me.id, me.username, me.can_read_all_group_messages) == (4242, "sandbox_bot", False)
    assert telegram.violations == []


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
async def test_foreign_names_and_pages_are_kept_out(wire: Wire, headers: dict[str, str]) -> None:
    for path in ("sandbox/api/world", f"bot{TOKEN}/getMe"):
        answer = await wire.http.get(f"{wire.url}/{path}", headers=headers)

        assert answer.status_code == 403
