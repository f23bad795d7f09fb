"""Pictures: found by their place, forever, and beside each other in the order of their ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.domain import Arrival, Drawn, JobState, OutcomeKind, Picture
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, draft, erase, picture, running
from tests.storage.test_plans import plan


def drawn(db: Direct, *pictures: Picture) -> list[Picture]:
    job = running(db)
    with db.transaction() as tx:
        tx.jobs.keep(job.id, 1, Drawn(tuple(pictures)), NOON)
        return tx.pictures.of_job(job.id)


def test_a_picture_comes_back_as_it_was_drawn(db: Direct) -> None:
    second, first = picture(1, "b" * 64), picture(0)
    found = drawn(db, second, first)
    assert [first, second] == [replace(each, id=0, job_id=0, account_id=0) for each in found]
    with db.reading() as tx:
        assert found[0] == tx.pictures.get(found[0].id)
        assert tx.pictures.get(0) is None


def test_a_picture_is_found_where_it_stands(db: Direct) -> None:
    (found,) = drawn(db, picture())
    with db.transaction() as tx:
        assert tx.pictures.at(ANN, 9) is None
        tx.pictures.placed(found.id, ANN, 9)
        standing = tx.pictures.at(ANN, 9)
        assert standing == replace(found, chat_id=ANN, message_id=9)
        tx.pictures.unplace(ANN, 9)
        assert tx.pictures.at(ANN, 9) is None


def test_the_newest_picture_of_a_message_is_the_one_that_stands_there(db: Direct) -> None:
    older, newer = drawn(db, picture(0), picture(1))
    with db.transaction() as tx:
        tx.pictures.placed(newer.id, ANN, 9)
        tx.pictures.placed(older.id, ANN, 9)
        standing = tx.pictures.at(ANN, 9)
    assert standing is not None
    assert standing.id == newer.id


def test_telegrams_names_of_a_picture_are_kept_apart(db: Direct) -> None:
    (found,) = drawn(db, picture())
    with db.transaction() as tx:
        tx.pictures.arrive(Arrival(found.id, ANN, 9, "shown"))
        tx.pictures.original(found.id, "untouched")
        assert tx.pictures.get(found.id) == replace(
            found, chat_id=ANN, message_id=9, file_id="shown", original_file_id="untouched"
        )


def test_a_result_on_its_way_keeps_its_bytes_until_its_job_has_ended(db: Direct) -> None:
    (found,) = drawn(db, picture())
    with db.transaction() as tx:
        assert tx.pictures.undelivered(["a" * 64])
        assert not tx.pictures.undelivered(["b" * 64])
        tx.jobs.end(found.job_id, None, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
        assert not tx.pictures.undelivered(["a" * 64])


SUPER = -1_000_000_002_001
LAST = 2**62


def delivered(
    db: Direct,
    message_id: int,
    chat_id: int = ANN,
    account_id: int = ANN,
    *,
    arrived: bool = True,
) -> Picture:
    job = running(db, draft(message_id, chat_id=chat_id, account_id=account_id))
    with db.transaction() as tx:
        assert tx.jobs.keep(job.id, job.claim, Drawn((picture(),)), NOON)
        tx.ledger.reserve(account_id, job.id, 1, NOON, 0, 0)
        (made,) = tx.pictures.of_job(job.id)
        if arrived:
            name = f"file {message_id}"
            tx.pictures.arrive(Arrival(made.id, chat_id, 100 + message_id, name))
        (made,) = tx.pictures.of_job(job.id)
    return made


def test_an_accounts_pictures_stand_in_order(db: Direct) -> None:
    first, second = delivered(db, 1), delivered(db, 2, GROUP)
    delivered(db, 3, GROUP, BOB)
    delivered(db, 4, arrived=False)
    with db.reading() as tx:
        assert first.account_id == ANN
        assert tx.pictures.older(ANN, None, LAST) == second
        assert tx.pictures.older(ANN, None, second.id) == first
        assert tx.pictures.older(ANN, None, first.id) is None
        assert tx.pictures.newer(ANN, None, first.id) == second
        assert tx.pictures.newer(ANN, None, second.id) is None
        assert tx.pictures.older(ANN, GROUP, LAST) == second
        assert tx.pictures.older(ANN, GROUP, second.id) is None
        assert tx.pictures.newer(ANN, ANN, 0) == first


def test_a_message_stands_for_the_last_picture_it_was_given(db: Direct) -> None:
    first, second = delivered(db, 1), delivered(db, 2)
    with db.transaction() as tx:
        tx.pictures.link(ANN, 50, first.id)
        assert tx.pictures.linked(ANN, 50) == first
        tx.pictures.link(ANN, 50, second.id)
        assert tx.pictures.linked(ANN, 50) == second
        assert tx.pictures.linked(ANN, 51) is None
        tx.pictures.link(ANN, 52, LAST)
        assert tx.pictures.linked(ANN, 52) is None


def test_erasing_empties_the_shelf(db: Direct) -> None:
    mine, his = delivered(db, 1), delivered(db, 2, BOB, BOB)
    with db.transaction() as tx:
        tx.pictures.link(ANN, 50, mine.id)
        tx.pictures.link(BOB, 51, his.id)
        erase(tx, ANN, NOON)
        assert tx.pictures.older(ANN, None, LAST) is None
        assert tx.pictures.linked(ANN, 50) is None
        assert tx.pictures.linked(BOB, 51) == his


def test_a_moved_chat_takes_its_shelf_along(db: Direct) -> None:
    hers, own = delivered(db, 1, GROUP), delivered(db, 2, GROUP, GROUP)
    with db.transaction() as tx:
        tx.pictures.link(GROUP, 50, hers.id)
        tx.migrate_chat(GROUP, SUPER)
        for account, known in ((ANN, hers), (SUPER, own)):
            found = tx.pictures.older(account, SUPER, LAST)
            assert found
            assert found.id == known.id
        assert tx.pictures.older(ANN, GROUP, LAST) is None
        assert tx.pictures.linked(SUPER, 50) is None


def test_a_page_is_read_from_its_index(db: Direct) -> None:
    statements: dict[str, Any] = {}

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        statements[call[2]] = call[3]

    with db.transaction() as tx:
        event.listen(Engine, "before_cursor_execute", note)
        for chat_id in (None, GROUP):
            tx.pictures.older(ANN, chat_id, LAST)
            tx.pictures.newer(ANN, chat_id, 0)
        event.remove(Engine, "before_cursor_execute", note)
        plans = [plan(tx, *statement) for statement in statements.items()]
    assert len(plans) == 4
    assert all("ix_pictures_gallery" in read for read in plans)
    assert not any("TEMP B-TREE" in read or "Sort" in read for read in plans)
