"""Asks: one question for each account, chat and topic, answered once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.storage.rows import ANN, BOB, GROUP, NOON, ask

if TYPE_CHECKING:
    from bot.storage import Store

SECOND = timedelta(seconds=1)


async def test_a_question_is_answered_once_by_whom_it_was_asked(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask())
        assert await tx.asks.take(BOB, GROUP, None, NOON) is None
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask()
        assert await tx.asks.take(ANN, GROUP, None, NOON) is None


async def test_a_new_question_replaces_the_earlier_one_in_its_topic(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask(thread_id=3, message_id=1))
        await tx.asks.put(ask(thread_id=3, message_id=2))
        await tx.asks.put(ask(message_id=3))
        assert await tx.asks.take(ANN, GROUP, 3, NOON) == ask(thread_id=3, message_id=2)
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask(message_id=3)


async def test_a_question_of_long_ago_is_not_answered(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask())
        assert await tx.asks.take(ANN, GROUP, None, NOON + SECOND) is None
        await tx.asks.drop_older(NOON)
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask()


async def test_old_questions_are_forgotten(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask())
        await tx.asks.drop_older(NOON + SECOND)
        assert await tx.asks.take(ANN, GROUP, None, NOON) is None
