"""Asks: of those of an account in a chat and topic one is open; a reply finds any of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.storage import Store
from bot.storage.pending import MOST_LISTED
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, ask

SECOND = timedelta(seconds=1)


def test_a_question_is_answered_once_by_whom_it_was_asked(db: Direct) -> None:
    asked = replace(ask(), locale="zh_Hans", private=False, parent_picture_id=7)
    with db.transaction() as tx:
        assert tx.questions.put(asked) is True
        assert tx.questions.take(BOB, GROUP, None, NOON) is None
        assert tx.questions.take(ANN, GROUP, None, NOON) == asked
        assert tx.questions.take(ANN, GROUP, None, NOON) is None


def test_a_new_question_closes_the_earlier_one_in_its_topic(db: Direct) -> None:
    with db.transaction() as tx:
        tx.questions.put(ask(thread_id=3, message_id=1))
        tx.questions.put(ask(thread_id=3, message_id=2))
        tx.questions.put(ask(message_id=3))
        tx.questions.put(replace(ask(message_id=4), account_id=BOB))
        assert tx.questions.take(ANN, GROUP, 3, NOON) == ask(thread_id=3, message_id=2)
        assert tx.questions.take(ANN, GROUP, 3, NOON) is None
        assert tx.questions.take(ANN, GROUP, None, NOON) == ask(message_id=3)


def test_a_repeated_message_is_not_asked_about_again(db: Direct) -> None:
    first, second = ask(message_id=1), ask(message_id=2, at=NOON + SECOND)
    with db.transaction() as tx:
        assert tx.questions.put(first) is True
        assert tx.questions.put(second) is True
        assert tx.questions.put(first) is False
        assert tx.questions.take(ANN, GROUP, None, NOON) == second
        assert tx.questions.put(second) is False
        assert tx.questions.take(ANN, GROUP, None, NOON) is None


async def test_a_message_is_asked_about_once_however_many_bring_it(store: Store) -> None:
    puts = (store.write(lambda tx: tx.questions.put(ask())) for _ in range(6))
    assert sorted(await asyncio.gather(*puts)) == [False] * 5 + [True]


async def test_only_one_of_many_takes_a_question(store: Store) -> None:
    await store.write(lambda tx: tx.questions.put(ask()))
    takes = (store.write(lambda tx: tx.questions.take(ANN, GROUP, None, NOON)) for _ in range(6))
    taken = await asyncio.gather(*takes)
    assert [ask()] == [found for found in taken if found]


def test_of_questions_asked_at_once_the_newest_is_taken_and_all_are_closed(
    postgres_url: str,
) -> None:
    db = Direct(postgres_url)
    # Neither sees what the other has not committed.
    with db.transaction() as one, db.transaction() as other:
        one.questions.put(ask(message_id=2))
        other.questions.put(ask(message_id=1))
    with db.transaction() as tx:
        assert len(tx.questions.unasked(NOON)) == 2
        assert tx.questions.take(ANN, GROUP, None, NOON) == ask(message_id=2)
        assert tx.questions.unasked(NOON) == []
    db.close()


def test_a_question_of_long_ago_is_not_answered(db: Direct) -> None:
    with db.transaction() as tx:
        tx.questions.put(ask())
        assert tx.questions.take_replied(ANN, GROUP, 1, NOON + SECOND) is None
        assert tx.questions.take(ANN, GROUP, None, NOON + SECOND) is None
        assert tx.questions.take(ANN, GROUP, None, NOON) is None
        tx.questions.put(ask(message_id=2))
        assert tx.questions.take(ANN, GROUP, None, NOON) == ask(message_id=2)


@pytest.mark.parametrize("message_id", [1, 50])
def test_a_reply_to_pictures_or_question_finds_them_every_time(db: Direct, message_id: int) -> None:
    with db.transaction() as tx:
        tx.questions.put(ask(thread_id=3))
        tx.questions.shown(ask(), 50)
        for _ in range(2):
            found = tx.questions.take_replied(ANN, GROUP, message_id, NOON)
            assert found == replace(ask(thread_id=3), question_id=50)
            assert tx.questions.take(ANN, GROUP, 3, NOON) is None


def test_a_reply_closes_no_other_question_and_finds_nobody_elses(db: Direct) -> None:
    with db.transaction() as tx:
        tx.questions.put(ask(message_id=1))
        tx.questions.shown(ask(), 50)
        tx.questions.put(ask(message_id=2))
        assert tx.questions.take_replied(BOB, GROUP, 50, NOON) is None
        assert tx.questions.take_replied(ANN, GROUP - 1, 50, NOON) is None
        assert tx.questions.take_replied(ANN, GROUP, 51, NOON) is None
        old = tx.questions.take_replied(ANN, GROUP, 50, NOON)
        assert old is not None
        assert old.message_id == 1
        assert tx.questions.take(ANN, GROUP, None, NOON) == ask(message_id=2)


def test_a_reply_to_a_question_about_several_means_the_newest(db: Direct) -> None:
    with db.transaction() as tx:
        for message_id in (1, 2):
            tx.questions.put(ask(message_id=message_id, at=NOON + message_id * SECOND))
            tx.questions.shown(ask(message_id=message_id), 50)
        found = tx.questions.take_replied(ANN, GROUP, 50, NOON)
        assert found is not None
        assert found.message_id == 2


def test_open_questions_that_were_not_sent_are_listed_oldest_first(db: Direct) -> None:
    first, second = ask(thread_id=1, message_id=5, at=NOON), ask(thread_id=2, message_id=4)
    second = replace(second, asked_at=NOON + SECOND)
    with db.transaction() as tx:
        for asked in (second, first, ask(thread_id=3, message_id=6), ask(message_id=7)):
            tx.questions.put(asked)
        tx.questions.shown(ask(message_id=6), 50)
        tx.questions.take(ANN, GROUP, None, NOON)
        assert tx.questions.unasked(NOON) == [first, second]
        assert tx.questions.unasked(NOON + SECOND) == [second]


def test_no_more_unsent_questions_are_listed_than_said(db: Direct) -> None:
    with db.transaction() as tx:
        for number in range(MOST_LISTED + 1):
            tx.questions.put(ask(thread_id=1 + number, message_id=number))
        assert len(tx.questions.unasked(NOON)) == MOST_LISTED


def test_calling_everything_off_closes_an_accounts_questions(db: Direct) -> None:
    others = replace(ask(message_id=3), account_id=BOB)
    with db.transaction() as tx:
        for asked in (ask(message_id=1), ask(thread_id=3, message_id=2), others):
            tx.questions.put(asked)
        assert tx.pending.cancel(ANN) == (2, 0)
        assert tx.pending.cancel(ANN) == (0, 0)
        assert tx.questions.take(ANN, GROUP, 3, NOON) is None
        assert tx.questions.take(BOB, GROUP, None, NOON) == others
        assert tx.questions.put(ask(message_id=1)) is False


def test_old_questions_are_forgotten(db: Direct) -> None:
    with db.transaction() as tx:
        tx.questions.put(ask())
        tx.pending.prune(NOON, 9)
        assert tx.questions.take_replied(ANN, GROUP, 1, NOON) == ask()
        tx.pending.prune(NOON + SECOND, 9)
        assert tx.questions.take_replied(ANN, GROUP, 1, NOON) is None
        assert tx.questions.put(ask()) is True


def test_what_has_its_prompt_waits_for_a_choice_and_for_no_message(db: Direct) -> None:
    offered = replace(ask(message_id=1), prompt="make it blue", flags="16:9")
    with db.transaction() as tx:
        assert tx.questions.put(offered) is True
        assert tx.questions.take(ANN, GROUP, None, NOON) is None
        assert tx.questions.put(ask(message_id=2)) is True
        assert tx.questions.get(GROUP, 1, NOON) == offered
        assert tx.questions.get(GROUP, 1, NOON + SECOND) is None
        assert tx.questions.get(GROUP - 1, 1, NOON) is None
        assert tx.questions.answer(GROUP, 1, NOON + SECOND) is False
        assert tx.questions.answer(GROUP, 1, NOON) is True
        assert tx.questions.answer(GROUP, 1, NOON) is False
        assert tx.questions.take(ANN, GROUP, None, NOON) == ask(message_id=2)


async def test_only_one_of_many_presses_chooses(store: Store) -> None:
    await store.write(lambda tx: tx.questions.put(replace(ask(), prompt="make it blue")))
    presses = (store.write(lambda tx: tx.questions.answer(GROUP, 1, NOON)) for _ in range(6))
    assert sorted(await asyncio.gather(*presses)) == [False] * 5 + [True]


def test_a_repeated_prompt_takes_no_later_question(db: Direct) -> None:
    with db.transaction() as tx:
        tx.questions.put(replace(ask(message_id=5), prompt="make it blue"))
        tx.questions.put(ask(message_id=6))
        assert tx.questions.take(ANN, GROUP, None, NOON, by=5) is None
        assert tx.questions.take(ANN, GROUP, None, NOON, by=7) == ask(message_id=6)


def test_a_question_whose_answer_was_not_accepted_waits_again(db: Direct) -> None:
    with db.transaction() as tx:
        tx.questions.put(ask())
        assert tx.questions.take(ANN, GROUP, None, NOON) == ask()
        tx.questions.reopen(GROUP, 1)
        assert tx.questions.take(ANN, GROUP, None, NOON) == ask()
