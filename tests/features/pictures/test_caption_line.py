"""The caption line: how a picture was made, below it, where somebody wants that; and a channel's buttons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.tg.text_limits import CAPTION, units, with_line
from sandbox.gateway import Failure, Reply
from sandbox.telegram import Place
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import BUTTONS, PICTURE, POST, Conversation

FALLBACK = """
extends = false
[[model]]
id = "flash"
label = "Flash"
ratio_dialect = "image_config"
aspect_ratios = ["1:1", "16:9"]
fallbacks = ["spare"]
[[model]]
id = "spare"
label = "Spare"
"""


@pytest_asyncio.fixture
async def chat(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(**choice(tmp_path, default="pro")) as conversation:
        conversation.gateway.default = Reply(noise=1200, text="")
        yield conversation


async def choose(chat: Conversation, page: str, value: str, where: Place | None = None) -> None:
    place = chat.alice if where is None else where
    before = len(chat.lines(place))
    chat.alice.send(place, "/settings")
    await chat.telegram.until(lambda: len(chat.lines(place)) > before)
    menu = chat.from_bot(place)[-1]

    async def press(button: str) -> None:
        shown = chat.from_bot(place)[-1]["reply_markup"]
        await chat.alice.press(place, menu["message_id"], button)
        await chat.telegram.until(lambda: chat.from_bot(place)[-1]["reply_markup"] != shown)

    await press(page)
    await press(value)


async def pressed(chat: Conversation, message: dict[str, Any], *buttons: str) -> None:
    """Press buttons of a message, each once the one before has changed them."""
    number = message["message_id"]

    def keys() -> Any:  # noqa: ANN401 - of a message as it is sent
        shown = next(m for m in chat.from_bot(chat.alice) if m["message_id"] == number)
        return shown["reply_markup"]

    for button in buttons:
        before = keys()
        await chat.alice.press(chat.alice, number, button)
        await chat.telegram.until(partial(lambda before: keys() != before, before))


async def test_a_picture_drawn_anew_in_another_way_says_how(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a red fox 16:9", f"[photo] {BUTTONS}")
    await pressed(chat, first, "Size ▸", "2K")
    _, second = await chat.sees(chat.alice, PICTURE, f"[photo] Pro · 16:9 · 2K {BUTTONS}")
    assert second["caption"] == "Pro · 16:9 · 2K"
    await pressed(chat, first, "Model ▸", "Words")
    third = (await chat.sees(chat.alice, PICTURE, PICTURE, "[photo] Words {*}"))[2]
    # It stays what it is when it is drawn again; a new prompt is nothing special.
    assert await chat.press(chat.alice, third, "Again") == "Drawing it again."
    await chat.sees(chat.alice, PICTURE, PICTURE, PICTURE, "[photo] Words {*}")
    await chat.row(chat.alice, "a blue fox", f"[photo] {BUTTONS}")


@pytest.mark.parametrize(
    ("value", "plain", "changed"),
    [("always", "Pro", "Pro · 2K"), ("never", "", "")],
)
async def test_who_wants_it_reads_it_always_or_never(
    chat: Conversation, value: str, plain: str, changed: str
) -> None:
    await choose(chat, "Caption line", value)
    (first,) = (await chat.row(chat.alice, "a red fox", PICTURE))[-1:]
    assert first.get("caption", "") == plain
    await pressed(chat, first, "Size ▸", "2K")
    second = (await chat.sees(chat.alice, "*", PICTURE, PICTURE))[-1]
    assert second.get("caption", "") == changed


async def test_another_model_that_stepped_in_is_named_and_so_are_its_words(
    start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "fallback.toml"
    file.write_text(FALLBACK)
    async with start(MODELS_FILE=str(file), DEFAULT_MODEL="flash") as chat:
        chat.gateway.script(Reply(failure=Failure.NO_CHANNEL), Reply(text="Here it is."))
        with capture_logs() as logs:
            (drawn,) = await chat.row(chat.alice, "a red fox 16:9", PICTURE)
        assert drawn["caption"] == "Here it is.\n\nSpare"
        (line,) = [entry for entry in logs if entry["event"] == "drawn"]
        facts = {name: line[name] for name in ("job", "user", "chat", "model")}
        assert facts == {"job": 1, "user": chat.alice.id, "chat": chat.alice.id, "model": "spare"}
        assert line["ms"] >= 0
        assert "detail" not in line
        assert line["cost"] == "unknown" or line["cost"].endswith(" USD")


async def test_a_post_in_a_channel_has_one_row_of_buttons_or_what_the_channel_wants(
    chat: Conversation,
) -> None:
    channel = chat.telegram.channel("News", [chat.alice])
    (drawn,) = await chat.row(chat.alice, "/imagine a red fox", POST, chat=channel)
    assert len(drawn["reply_markup"]["inline_keyboard"]) == 1
    await choose(chat, "Buttons", "all", channel)
    await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=channel)
    await choose(chat, "Buttons", "none", channel)
    (bare,) = await chat.row(chat.alice, "/imagine a red fox", "[photo]", chat=channel)
    answer = {"chat": channel, "reply_to": bare["message_id"]}
    await chat.row(chat.alice, "/imagine in winter", "[photo]", **answer)
    assert len(chat.last_call.inputs) == 1


@given(st.text(max_size=3000), st.text("abcXYZ ·:169漢字", max_size=80))
def test_the_line_is_whole_whatever_stands_above_it(text: str, line: str) -> None:
    caption = with_line(text, line)
    assert caption.endswith(line)
    assert not line or units(caption) <= CAPTION
