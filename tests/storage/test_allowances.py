"""Allowances: never more than allowed, never below nothing, however takes and returns mix."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import AllowanceReached
from bot.storage import Store
from bot.storage.allowances import EVERYBODY
from tests.storage.rows import ANN, GROUP, NOON

if TYPE_CHECKING:
    from bot.storage import Transaction

BEN = ANN + 1
OTHER = GROUP - 1


async def used(tx: Transaction, chat: int = GROUP) -> tuple[int, int, int]:
    ann, ben, all_ = [await tx.allowances.used(chat, who, NOON) for who in (ANN, BEN, EVERYBODY)]
    return ann, ben, all_


async def test_a_member_and_the_whole_group_are_counted_at_once(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.allowances.take(GROUP, ANN, 2, NOON, member=3, chat=4)
        await tx.allowances.take(GROUP, BEN, 1, NOON, member=3, chat=4)
        await tx.allowances.take(OTHER, ANN, 3, NOON, member=3, chat=3)
        assert await used(tx) == (2, 1, 3)
        await tx.allowances.give_back(GROUP, ANN, 1, NOON)
        assert await used(tx) == (1, 1, 2)
        await tx.allowances.give_back(GROUP, ANN, 5, NOON)  # never below nothing
        assert await used(tx) == (1, 1, 2)


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
async def test_a_refusal_names_its_limit_and_the_transaction_takes_nothing(
    store: Store, *, taken: int, pictures: int, member: int, chat: int, everybody: bool, limit: int
) -> None:
    if taken:
        async with store.transaction() as tx:
            await tx.allowances.take(GROUP, ANN, taken, NOON, member=0, chat=0)
    with pytest.raises(AllowanceReached) as reached:
        async with store.transaction() as tx:
            await tx.allowances.take(GROUP, ANN, pictures, NOON, member=member, chat=chat)
    assert (reached.value.everybody, reached.value.limit) == (everybody, limit)
    async with store.reading() as tx:
        assert await used(tx) == (taken, 0, taken)


async def test_a_chat_that_speaks_for_itself_is_no_member(store: Store) -> None:
    async with store.transaction() as tx:
        for _ in range(3):
            await tx.allowances.take(GROUP, GROUP, 1, NOON, member=1, chat=3)
        with pytest.raises(AllowanceReached):
            await tx.allowances.take(GROUP, GROUP, 1, NOON, member=1, chat=3)


async def test_a_new_day_begins_at_nothing_and_old_ones_are_forgotten(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.allowances.take(GROUP, ANN, 1, NOON, member=1, chat=1)
        await tx.allowances.take(GROUP, ANN, 1, NOON + timedelta(days=1), member=1, chat=1)
        await tx.allowances.drop_older(NOON + timedelta(days=1))
        assert await used(tx) == (0, 0, 0)
        assert await tx.allowances.used(GROUP, ANN, NOON + timedelta(days=1)) == 1


async def test_who_asks_at_once_gets_no_more_than_is_allowed(store: Store) -> None:
    async def take(who: int) -> int:
        try:
            async with store.transaction() as tx:
                await tx.allowances.take(GROUP, who, 1, NOON, member=3, chat=5)
        except AllowanceReached:
            return 0
        return 1

    taken = await asyncio.gather(*(take(who) for _ in range(6) for who in (ANN, BEN)))
    async with store.reading() as tx:
        ann, ben, everybody = await used(tx)
    assert everybody == sum(taken) == ann + ben == 5
    assert max(ann, ben) <= 3


Step = tuple[bool, int, int]  # take or give back, who, how many


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sampled_from([ANN, BEN]), st.integers(1, 4))),
    member=st.integers(0, 6),
    chat=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
def test_takes_and_returns_add_up(steps: list[Step], member: int, chat: int) -> None:
    asyncio.run(add_up(steps, member, chat))


async def add_up(steps: list[Step], member: int, chat: int) -> None:
    import tempfile

    from bot.storage import prepare

    with tempfile.TemporaryDirectory() as folder:
        await prepare(f"sqlite:///{folder}/bot.db")
        store = await Store.open(f"sqlite:///{folder}/bot.db")
        model = {ANN: 0, BEN: 0}
        for take, who, pictures in steps:
            fits = (not member or model[who] + pictures <= member) and (
                not chat or sum(model.values()) + pictures <= chat
            )
            try:
                async with store.transaction() as tx:
                    if take:
                        await tx.allowances.take(GROUP, who, pictures, NOON, member, chat)
                    elif model[who] >= pictures:
                        await tx.allowances.give_back(GROUP, who, pictures, NOON)
            except AllowanceReached:
                assert not fits
                continue
            assert fits or not take
            if take or model[who] >= pictures:
                model[who] += pictures if take else -pictures
            async with store.reading() as tx:
                assert await used(tx) == (model[ANN], model[BEN], sum(model.values()))
        await store.close()
