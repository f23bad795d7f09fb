"""Pictures: found by their place, forever."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import Drawn, JobState, OutcomeKind
from tests.storage.rows import ANN, NOON, picture, running

if TYPE_CHECKING:
    from bot.domain import Picture
    from tests.storage.direct import Direct


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
        tx.pictures.delivered(found.id, "shown")
        tx.pictures.original(found.id, "untouched")
        assert tx.pictures.get(found.id) == replace(
            found, file_id="shown", original_file_id="untouched"
        )


def test_a_result_on_its_way_keeps_its_bytes_until_its_job_has_ended(db: Direct) -> None:
    (found,) = drawn(db, picture())
    with db.transaction() as tx:
        assert tx.pictures.undelivered("a" * 64)
        assert not tx.pictures.undelivered("b" * 64)
        tx.jobs.end(found.job_id, None, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
        assert not tx.pictures.undelivered("a" * 64)
