"""A transfer: every row arrives as it was, numbers go on behind it, and nothing half arrives."""

from __future__ import annotations

import sqlite3
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Integer, String, Table, delete, insert, select

from bot.domain import Note, NoteKind, Request, Source
from bot.storage import migrate, row_numbers, schema, state
from bot.storage.columns import EnumText, FactsJson, NameText, RequestJson, SafeText, Utc
from bot.storage.engine import normalised
from bot.storage.tables import METADATA
from bot.storage.transfer import NotTransferred, Transferred, is_same, transfer
from tests.storage.direct import Direct
from tests.storage.rows import ANN, NOON, accepted, draft, picture, running_in

LARGEST = 2**63 - 1
WORDS = st.text(max_size=20)
NUMBERS = st.integers(-LARGEST, LARGEST) | st.integers(0, 5)
REQUESTS = st.builds(
    Request,
    prompt=WORDS,
    model=WORDS,
    sources=st.lists(st.builds(Source, file_id=WORDS, sha256=st.none() | WORDS)).map(tuple),
    mask=st.booleans(),
    notes=st.lists(st.builds(Note, st.sampled_from(NoteKind), WORDS), max_size=2).map(tuple),
)
FACTS = st.dictionaries(
    WORDS, st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | WORDS, max_size=4
)
MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1 < at.year < 9999)
VALUES: dict[type, st.SearchStrategy[Any]] = {
    RequestJson: REQUESTS,
    FactsJson: FACTS,
    SafeText: WORDS,
    NameText: WORDS,
    Utc: MOMENTS,
    Boolean: st.booleans(),
    BigInteger: NUMBERS,
    Integer: NUMBERS,
    String: st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=7),
}


def values(kind: object) -> st.SearchStrategy[Any]:
    """Draw what a column of a kind may hold."""
    return st.sampled_from(list(kind.words)) if isinstance(kind, EnumText) else VALUES[type(kind)]


@st.composite
def rows(draw: st.DrawFn, table: Table) -> dict[str, Any]:
    row = {}
    for column in table.columns:
        kind = values(column.type)
        if column.name == "id" and table.autoincrement_column is not None:
            kind = st.integers(1, 10) | st.integers(1, LARGEST - 1)
        elif column.foreign_keys:
            kind = st.just(1)
        row[column.name] = draw(st.none() | kind if column.nullable else kind)
    return row


@st.composite
def databases(draw: st.DrawFn) -> dict[Table, list[dict[str, Any]]]:
    return {table: draw(st.lists(rows(table), max_size=3)) for table in METADATA.sorted_tables}


def read(url: str) -> dict[str, list[str]]:
    """Read all rows, as words that both databases sort alike."""
    with state.reading(url) as sql:
        return {
            table.name: sorted(repr(row) for row in sql.execute(select(table)).all())
            for table in METADATA.sorted_tables
        }


def moved(source: str, target: str) -> Transferred:
    return transfer(source, target, lambda _doing, _done, _rows: None)


def emptied(*urls: str) -> None:
    for url in urls:
        with schema.connected(normalised(url)) as sql:
            for table in reversed(METADATA.sorted_tables):
                sql.execute(delete(table))


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(content=databases())
def test_whatever_a_database_has_arrives_on_the_other_kind_and_comes_back(
    sqlite_url: str, postgres_url: str, content: dict[Table, list[dict[str, Any]]]
) -> None:
    emptied(sqlite_url, postgres_url)
    first = {**draft_row(), "id": 1}
    with schema.connected(normalised(sqlite_url)) as sql:
        sql.execute(insert(METADATA.tables["jobs"]), first)
        for table, some in content.items():
            for row in some:  # what breaks a rule of the table is none that a bot could have
                sql.execute(insert(table).prefix_with("OR IGNORE"), row)
    there = read(sqlite_url)
    assert not moved(sqlite_url, postgres_url).before
    assert read(postgres_url) == there
    assert moved(sqlite_url, postgres_url).before
    emptied(sqlite_url)
    moved(postgres_url, sqlite_url)
    assert read(sqlite_url) == there


def draft_row() -> dict[str, Any]:
    """A job that other rows may be of."""
    return {
        "account_id": ANN,
        "chat_id": ANN,
        "message_id": 1,
        "ordinal": 0,
        "request": Request(prompt="a cat", model="painter"),
        "locale": "en",
        "state": "accepted",
        "claim": 0,
        "dispatched": False,
        "created_at": NOON,
        "text": "",
        "detail": "",
        "private": True,
        "after_message_id": 0,
    }


