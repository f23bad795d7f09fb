"""Updates that a newer Telegram sends, over the wire: what cannot be read stops nobody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.config import load_settings
from bot.domain import JobState
from bot.features.admin import cli
from bot.tg.updates import MOST_NAMES, parse
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation
from tests.tg.test_parse import BOT

BOB = 1002
WORDS = "my bank's secret is 4711"
ALICE = {"id": 1001, "is_bot": False, "first_name": "Alice"}
CHAT = {"id": 1001, "type": "private"}
UNREADABLE: dict[str, tuple[str, Any]] = {
    "a sender of no name": (
        "message",
        {"message_id": 900, "date": 1, "chat": CHAT, "from": {"id": 1}, "text": WORDS},
    ),
    "a chat of no kind": (
        "message",
        {"message_id": 900, "date": 1, "chat": {"id": 1}, "text": WORDS},
    ),
    "a date in words": ("message", {"message_id": 900, "date": WORDS, "chat": CHAT}),
    "a photo that is one": (
        "message",
        {"message_id": 900, "date": 1, "chat": CHAT, "photo": [WORDS]},
    ),
    "words instead of a message": ("message", WORDS),
    "a press of nobody": ("callback_query", {"id": "1", "data": WORDS}),
    "a query of nobody": ("inline_query", {"id": "1", "query": WORDS}),
}


async def test_what_cannot_be_read_is_passed_over_and_told_to_the_operator_once(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    async with start(ADMIN_IDS=str(BOB)) as chat:
        put = chat.telegram.world.updates.put
        with capture_logs() as logs:
            chat.alice.send(text="a red fox")
            for kind, payload in UNREADABLE.values():
                put(kind, payload)
            chat.alice.send(text="a blue fox")
            await chat.sees(chat.alice, PICTURE, PICTURE)
            await chat.sees(chat.bob, "Telegram has sent something that this version*")
            await chat.quiet()
        assert not chat.telegram.pending_updates
        passed = [line for line in logs if "cannot be read" in line["event"]]
        assert [line["count"] for line in passed] == list(range(1, len(UNREADABLE) + 1))
        assert WORDS not in str(logs)
        assert "message.text" in passed[0]["fields"]
        await cli.audit(load_settings({"DATABASE_URL": chat.database_url}, env_file=None))
        told = capsys.readouterr().out
        assert told.count("could not be read") == len(UNREADABLE)
        assert WORDS not in told
        chat.telegram.redeliver(len(UNREADABLE) + 2)
        await chat.quiet()
        await chat.sees(chat.bob, "Telegram has sent something*")
        await chat.sees(chat.alice, PICTURE, PICTURE)


async def test_of_an_update_of_another_kind_nothing_is_said(start: Start) -> None:
    async with start(ADMIN_IDS=str(BOB)) as chat:
        chat.telegram.world.updates.allowed += ("story",)
        chat.telegram.world.updates.put("story", {"id": 1})
        chat.alice.send(text="a red fox")
        await chat.sees(chat.alice, PICTURE)
        await chat.quiet()
        assert chat.lines(chat.bob) == []


def message(**content: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"message_id": 0, "date": 1_700_000_000, "chat": CHAT, "from": ALICE, **content}


async def test_messages_without_a_number_are_not_taken_for_each_other(chat: Conversation) -> None:
    put = chat.telegram.world.updates.put
    put("message", message(text="a red fox"))
    put("message", message(text="a blue fox"))
    await chat.sees(chat.alice, PICTURE, PICTURE)
    chat.telegram.redeliver(2)
    assert await chat.states() == [JobState.DELIVERED, JobState.DELIVERED]
    sent = [call for call in chat.telegram.calls if call.method == "sendMessage"]
    assert [call.params.get("reply_parameters") for call in sent] == [None, None]


async def test_a_rich_message_is_answered_as_any_that_is_not_understood(chat: Conversation) -> None:
    put = chat.telegram.world.updates.put
    put("message", message(message_id=900, rich_message={"blocks": [{"type": "paragraph"}]}))
    await chat.sees(chat.alice, "I understand words and pictures only.*")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
)


@given(st.dictionaries(st.sampled_from(["message", "callback_query", "poll", "new"]), json))
def test_whatever_an_update_is_its_neighbours_are_read(odd: dict[str, Any]) -> None:
    around = [{"update_id": n, "message": message(text="a fox")} for n in (1, 3)]
    batch = parse([around[0], {**odd, "update_id": 2}, around[1]], BOT)
    assert batch.offset == 4
    read = [update.update_id for update in batch.updates]
    assert sorted([*read, *(one.update_id for one in batch.unread)]) == [1, 2, 3]
    assert {1, 3} <= set(read)
    assert all(len(one.names) <= MOST_NAMES for one in batch.unread)
    assert all(name.isascii() and name.isprintable() for one in batch.unread for name in one.names)
