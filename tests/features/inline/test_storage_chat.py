"""The storage chat as a group that becomes a supergroup while a picture is drawn."""

from __future__ import annotations

from bot.domain import JobState
from tests.conftest import Start
from tests.features.inline.test_inline import charged
from tests.support.inline import DRAWN, draws, sees_inline


async def test_a_picture_follows_its_storage_chat(start: Start) -> None:
    async with start() as chat:
        storage = chat.telegram.group("Storage", [chat.bob], supergroup=False)
        away = chat.telegram.group("Away", [chat.alice])
        away.remove_bot()
        await chat.restart(STORAGE_CHAT_ID=str(storage.id))
        with chat.gateway.hold() as gate:
            await draws(chat.alice, away, "a red fox")
            await chat.gateway.until(lambda: gate.waiting)
            moved = storage.upgrade()
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        assert await chat.states() == [JobState.DELIVERED]
        assert await charged(chat, chat.alice.id) == 1
        await chat.sees(moved, "[photo]")
