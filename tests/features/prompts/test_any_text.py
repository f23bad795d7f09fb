"""Whatever people write, over the wire: no message of ours is refused, and none is too long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.tg.text_limits import units
from sandbox.telegram import Place
from tests.support.conversation import PICTURE, Conversation, image

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


# Any characters that Telegram can carry, and pieces that mean something to somebody.
ANY = st.text(
    st.characters(exclude_categories=("Cs", "Cc"))
    | st.sampled_from("\n\u200d\ufe0f\u202e\U0001f98a"),
    max_size=80,
)
KINDS = st.sampled_from(("bold", "code", "spoiler", "underline", "url", "hashtag"))
SPANS = st.lists(st.tuples(KINDS, st.floats(0, 1), st.floats(0, 1)), max_size=3)
Spans = list[tuple[str, float, float]]


def entities(words: str, spans: Spans) -> list[dict[str, Any]]:
    """Lay entities somewhere over a text, perhaps across half an emoji."""
    size = units(words)
    placed = ((kind, int(begin * (size - 1)), part) for kind, begin, part in spans)
    return [
        {"type": kind, "offset": begin, "length": max(1, int(part * (size - begin)))}
        for kind, begin, part in placed
    ]


async def test_any_unicode_and_entities_are_answered(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])

    async def answered(where: Place, said: dict[str, Any]) -> None:
        before = len(chat.from_bot(where))
        chat.alice.send(where, **said)
        await chat.telegram.until(lambda: len(chat.from_bot(where)) > before)

    async def meets(words: str, spans: Spans) -> None:
        said = f"a fox {words}"
        await answered(chat.alice, {"text": said, "entities": entities(said, spans)})
        await answered(chat.alice, {"photo": image(8, 8), "caption": said})
        await answered(group, {"text": f"/imagine {said}"})
        await chat.quiet()
        await answered(chat.alice, {"text": "/history"})

    loop = asyncio.get_running_loop()

    @settings(
        max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(ANY, SPANS)
    def examples(words: str, spans: Spans) -> None:
        task: Coroutine[Any, Any, None] = meets(words, spans)
        asyncio.run_coroutine_threadsafe(task, loop).result(30)

    await asyncio.to_thread(examples)  # one bot for all of them
    for message in (*chat.from_bot(chat.alice), *chat.from_bot(group)):
        assert units(message.get("text", "")) <= 4096
        assert units(message.get("caption", "")) <= 1024
    assert chat.telegram.violations == []
