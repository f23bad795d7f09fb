"""A copy of a SQLite file: one snapshot, while others write; and which SQLite may lose writes."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain import StorageLost, StorageUnavailable
from bot.storage import sqlite_copy
from bot.storage.schema import REVISION, warn_of_fault
from bot.storage.sqlite_copy import PAGES, DamagedDatabase, copy, inspect, may_lose_writes

PAGE = 4096


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE noise (number INTEGER PRIMARY KEY, bytes BLOB)")
        rows = [(bytes(PAGE),)] * (3 * PAGES)
        connection.executemany("INSERT INTO noise (bytes) VALUES (?)", rows)
    connection.close()
    return file


def rows(file: Path) -> int:
    connection = sqlite3.connect(file)
    (count,) = connection.execute("SELECT count(*) FROM noise").fetchone()
    connection.close()
    found: int = count
    return found


def test_whoever_writes_between_two_pieces_waits_for_nobody_and_the_copy_is_one_snapshot(
    source: Path, tmp_path: Path
) -> None:
    before, writer = rows(source), sqlite3.connect(source, timeout=0)  # not a moment of patience
    pieces = 0

    def write() -> None:
        nonlocal pieces
        pieces += 1
        with writer:
            writer.execute("INSERT INTO noise (bytes) VALUES (?)", (bytes(PAGE),))

    copy(source, tmp_path / "copy.db", write)
    writer.close()
    assert pieces >= 3
    assert pieces <= 2 + source.stat().st_size // (PAGE * PAGES)  # it was not begun anew
    assert rows(tmp_path / "copy.db") == before
    assert rows(source) == before + pieces
    assert sorted(path.name for path in tmp_path.glob("copy.db*")) == ["copy.db"]


def test_who_copies_never_checkpoints(source: Path, tmp_path: Path) -> None:
    writer = sqlite3.connect(source)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    with writer:
        writer.executemany("INSERT INTO noise (bytes) VALUES (?)", [(bytes(PAGE),)] * 2000)
    before = source.read_bytes()
    copy(source, tmp_path / "copy.db")
    inspect(source, REVISION)
    assert source.read_bytes() == before
    writer.close()
    assert rows(tmp_path / "copy.db") == 3 * PAGES + 2000


@pytest.fixture
def half_written(tmp_path: Path) -> Path:
    """Give what a killed program leaves where it has written its file in part."""
    file, left = tmp_path / "whole.db", tmp_path / "left.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE noise (number INTEGER PRIMARY KEY, bytes BLOB)")
        writer.execute("INSERT INTO noise (bytes) VALUES ('kept')")
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.executemany("INSERT INTO noise (bytes) VALUES (?)", [(bytes(PAGE),)] * 50)
        for end in ("", "-journal"):
            shutil.copy(f"{file}{end}", f"{left}{end}")
    return left


def test_what_a_killed_one_has_half_written_is_taken_back(
    half_written: Path, tmp_path: Path
) -> None:
    assert half_written.stat().st_size > 10 * PAGE
    assert inspect(half_written, REVISION).revision is None
    assert rows(half_written) == 1
    assert sorted(path.name for path in tmp_path.glob("left.db*")) == ["left.db"]


def test_where_that_cannot_be_it_is_told(
    half_written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = sqlite_copy._opened
    monkeypatch.setattr(sqlite_copy, "_opened", lambda path, _mode: opened(path, "ro"))
    with pytest.raises(StorageUnavailable, match="attempt to write a readonly database"):
        inspect(half_written, REVISION)


def test_what_ends_it_is_raised(source: Path, tmp_path: Path) -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        copy(source, tmp_path / "copy.db", stop)
    assert rows(source) == 3 * PAGES


def test_a_file_that_is_there_is_not_written_over(source: Path) -> None:
    with pytest.raises(FileExistsError):
        copy(source, source)


def test_only_a_database_is_copied_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        copy(tmp_path / "none.db", tmp_path / "copy.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "words.db").write_text("these are not the pages of a database" * 200)
    with pytest.raises(StorageLost):
        copy(tmp_path / "words.db", tmp_path / "words-copy.db")


def test_a_page_that_is_not_as_it_must_be_is_found(source: Path, tmp_path: Path) -> None:
    copy(source, tmp_path / "copy.db")
    assert inspect(tmp_path / "copy.db", REVISION).revision is None
    with (tmp_path / "copy.db").open("r+b") as file:
        file.seek(PAGE)
        file.write(bytes(PAGE))
    with pytest.raises((DamagedDatabase, StorageLost)):
        inspect(tmp_path / "copy.db", REVISION)


def test_a_long_look_is_ended_by_who_does_not_wait_for_it(source: Path) -> None:
    with sqlite3.connect(source) as connection:
        connection.execute("CREATE INDEX of_bytes ON noise (bytes, number)")
        numbers = [(number,) for number in range(20_000)]
        connection.executemany("INSERT INTO noise (bytes) VALUES (?)", numbers)
    connection.close()

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(StorageUnavailable, match="interrupted"):
        inspect(source, REVISION, go_on=stop)
    assert inspect(source, REVISION).revision is None


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        ("3.6.23", False),
        ("3.7.0", True),
        ("3.40.1", True),
        ("3.44.5", True),
        ("3.44.6", False),
        ("3.50.6", True),
        ("3.50.7", False),
        ("3.51.2", True),
        ("3.51.3", False),
        ("3.53.0", False),
    ],
)
def test_a_sqlite_that_may_lose_writes_is_known_by_its_number(version: str, faulty: bool) -> None:  # noqa: FBT001
    assert may_lose_writes(tuple(map(int, version.split(".")))) is faulty


def test_the_log_warns_of_a_sqlite_that_may_lose_writes_and_of_no_postgres() -> None:
    with capture_logs() as logs:
        warn_of_fault("postgresql://bot@db.example/bot")
        assert logs == []
        warn_of_fault("sqlite:///bot.db")
    expected = ["this SQLite may lose writes"] if may_lose_writes() else []
    assert [one["event"] for one in logs] == expected
