"""Shelves and stand-ins: pictures found in order, by account and chat, and by other messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.domain import Drawn
from tests.storage.rows import ANN, BOB, GROUP, NOON, draft, picture, running
from tests.storage.test_plans import plan

if TYPE_CHECKING:
    from bot.domain import Picture
    from bot.storage import Store

SUPER = -1_000_000_002_001
LAST = 2**62


async def drawn(
    store: Store,
    message_id: int,
    chat_id: int = ANN,
    account_id: int = ANN,
    *,
    arrived: bool = True,
) -> Picture:
    job = await running(store, draft(message_id, chat_id=chat_id, account_id=account_id))
    async with store.transaction() as tx:
        assert await tx.jobs.keep(job.id, job.attempt, Drawn((picture(),)), NOON)
        await tx.ledger.reserve(account_id, job.id, 1, NOON, 0, 0)
        (made,) = await tx.pictures.of_job(job.id)
        if arrived:
            await tx.pictures.placed(made.id, chat_id, 100 + message_id)
            await tx.pictures.delivered(made.id, f"file {message_id}")
        (made,) = await tx.pictures.of_job(job.id)
    return made


async def test_an_accounts_pictures_stand_in_order(store: Store) -> None:
    first, second = await drawn(store, 1), await drawn(store, 2, GROUP)
    await drawn(store, 3, GROUP, BOB)
    await drawn(store, 4, arrived=False)
    async with store.reading() as tx:
        assert first.account_id == ANN
        assert await tx.shelves.older(ANN, None, LAST) == second
        assert await tx.shelves.older(ANN, None, second.id) == first
        assert await tx.shelves.older(ANN, None, first.id) is None
        assert await tx.shelves.newer(ANN, None, first.id) == second
        assert await tx.shelves.newer(ANN, None, second.id) is None
        assert await tx.shelves.older(ANN, GROUP, LAST) == second
        assert await tx.shelves.older(ANN, GROUP, second.id) is None
        assert await tx.shelves.newer(ANN, ANN, 0) == first


async def test_a_message_stands_for_the_last_picture_it_was_given(store: Store) -> None:
    first, second = await drawn(store, 1), await drawn(store, 2)
    async with store.transaction() as tx:
        await tx.stand_ins.put(ANN, 50, first.id)
        assert await tx.stand_ins.at(ANN, 50) == first
        await tx.stand_ins.put(ANN, 50, second.id)
        assert await tx.stand_ins.at(ANN, 50) == second
        assert await tx.stand_ins.at(ANN, 51) is None
        await tx.stand_ins.put(ANN, 52, LAST)
        assert await tx.stand_ins.at(ANN, 52) is None


async def test_erasing_empties_the_shelf(store: Store) -> None:
    mine, his = await drawn(store, 1), await drawn(store, 2, BOB, BOB)
    async with store.transaction() as tx:
        await tx.stand_ins.put(ANN, 50, mine.id)
        await tx.stand_ins.put(BOB, 51, his.id)
        await tx.own_data.erase(ANN, NOON, "en")
        assert await tx.shelves.older(ANN, None, LAST) is None
        assert await tx.stand_ins.at(ANN, 50) is None
        assert await tx.stand_ins.at(BOB, 51) == his


async def test_a_moved_chat_takes_its_shelf_along(store: Store) -> None:
    hers, own = await drawn(store, 1, GROUP), await drawn(store, 2, GROUP, GROUP)
    async with store.transaction() as tx:
        await tx.stand_ins.put(GROUP, 50, hers.id)
        await tx.jobs.move_chat(GROUP, SUPER)
        for account, known in ((ANN, hers), (SUPER, own)):
            found = await tx.shelves.older(account, SUPER, LAST)
            assert found
            assert found.id == known.id
        assert await tx.shelves.older(ANN, GROUP, LAST) is None
        assert await tx.stand_ins.at(SUPER, 50) is None


async def test_a_page_is_read_from_its_index(store: Store) -> None:
    statements: dict[str, Any] = {}

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        statements[call[2]] = call[3]

    async with store.transaction() as tx:
        event.listen(Engine, "before_cursor_execute", note)
        for chat_id in (None, GROUP):
            await tx.shelves.older(ANN, chat_id, LAST)
            await tx.shelves.newer(ANN, chat_id, 0)
        event.remove(Engine, "before_cursor_execute", note)
        plans = [await plan(tx, *statement) for statement in statements.items()]
    assert len(plans) == 4
    assert all("ix_pictures_gallery" in read for read in plans)
    assert not any("TEMP B-TREE" in read or "Sort" in read for read in plans)
