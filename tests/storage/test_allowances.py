"""Allowances: never more than allowed, never below nothing, however takes and returns mix."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import AllowanceReached
from bot.storage import Store, Transaction
from bot.storage.allowances import EVERYBODY
from tests.storage.direct import Direct
from tests.storage.rows import ANN, GROUP, NOON, allowance_used

BEN = ANN + 1
OTHER = GROUP - 1
groups = itertools.count(OTHER - 1, -1)


def used(tx: Transaction, chat: int = GROUP) -> tuple[int, int, int]:
    ann, ben, all_ = [allowance_used(tx, chat, who, NOON) for who in (ANN, BEN, EVERYBODY)]
    return ann, ben, all_


def test_a_member_and_the_whole_group_are_counted_at_once(db: Direct) -> None:
    with db.transaction() as tx:
        tx.allowances.take(GROUP, ANN, 2, NOON, member=3, chat=4)
        tx.allowances.take(GROUP, BEN, 1, NOON, member=3, chat=4)
        tx.allowances.take(OTHER, ANN, 3, NOON, member=3, chat=3)
        assert used(tx) == (2, 1, 3)
        tx.allowances.give_back(GROUP, ANN, 1, NOON)
        assert used(tx) == (1, 1, 2)
        tx.allowances.give_back(GROUP, ANN, 5, NOON)  # never below nothing
        assert used(tx) == (1, 1, 2)


@pytest.mark.parametrize(
    ("taken", "pictures", "member", "chat", "everybody", "limit"),
    [
        (2, 2, 3, 9, False, 3),
        (2, 2, 9, 3, True, 3),
        (0, 4, 3, 9, False, 3),
        (0, 4, 9, 3, True, 3),
        (2, 2, 3, 3, False, 3),
    ],
)
def test_a_refusal_names_its_limit_and_the_transaction_takes_nothing(
    db: Direct, *, taken: int, pictures: int, member: int, chat: int, everybody: bool, limit: int
) -> None:
    if taken:
        with db.transaction() as tx:
            tx.allowances.take(GROUP, ANN, taken, NOON, member=0, chat=0)
    with pytest.raises(AllowanceReached) as reached, db.transaction() as tx:
        tx.allowances.take(GROUP, ANN, pictures, NOON, member=member, chat=chat)
    assert (reached.value.everybody, reached.value.limit) == (everybody, limit)
    with db.reading() as tx:
        assert used(tx) == (taken, 0, taken)


def test_a_chat_that_speaks_for_itself_is_no_member(db: Direct) -> None:
    with db.transaction() as tx:
        for _ in range(3):
            tx.allowances.take(GROUP, GROUP, 1, NOON, member=1, chat=3)
        with pytest.raises(AllowanceReached):
            tx.allowances.take(GROUP, GROUP, 1, NOON, member=1, chat=3)


def test_a_new_day_begins_at_nothing_and_old_ones_are_forgotten(db: Direct) -> None:
    with db.transaction() as tx:
        tx.allowances.take(GROUP, ANN, 1, NOON, member=1, chat=1)
        tx.allowances.take(GROUP, ANN, 1, NOON + timedelta(days=1), member=1, chat=1)
        tx.allowances.prune(NOON + timedelta(days=1), 9)
        assert used(tx) == (0, 0, 0)
        assert allowance_used(tx, GROUP, ANN, NOON + timedelta(days=1)) == 1


async def test_who_asks_at_once_gets_no_more_than_is_allowed(store: Store) -> None:
    def ask(tx: Transaction, who: int) -> None:
        tx.allowances.take(GROUP, who, 1, NOON, member=3, chat=5)

    async def take(who: int) -> int:
        try:
            await store.write(ask, who)
        except AllowanceReached:
            return 0
        return 1

    taken = await asyncio.gather(*(take(who) for _ in range(6) for who in (ANN, BEN)))
    ann, ben, everybody = await store.read(used)
    assert everybody == sum(taken) == ann + ben == 5
    assert max(ann, ben) <= 3


Step = tuple[bool, int, int]  # take or give back, who, how many


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sampled_from([ANN, BEN]), st.integers(1, 4))),
    member=st.integers(0, 6),
    chat=st.integers(0, 9),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_takes_and_returns_add_up(db: Direct, steps: list[Step], member: int, chat: int) -> None:
    group, model = next(groups), {ANN: 0, BEN: 0}
    for take, who, pictures in steps:
        fits = (not member or model[who] + pictures <= member) and (
            not chat or sum(model.values()) + pictures <= chat
        )
        try:
            with db.transaction() as tx:
                if take:
                    tx.allowances.take(group, who, pictures, NOON, member, chat)
                elif model[who] >= pictures:
                    tx.allowances.give_back(group, who, pictures, NOON)
        except AllowanceReached:
            assert not fits
            continue
        assert fits or not take
        if take or model[who] >= pictures:
            model[who] += pictures if take else -pictures
        with db.reading() as tx:
            assert used(tx, group) == (model[ANN], model[BEN], sum(model.values()))
