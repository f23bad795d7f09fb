"""Forged presses: whatever a button is made to say, nobody else's message changes."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.tg.callbacks import Verb
from tests.features.presets.test_presets import IN_GROUPS, LIST, STALE
from tests.support.conversation import PICTURE, Conversation, image

IDS = st.integers(-3, 40).map(str) | st.sampled_from(["0", "1", "zz", "9" * 18, "top"])
WORDS = st.sampled_from(
    [
        "top",
        "size",
        "ratio",
        "model",
        "4K",
        "4K*3",
        "1:1",
        "here",
        "older",
        "newer",
        "edit",
        "again",
        "file",
        "figurine",
        "logo",
        "everything",
        "nothing",
        "gemini-3-pro-image",
    ]
)
TEXTS = st.text(string.printable, max_size=20)
VERBS = st.sampled_from([verb.value for verb in Verb])
DATA = st.one_of(
    st.builds("{}:{}".format, VERBS, IDS | WORDS | TEXTS),
    st.builds("{}:{}:{}".format, VERBS, IDS, WORDS | TEXTS),
    st.builds("{}@{}:{}".format, VERBS, IDS, WORDS),
).filter(lambda data: 0 < len(data.encode()) <= 64)


def contents(chat: Conversation, group: Any) -> list[tuple[int, str, str]]:  # noqa: ANN401 - a place
    """Write down what stands in a chat, and under which buttons."""
    return [
        (message["message_id"], message.get("text", ""), str(message.get("reply_markup")))
        for message in chat.from_bot(group)
    ]


async def test_a_menus_button_acts_on_no_other_message(chat: Conversation) -> None:
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    for data in ("menu:top", "menu:size", "count:2", "set:send:file", "forget:nothing"):
        assert await chat.forge(chat.alice, drawn, data) == STALE, data
    await chat.sees(chat.alice, PICTURE)


@pytest.mark.parametrize("data", ["presets:{mine}:1", "preset:{mine}:figurine", "use:{mine}:flux"])
async def test_my_own_question_is_not_answered_under_anothers(
    chat: Conversation, data: str
) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    asking: dict[str, Any] = {"chat": group, "photo": image(), "caption": "@sandbox_bot"}
    (mine,) = await chat.row(chat.alice, None, IN_GROUPS, **asking)
    (his,) = await chat.row(chat.bob, None, IN_GROUPS, **asking)
    await chat.quiet()
    before = contents(chat, group)
    forged = data.format(mine=mine["reply_to_message"]["message_id"])
    assert await chat.forge(chat.alice, his, forged, group) == STALE
    assert contents(chat, group) == before
    assert await chat.jobs() == []


@given(presses=st.lists(st.tuples(st.sampled_from([0, 1, 3]), DATA), min_size=8, max_size=12))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_forged_press_changes_what_is_anothers(
    chat: Conversation, presses: list[tuple[int, str]]
) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    said = {"chat": group}
    await chat.row(chat.bob, "/imagine a fox", PICTURE, **said)
    await chat.row(chat.bob, None, IN_GROUPS, photo=image(), caption="@sandbox_bot", **said)
    await chat.row(chat.bob, "/presets@sandbox_bot", LIST, **said)
    await chat.row(chat.bob, "/history@sandbox_bot", "[photo]*", **said)
    await chat.quiet()
    messages = chat.from_bot(group)
    before = contents(chat, group)
    for number, data in presses:
        await chat.forge(chat.alice, messages[number], data, group)
    await chat.quiet()
    assert contents(chat, group)[: len(before)] == before
    assert chat.telegram.violations == []
