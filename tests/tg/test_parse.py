"""Messages as Telegram writes them, read: what the wire of the sandbox cannot show."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot, Message

from bot.domain import Reply, Source
from bot.tg.parse import NOWHERE, ContentKind, ParsedMessage, read

ALICE = {"id": 7, "is_bot": False, "first_name": "Alice", "language_code": "zh-hans"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Alice"}
GROUP = {"id": -100, "type": "supergroup", "title": "Friends"}
CHANNEL = {"id": -200, "type": "channel", "title": "News"}


class Named:
    """The bot, as far as reading needs it: its name."""

    id = 42
    username = "Draw_Bot"


BOT = cast("Bot", Named())  # making a real one opens connections


def understood(chat: dict[str, Any], **content: Any) -> ParsedMessage | None:  # noqa: ANN401 - JSON
    message = {"message_id": 5, "date": 1_700_000_000, "chat": chat, "from": ALICE, **content}
    read_by_ptb = Message.de_json(message, None)
    assert read_by_ptb is not None
    return read(read_by_ptb, BOT)


def spans(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    fields = {"type": st.just(kind), "offset": st.integers(0, 50), "length": st.integers(0, 50)}
    return st.fixed_dictionaries(fields)


ENTITIES = st.lists(st.one_of(*map(spans, ("bot_command", "mention", "bold"))), max_size=4)


@given(st.text(min_size=1, max_size=40), ENTITIES)
def test_whatever_the_entities_say_a_message_is_read(
    text: str, entities: list[dict[str, Any]]
) -> None:
    words = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    parsed = understood(PRIVATE, text=words, entities=entities)
    assert parsed is not None
    assert parsed.prompt.account_id == 7
    assert parsed.prompt.locale == "zh_Hans"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs")), min_size=1, max_size=40))
def test_a_mention_is_taken_out_wherever_it_stands(words: str) -> None:
    text = f"{words} @draw_bot {words}"
    offset = len(words.encode("utf-16-le")) // 2 + 1
    mention = {"type": "mention", "offset": offset, "length": len("@draw_bot")}
    parsed = understood(GROUP, text=text, entities=[mention])
    assert parsed is not None
    assert parsed.addressed
    assert "@draw_bot" not in parsed.prompt.text or "@draw_bot" in words
    assert parsed.prompt.text == f"{words} {words}".strip(" \t\n,:")


def test_a_post_copied_into_the_discussion_group_is_nobodys_prompt() -> None:
    telegram = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
    copied = {"from": telegram, "sender_chat": CHANNEL, "is_automatic_forward": True}
    command = {"type": "bot_command", "offset": 0, "length": 8}
    assert understood(GROUP, text="/imagine a fox", entities=[command], **copied) is None


def test_what_another_bot_writes_is_nobodys_prompt() -> None:
    other = {"id": 9, "is_bot": True, "first_name": "Other"}
    assert understood(GROUP, text="@draw_bot hello", **{"from": other}) is None


def test_of_a_photos_sizes_the_largest_is_taken() -> None:
    sizes = [
        {"file_id": name, "file_unique_id": name, "width": side, "height": side, "file_size": side}
        for name, side in (("s", 90), ("l", 1280), ("m", 320))
    ]
    parsed = understood(PRIVATE, photo=sizes)
    assert parsed is not None
    assert parsed.prompt.sources == (Source("l", size=1280),)


def test_a_reply_to_a_picture_of_another_chat_is_about_that_picture() -> None:
    photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
    origin = {"type": "user", "date": 1_700_000_000, "sender_user": ALICE}
    parsed = understood(PRIVATE, text="blue", external_reply={"origin": origin, "photo": photo})
    assert parsed is not None
    assert parsed.prompt.reply == Reply(NOWHERE, Source("p"))


@pytest.mark.parametrize(
    ("mime", "name", "content"),
    [
        ("image/png", None, ContentKind.PICTURE),
        ("IMAGE/JPEG", "x", ContentKind.PICTURE),
        ("application/octet-stream", "IMG_1.HEIC", ContentKind.PICTURE),
        (None, "a.webp", ContentKind.PICTURE),
        ("application/pdf", "a.pdf", ContentKind.OTHER_FILE),
        (None, None, ContentKind.OTHER_FILE),
        ("text/plain", "png", ContentKind.OTHER_FILE),
    ],
)
def test_a_file_is_taken_for_a_picture_by_type_or_name(
    mime: str | None, name: str | None, content: ContentKind
) -> None:
    document = {"file_id": "f", "file_unique_id": "f", "mime_type": mime, "file_name": name}
    parsed = understood(PRIVATE, document=document)
    assert parsed is not None
    assert parsed.content is content


def test_an_animation_is_no_picture() -> None:
    file = {"file_id": "f", "file_unique_id": "f", "mime_type": "video/mp4"}
    animation = {**file, "width": 9, "height": 9, "duration": 2}
    parsed = understood(PRIVATE, document=file, animation=animation)
    assert parsed is not None
    assert parsed.content is ContentKind.OTHER


def test_a_message_in_a_topic_does_not_reply_to_the_topics_creation() -> None:
    created = {
        "message_id": 2,
        "date": 1_700_000_000,
        "chat": GROUP,
        "from": {"id": 42, "is_bot": True, "first_name": "Draw"},  # the bot may open topics
        "forum_topic_created": {"name": "Art", "icon_color": 1},
    }
    place = {"message_thread_id": 2, "is_topic_message": True, "reply_to_message": created}
    parsed = understood(GROUP, text="just talking", **place)
    assert parsed is not None
    assert parsed.prompt.reply is None
    assert not parsed.addressed
