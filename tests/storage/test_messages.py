"""Messages: what is known cannot be a lost message, and chats share their numbers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain import Drawn
from bot.storage import Store
from bot.storage.messages import KEPT
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, draft, picture, running

SUPER, CHANNEL = -1_000_000_002_001, -1_000_000_000_000
HIGH = 1 << 31


def send(db: Direct, chat_id: int, first: int) -> None:
    """Let the bot send into a chat what it can: prompt `first`, then status, pictures, another."""
    job = running(db, draft(first, chat_id=chat_id))
    with db.transaction() as tx:
        tx.jobs.set_status_message(job.id, first + 1)
        tx.jobs.keep(job.id, 1, Drawn((picture(0), picture(1), picture(2)), ""), NOON)
        one, two, _unsent = tx.pictures.of_job(job.id)
        tx.pictures.placed(one.id, chat_id, first + 1)
        tx.pictures.placed(two.id, chat_id, first + 2)
        tx.messages.add(chat_id, first + 4, NOON)
        tx.messages.add(chat_id, first + 4, NOON)


@pytest.mark.parametrize("chat_id", [ANN, GROUP, SUPER, CHANNEL])
def test_prompts_status_messages_pictures_and_others_are_known(db: Direct, chat_id: int) -> None:
    send(db, chat_id, 10)
    with db.reading() as tx:
        assert tx.messages.known(chat_id, 0, HIGH) == {10, 11, 12, 14}
        assert tx.messages.known(chat_id, 10, 12) == {11, 12}
        assert tx.messages.known(chat_id, 14, HIGH) == set()
        assert tx.messages.newest(chat_id) == 14


@pytest.mark.parametrize("chat_id", [SUPER, CHANNEL])
def test_a_supergroup_or_channel_numbers_its_messages_by_itself(db: Direct, chat_id: int) -> None:
    for first, other in ((10, ANN), (20, GROUP), (30, chat_id - 1)):
        send(db, other, first)
    with db.reading() as tx:
        assert tx.messages.known(chat_id, 0, HIGH) == set()
        assert tx.messages.newest(chat_id) == 0


def test_private_chats_and_basic_groups_share_one_counter(db: Direct) -> None:
    for first, chat_id in ((10, ANN), (20, GROUP), (30, SUPER), (40, CHANNEL)):
        send(db, chat_id, first)
    with db.reading() as tx:
        for chat_id in (ANN, BOB, GROUP, CHANNEL + 1):
            assert tx.messages.known(chat_id, 11, HIGH) == {12, 14, 20, 21, 22, 24}
            assert tx.messages.newest(chat_id) == 24


@pytest.mark.parametrize("chat_id", [ANN, SUPER])
def test_the_newest_may_be_of_any_kind(db: Direct, chat_id: int) -> None:
    job = running(db, draft(10, chat_id=chat_id))
    with db.transaction() as tx:
        assert tx.messages.newest(chat_id) == 10
        tx.jobs.set_status_message(job.id, 11)
        assert tx.messages.newest(chat_id) == 11
        tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        (drawn,) = tx.pictures.of_job(job.id)
        tx.pictures.placed(drawn.id, chat_id, 12)
        assert tx.messages.newest(chat_id) == 12
        tx.messages.add(chat_id, 13, NOON)
        assert tx.messages.newest(chat_id) == 13


async def test_of_many_deliveries_of_a_press_one_is_new(store: Store) -> None:
    presses = (store.write(lambda tx: tx.keys.add("press", NOON)) for _ in range(6))
    assert sum(await asyncio.gather(*presses)) == 1


def test_what_is_old_is_forgotten(db: Direct) -> None:
    with db.transaction() as tx:
        tx.keys.add("press", NOON)
        tx.keys.prune(NOON, 9)
        assert not tx.keys.add("press", NOON)
        tx.keys.prune(NOON + timedelta(seconds=1), 9)
        assert tx.keys.add("press", NOON)


def test_what_is_old_is_forgotten_in_slices_and_what_is_kept_is_passed_over(db: Direct) -> None:
    with db.transaction() as tx:
        for key in (f"{KEPT}gone", "one", "two", "three"):
            tx.keys.add(key, NOON)
        later = NOON + timedelta(seconds=1)
        assert [tx.keys.prune(later, 2) for _ in range(3)] == [2, 1, 0]
        assert tx.keys.has(f"{KEPT}gone")