def test_new_rows_get_numbers_that_none_of_before_ever_had(
    sqlite_url: str, empty_postgres_url: str
) -> None:
    here = Direct(sqlite_url)
    with here.transaction() as tx:
        jobs = [running_in(tx, draft(message_id)) for message_id in range(1, 5)]
        tx.pictures.add(jobs[0].id, ANN, [picture()])
        call = tx.calls.start(jobs[0], "painter", "host", "chat", NOON)
        tx._sql.exec_driver_sql("DELETE FROM jobs WHERE message_id = 4")
    here.close()
    assert moved(sqlite_url, empty_postgres_url) == Transferred(5, [], before=False)
    there = Direct(empty_postgres_url)
    with there.transaction() as tx:
        assert tx.jobs.get(jobs[-1].id) is None
        new = running_in(tx, draft(9))
        assert new.id == jobs[-1].id + 1
        assert tx.calls.start(new, "painter", "host", "chat", NOON) == call + 1
        tx.pictures.add(new.id, ANN, [picture(sha256="b" * 64)])
        assert [one.id for one in tx.pictures.of_job(new.id)] == [2]
    there.close()


def test_numbers_go_on_in_a_file_as_well(postgres_url: str, tmp_path: Path) -> None:
    file = tmp_path / "new" / "bot.db"
    here = Direct(postgres_url)
    with here.transaction() as tx:
        last = accepted(tx).id
        given = row_numbers.last_given(tx._sql, "jobs")
    here.close()
    moved(postgres_url, f"sqlite:///{file}")
    there = Direct(f"sqlite:///{file}")
    with there.transaction() as tx:
        assert accepted(tx, draft(2)).id == max(last, given) + 1
    there.close()


def test_a_nul_that_postgres_cannot_keep_is_replaced_as_everywhere(
    sqlite_url: str, postgres_url: str
) -> None:
    here = Direct(sqlite_url)
    with here.transaction() as tx:
        job = accepted(tx)
        tx._sql.exec_driver_sql("UPDATE jobs SET text = 'a' || char(0) || 'b'")
    here.close()
    moved(sqlite_url, postgres_url)
    there = Direct(postgres_url)
    with there.transaction() as tx:
        found = tx.jobs.get(job.id)
        assert found
        assert found.text == "a\N{REPLACEMENT CHARACTER}b"
    there.close()


def test_other_rows_are_left_alone(sqlite_url: str, postgres_url: str) -> None:
    for url, message_id in ((sqlite_url, 1), (postgres_url, 2)):
        direct = Direct(url)
        with direct.transaction() as tx:
            accepted(tx, draft(message_id))
        direct.close()
    before = read(postgres_url)
    with pytest.raises(NotTransferred, match="its jobs are not those that were read"):
        moved(sqlite_url, postgres_url)
    emptied(sqlite_url)
    with pytest.raises(NotTransferred, match="it has other rows of a bot's already"):
        moved(sqlite_url, postgres_url)
    assert read(postgres_url) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE jobs SET state = 'dreaming'", "a row of jobs cannot be read: 'dreaming'"),
        ("UPDATE jobs SET request = '{}'", "a row of jobs cannot be read: a stored document"),
        ("INSERT INTO message_links VALUES (1, 'x', 2)", "it does not take the rows of message_"),
        ("DELETE FROM jobs", "it does not take the rows of ledger: insert or update on table"),
    ],
)
def test_rows_that_no_bot_can_have_written_are_named_and_nothing_arrives(
    sqlite_url: str, empty_postgres_url: str, change: str, told: str
) -> None:
    direct = Direct(sqlite_url)
    with direct.transaction() as tx:
        tx.ledger.reserve(ANN, accepted(tx).id, 1, NOON, 0, 0)
    direct.close()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        other.execute(change)
    other.close()
    with pytest.raises(NotTransferred, match=told):
        moved(sqlite_url, empty_postgres_url)
    found = state.look(empty_postgres_url)
    assert found
    assert found.revision is None


async def test_tables_of_others_are_refused_and_those_beside_ours_left(
    sqlite_url: str, empty_postgres_url: str
) -> None:
    for name in ("theirs", "jobs"):
        with schema.connected(normalised(empty_postgres_url)) as sql:
            sql.exec_driver_sql(f"CREATE TABLE {name} (id INT)")
    with pytest.raises(NotTransferred, match="tables of another program"):
        moved(sqlite_url, empty_postgres_url)
    with schema.connected(normalised(empty_postgres_url)) as sql:
        sql.exec_driver_sql("DROP TABLE jobs")
    moved(sqlite_url, empty_postgres_url)
    with schema.connected(normalised(empty_postgres_url)) as sql:
        sql.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    with pytest.raises(NotTransferred, match=f"it has schema 0010, not {schema.REVISION}"):
        moved(sqlite_url, empty_postgres_url)


async def test_one_database_by_two_names_is_one(
    sqlite_url: str, postgres_url: str, empty_postgres_url: str
) -> None:
    await migrate(empty_postgres_url)
    file = sqlite_url.removeprefix("sqlite:///")
    folder, _, name = file.rpartition("/")
    assert is_same(sqlite_url, f"sqlite:///{folder}/../{folder.rpartition('/')[2]}/{name}")
    assert is_same(postgres_url, f"{postgres_url}&application_name=other")
    assert not is_same(postgres_url, empty_postgres_url)
    assert not is_same(sqlite_url, postgres_url)
