"""What the bot sends, seen through python-telegram-bot."""

from __future__ import annotations

import pytest
import telegram as ptb

from sandbox.telegram import Telegram
from tests.sandbox.telegram.pictures import picture, size_of

KEYS = ptb.InlineKeyboardMarkup([[ptb.InlineKeyboardButton("Again", callback_data="again:1")]])


async def test_a_text_arrives_with_its_entities_and_keyboard(
    telegram: Telegram, bot: ptb.Bot
) -> None:
    alice = telegram.person("Alice")
    bold = ptb.MessageEntity("bold", 0, 7)

    sent = await bot.send_message(alice.id, "😀 bold /help", entities=[bold], reply_markup=KEYS)

    assert sent.text == "😀 bold /help"
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [
        ("bold", 0, 7),
        ("bot_command", 8, 5),
    ]
    [message] = telegram.messages(alice)
    assert (message["text"], message["from"]["id"]) == (sent.text, telegram.bot.id)
    assert message["reply_markup"]["inline_keyboard"][0][0]["text"] == "Again"
    assert telegram.violations == []


async def test_a_photo_is_offered_in_sizes_that_can_be_downloaded(
    telegram: Telegram, bot: ptb.Bot
) -> None:
    alice = telegram.person("Alice")

    sent = await bot.send_photo(alice.id, picture(2000, 1000, "PNG"), caption="a *picture*")

    assert [(s.width, s.height) for s in sent.photo] == [(90, 45), (320, 160), (1280, 640)]
    assert len({size.file_unique_id for size in sent.photo}) == 3
    file = await sent.photo[-1].get_file()
    data = bytes(await file.download_as_bytearray())
    assert data.startswith(b"\xff\xd8\xff")
    assert size_of(data) == (1280, 640)
    assert data == telegram.bytes_of(sent.photo[-1].file_id)
    assert telegram.violations == []


async def test_a_document_keeps_its_bytes_and_gets_a_thumbnail(
    telegram: Telegram, bot: ptb.Bot
) -> None:
    alice = telegram.person("Alice")
    original = picture(800, 600, "PNG")

    sent = await bot.send_document(alice.id, original, filename="original.png")

    assert sent.document is not None
    assert (sent.document.file_name, sent.document.mime_type) == ("original.png", "image/png")
    assert sent.document.thumbnail is not None
    assert telegram.bytes_of(sent.document.file_id) == original


async def test_an_album_is_separate_messages_of_one_group(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    media = [ptb.InputMediaPhoto(picture(colour=c)) for c in ("red", "green", "blue")]

    sent = await bot.send_media_group(alice.id, media, caption="three")

    assert [message.message_id for message in sent] == [1, 2, 3]
    assert len({message.media_group_id for message in sent}) == 1
    assert [message.caption for message in sent] == ["three", None, None]
    assert telegram.violations == []


async def test_a_file_id_can_be_sent_again(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    [photo] = alice.send(photo=picture())

    sent = await bot.send_photo(alice.id, photo["photo"][0]["file_id"])

    assert [size.file_id for size in sent.photo] == [size["file_id"] for size in photo["photo"]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (picture(6000, 4001), "PHOTO_INVALID_DIMENSIONS"),
        (picture(2100, 100), "PHOTO_INVALID_DIMENSIONS"),
        (b"no picture at all", "IMAGE_PROCESS_FAILED"),
        (b"\xff" * (10 * 1024 * 1024 + 1), "file of size 10485761 bytes is too big for a photo"),
    ],
    ids=["sides", "ratio", "garbage", "bytes"],
)
async def test_a_bad_photo_is_refused(
    telegram: Telegram, bot: ptb.Bot, data: bytes, reason: str
) -> None:
    alice = telegram.person("Alice")

    with pytest.raises(ptb.error.BadRequest, match=f"(?i){reason}"):
        await bot.send_photo(alice.id, data)

    assert telegram.messages(alice) == []


async def test_a_file_of_more_than_50_mb_is_too_large(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")

    with pytest.raises(ptb.error.NetworkError, match="Request Entity Too Large"):
        await bot.send_document(alice.id, bytes(51 * 1024 * 1024))


async def test_without_recompression_the_one_size_is_the_given_file() -> None:
    telegram = Telegram("1:x", recompress=False)
    original = picture(2000, 1000, "PNG")

    [sent] = telegram.person("Alice").send(photo=original)

    [size] = sent["photo"]
    assert (size["width"], size["height"]) == (1280, 640)
    assert telegram.bytes_of(size["file_id"]) == original


async def test_old_files_are_forgotten_beyond_the_limit() -> None:
    telegram = Telegram("1:x", max_file_bytes=1500)
    alice = telegram.person("Alice")
    sent = [alice.send(document=("a.bin", bytes(1000), "application/x"))[0] for _ in range(2)]

    assert telegram.bytes_of(sent[1]["document"]["file_id"]) == bytes(1000)
    with pytest.raises(LookupError):
        telegram.bytes_of(sent[0]["document"]["file_id"])


async def test_a_reply_quotes_one_level_with_its_photo(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    [first] = alice.send(photo=picture())
    [second] = alice.send(text="why", reply_to=first["message_id"])

    sent = await bot.send_message(alice.id, "because", reply_to_message_id=second["message_id"])

    assert second["reply_to_message"]["photo"] == first["photo"]
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "why"
    assert sent.reply_to_message.reply_to_message is None


async def test_private_chats_and_basic_groups_share_a_counter(telegram: Telegram) -> None:
    alice, bob = telegram.person("Alice"), telegram.person("Bob")
    basic = telegram.group("Basic", [alice], supergroup=False)
    large = telegram.group("Large", [alice])

    ids = [
        person.send(room, "/x")[0]["message_id"]
        for person, room in [
            (alice, None),
            (bob, None),
            (alice, basic),
            (alice, large),
            (alice, large),
        ]
    ]

    assert ids == [1, 2, 3, 2, 3]


async def test_a_forward_tells_where_it_is_from_and_a_copy_does_not(
    telegram: Telegram, bot: ptb.Bot
) -> None:
    alice, bob = telegram.person("Alice"), telegram.person("Bob")
    [photo] = alice.send(photo=picture(), caption="mine")

    forwarded = await bot.forward_message(bob.id, alice.id, photo["message_id"])
    copied = await bot.copy_message(bob.id, alice.id, photo["message_id"], caption="a copy")

    assert isinstance(forwarded.forward_origin, ptb.MessageOriginUser)
    copy = telegram.message(bob, copied.message_id)
    assert (copy["caption"], "forward_origin" in copy) == ("a copy", False)
    assert telegram.violations == []


async def test_actions_and_drafts_are_seen(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")

    await bot.send_chat_action(alice.id, "upload_photo")
    await bot.send_message_draft(alice.id, 7, "A cat is")

    assert telegram.actions(alice) == ["upload_photo"]
    assert [draft["text"] for draft in telegram.drafts(alice)] == ["A cat is"]
    assert telegram.violations == []
