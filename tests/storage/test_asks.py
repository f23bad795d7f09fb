"""Asks: of those of an account in a chat and topic one is open; a reply finds any of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from bot.storage import Store, asks
from bot.storage.tables import ASKS
from tests.storage.rows import ANN, BOB, GROUP, NOON, ask

if TYPE_CHECKING:
    from bot.domain import PendingPrompt

SECOND = timedelta(seconds=1)


async def test_a_question_is_answered_once_by_whom_it_was_asked(store: Store) -> None:
    asked = replace(ask(), locale="zh_Hans", private=False, parent_picture_id=7)
    async with store.transaction() as tx:
        assert await tx.asks.put(asked) is True
        assert await tx.asks.take(BOB, GROUP, None, NOON) is None
        assert await tx.asks.take(ANN, GROUP, None, NOON) == asked
        assert await tx.asks.take(ANN, GROUP, None, NOON) is None


async def test_a_new_question_closes_the_earlier_one_in_its_topic(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask(thread_id=3, message_id=1))
        await tx.asks.put(ask(thread_id=3, message_id=2))
        await tx.asks.put(ask(message_id=3))
        await tx.asks.put(replace(ask(message_id=4), account_id=BOB))
        assert await tx.asks.take(ANN, GROUP, 3, NOON) == ask(thread_id=3, message_id=2)
        assert await tx.asks.take(ANN, GROUP, 3, NOON) is None
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask(message_id=3)


async def test_a_repeated_message_is_not_asked_about_again(store: Store) -> None:
    first, second = ask(message_id=1), ask(message_id=2, at=NOON + SECOND)
    async with store.transaction() as tx:
        assert await tx.asks.put(first) is True
        assert await tx.asks.put(second) is True
        assert await tx.asks.put(first) is False
        assert await tx.asks.take(ANN, GROUP, None, NOON) == second
        assert await tx.asks.put(second) is False
        assert await tx.asks.take(ANN, GROUP, None, NOON) is None


async def test_a_message_is_asked_about_once_however_many_bring_it(store: Store) -> None:
    async def put() -> bool:
        async with store.transaction() as tx:
            return await tx.asks.put(ask())

    assert sorted(await asyncio.gather(*(put() for _ in range(6)))) == [False] * 5 + [True]


async def test_only_one_of_many_takes_a_question(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask())

    async def take() -> PendingPrompt | None:
        async with store.transaction() as tx:
            return await tx.asks.take(ANN, GROUP, None, NOON)

    taken = await asyncio.gather(*(take() for _ in range(6)))
    assert [ask()] == [found for found in taken if found]


async def test_of_questions_asked_at_once_the_newest_is_taken_and_all_are_closed(
    postgres_url: str,
) -> None:
    store = await Store.open(postgres_url)
    async with store.transaction() as one, store.transaction() as other:
        # Neither sees what the other has not committed.
        await one.asks.put(ask(message_id=2))
        await other.asks.put(ask(message_id=1))
    async with store.transaction() as tx:
        assert len(await tx.asks.unquestioned(NOON)) == 2
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask(message_id=2)
        assert await tx.asks.unquestioned(NOON) == []
    await store.close()


async def test_a_question_of_long_ago_is_not_answered(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask())
        assert await tx.asks.take_replied(ANN, GROUP, 1, NOON + SECOND) is None
        assert await tx.asks.take(ANN, GROUP, None, NOON + SECOND) is None
        assert await tx.asks.take(ANN, GROUP, None, NOON) is None
        await tx.asks.put(ask(message_id=2))
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask(message_id=2)


@pytest.mark.parametrize("message_id", [1, 50])
async def test_a_reply_to_pictures_or_question_finds_them_every_time(
    store: Store, message_id: int
) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask(thread_id=3))
        await tx.asks.questioned(GROUP, 1, 50)
        for _ in range(2):
            found = await tx.asks.take_replied(ANN, GROUP, message_id, NOON)
            assert found == replace(ask(thread_id=3), question_id=50)
            assert await tx.asks.take(ANN, GROUP, 3, NOON) is None


async def test_a_reply_closes_no_other_question_and_finds_nobody_elses(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask(message_id=1))
        await tx.asks.questioned(GROUP, 1, 50)
        await tx.asks.put(ask(message_id=2))
        assert await tx.asks.take_replied(BOB, GROUP, 50, NOON) is None
        assert await tx.asks.take_replied(ANN, GROUP - 1, 50, NOON) is None
        assert await tx.asks.take_replied(ANN, GROUP, 51, NOON) is None
        old = await tx.asks.take_replied(ANN, GROUP, 50, NOON)
        assert old is not None
        assert old.message_id == 1
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask(message_id=2)


async def test_a_reply_to_a_question_about_several_means_the_newest(store: Store) -> None:
    async with store.transaction() as tx:
        for message_id in (1, 2):
            await tx.asks.put(ask(message_id=message_id, at=NOON + message_id * SECOND))
            await tx.asks.questioned(GROUP, message_id, 50)
        found = await tx.asks.take_replied(ANN, GROUP, 50, NOON)
        assert found is not None
        assert found.message_id == 2


async def test_open_questions_that_were_not_sent_are_listed_oldest_first(store: Store) -> None:
    first, second = ask(thread_id=1, message_id=5, at=NOON), ask(thread_id=2, message_id=4)
    second = replace(second, asked_at=NOON + SECOND)
    async with store.transaction() as tx:
        for asked in (second, first, ask(thread_id=3, message_id=6), ask(message_id=7)):
            await tx.asks.put(asked)
        await tx.asks.questioned(GROUP, 6, 50)
        await tx.asks.take(ANN, GROUP, None, NOON)
        assert await tx.asks.unquestioned(NOON) == [first, second]
        assert await tx.asks.unquestioned(NOON + SECOND) == [second]


async def test_no_more_unsent_questions_are_listed_than_said(store: Store) -> None:
    many = [asks._fields(ask(message_id=number)) for number in range(asks.MOST_UNQUESTIONED + 1)]
    async with store.transaction() as tx:
        await tx.asks._sql.execute(insert(ASKS), many)
        assert len(await tx.asks.unquestioned(NOON)) == asks.MOST_UNQUESTIONED


async def test_calling_everything_off_closes_an_accounts_questions(store: Store) -> None:
    others = replace(ask(message_id=3), account_id=BOB)
    async with store.transaction() as tx:
        for asked in (ask(message_id=1), ask(thread_id=3, message_id=2), others):
            await tx.asks.put(asked)
        assert await tx.asks.forget(ANN) == 2
        assert await tx.asks.forget(ANN) == 0
        assert await tx.asks.take(ANN, GROUP, 3, NOON) is None
        assert await tx.asks.take(BOB, GROUP, None, NOON) == others
        assert await tx.asks.put(ask(message_id=1)) is False


async def test_old_questions_are_forgotten(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask())
        await tx.asks.drop_older(NOON)
        assert await tx.asks.take_replied(ANN, GROUP, 1, NOON) == ask()
        await tx.asks.drop_older(NOON + SECOND)
        assert await tx.asks.take_replied(ANN, GROUP, 1, NOON) is None
        assert await tx.asks.put(ask()) is True


async def test_what_has_its_prompt_waits_for_a_choice_and_for_no_message(store: Store) -> None:
    offered = replace(ask(message_id=1), prompt="make it blue", flags="16:9")
    async with store.transaction() as tx:
        assert await tx.asks.put(offered) is True
        assert await tx.asks.take(ANN, GROUP, None, NOON) is None
        assert await tx.asks.put(ask(message_id=2)) is True
        assert await tx.asks.get(GROUP, 1, NOON) == offered
        assert await tx.asks.get(GROUP, 1, NOON + SECOND) is None
        assert await tx.asks.get(GROUP - 1, 1, NOON) is None
        assert await tx.asks.choose(GROUP, 1, NOON + SECOND) is False
        assert await tx.asks.choose(GROUP, 1, NOON) is True
        assert await tx.asks.choose(GROUP, 1, NOON) is False
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask(message_id=2)


async def test_only_one_of_many_presses_chooses(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(replace(ask(), prompt="make it blue"))

    async def choose() -> bool:
        async with store.transaction() as tx:
            return await tx.asks.choose(GROUP, 1, NOON)

    assert sorted(await asyncio.gather(*(choose() for _ in range(6)))) == [False] * 5 + [True]


async def test_a_repeated_prompt_takes_no_later_question(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(replace(ask(message_id=5), prompt="make it blue"))
        await tx.asks.put(ask(message_id=6))
        assert await tx.asks.take(ANN, GROUP, None, NOON, by=5) is None
        assert await tx.asks.take(ANN, GROUP, None, NOON, by=7) == ask(message_id=6)


async def test_a_question_whose_answer_was_not_accepted_waits_again(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.asks.put(ask())
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask()
        await tx.asks.reopen(GROUP, 1)
        assert await tx.asks.take(ANN, GROUP, None, NOON) == ask()
