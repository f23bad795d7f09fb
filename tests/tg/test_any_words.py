"""Whatever people write, over the wire: no message of ours is refused, and none is too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.tg.captions import units
from tests.conversation import PICTURE

if TYPE_CHECKING:
    from tests.conversation import Conversation

# What breaks texts: half an emoji at the limit, marks, right to left, joiners, markup, names.
WORDS = (
    "\U0001f98a" * 2047,
    "a" + "\U0001f468\u200d\U0001f680" * 800,
    "z\u0301\u0323" * 1300,
    "\u202eabc\u202c \u05d0\u05d1\u05d2 " * 250,
    "*_`[x](y)~|<b>&amp;{n} " * 170,
    "@sandbox_bot /help #fox https://example.org 1:1 " * 80,
    "line\n" * 800,
    "\ufe0f\u200b\u2060fox",
)


async def test_nothing_said_of_any_words_is_refused_or_too_long(chat: Conversation) -> None:
    group = chat.telegram.group("<b>*Friends*</b> \U0001f98a", [chat.alice, chat.bob])
    for words in WORDS:
        prompt = words[:4000]
        await chat.row(chat.alice, prompt, PICTURE)
        await chat.row(chat.alice, f"/imagine {prompt[:1000]}", PICTURE, chat=group)
    for command in ("/history", "/queue", "/presets"):
        chat.alice.send(None, command)
    await chat.sees(chat.alice, *[PICTURE] * len(WORDS), "*", "*", "*")
    await chat.quiet()
    for message in (*chat.from_bot(chat.alice), *chat.from_bot(group)):
        assert units(message.get("text", "")) <= 4096
        assert units(message.get("caption", "")) <= 1024
    assert chat.telegram.violations == []
