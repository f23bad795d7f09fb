"""A database's state: as it is, on both databases, with nothing created and nothing written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.domain import Drawn, StorageUnavailable
from bot.storage import audit, schema, state
from tests.storage.direct import Direct
from tests.storage.rows import NOON, accepted, draft, picture, running_in


def test_the_revision_and_the_books_are_told(url: str, db: Direct) -> None:
    with db.transaction() as tx:
        accepted(tx, draft(1))
    found = state.look(url)
    assert found
    assert (found.revision, found.differences) == (schema.REVISION, ())
    assert found.is_current
    assert not found.is_newer
    assert found.server.partition(" ")[0] in {"SQLite", "Postgres"}


def test_pictures_are_listed_in_pieces_as_far_back_as_is_asked(url: str, db: Direct) -> None:
    with db.transaction() as tx:
        for number in range(3):
            job = running_in(tx, draft(number))
            tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
    since = NOON - timedelta(days=1)
    first = state.read(url, lambda tx: tx.pictures.files(0, since, 2))
    rest = state.read(url, lambda tx: tx.pictures.files(first[-1][0], since, 2))
    assert [len(first), len(rest)] == [2, 1]
    assert {sha256 for _, sha256 in first + rest} == {picture().sha256}
    assert state.read(url, lambda tx: tx.pictures.files(0, NOON + timedelta(days=1), 2)) == []


def test_nobody_writes_while_he_looks(url: str) -> None:
    with pytest.raises((DBAPIError, StorageUnavailable)):
        state.read(url, lambda tx: tx.keys.add("press", NOON))


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(StorageUnavailable):
        state.look("postgresql://nobody@127.0.0.1:9/bot")


def test_while_the_books_are_looked_through_no_snapshot_is_held(
    url: str, db: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.transaction() as tx:
        accepted(tx, draft(1))
    part, held = audit.part, list[int]()

    def looked(sql: Connection, at: audit.AuditPlace) -> Any:  # noqa: ANN401 - as the part
        with db.transaction() as tx:
            tx.keys.add(f"{at}", NOON)
        held.append(db.snapshots())
        return part(sql, at)

    monkeypatch.setattr(audit, "part", looked)
    assert state.look(url)
    assert held == [0, 0]  # before the accounts, and before the jobs
