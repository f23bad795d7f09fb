"""Backups and restoring, by the command itself and by the clock of a bot that runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.config import load_settings
from bot.features.admin.backup import backups, kept, make, named
from sandbox.gateway import Reply
from tests.conftest import SMALL, Start
from tests.features.privacy.test_privacy import age, forget
from tests.support import process
from tests.support.command import Ended, ended, running
from tests.support.conversation import PICTURE, Conversation, environment
from tests.support.database import migrated
from tests.support.waiting import patient, within

pytestmark = pytest.mark.about_file  # test_postgres_backup.py has those of a Postgres
PEOPLE = 200


def place(folder: Path) -> dict[str, str]:
    """Say where a bot's data are."""
    return {"DATABASE_URL": f"sqlite:///{folder}/bot.db", "MEDIA_URL": f"{folder}/media"}


async def drawn(chat: Conversation) -> None:
    """Have two pictures in the database."""
    await chat.row(chat.alice, "a red fox", PICTURE)
    chat.gateway.default = Reply(noise=1300)
    await chat.row(chat.alice, "a blue fox", PICTURE)
    await chat.quiet()


async def made(folder: Path, into: Path, **more: str) -> Path:
    end = await ended(folder, "backup", str(into), **place(folder), **more)
    assert end.code == 0, end
    (found,) = backups(into)
    return found


async def restored(source: Path, folder: Path, **more: str) -> Ended:
    return await ended(source, "restore", str(source), **place(folder), **more)


def refused(end: Ended, told: str) -> None:
    assert end.code == 1, end
    (line,) = end.stderr.splitlines()
    assert told in line
    assert end.stdout == ""


def pictures(folder: Path) -> set[str]:
    return {path.name for path in (folder / "media").glob("??/*")}


async def test_what_many_write_meanwhile_is_restored_and_goes_on_elsewhere(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    async with process.running(here) as bot:
        bot.gateway.default = SMALL
        people = [bot.telegram.person(f"Person {number}") for number in range(PEOPLE)]
        for person in people:
            person.send(text="a fox")
        while not list((here / "media").glob("??/*")):
            await asyncio.sleep(0)
        source = await made(here, tmp_path / "kept")
        for person in people:
            await bot.sees(person, PICTURE)
        jobs = len(await bot.jobs())
        await bot.end()
        end = await restored(source, there)
        assert end.code == 0, end
        audit = await ended(there, "audit", **place(there))
        assert audit.stdout.endswith("the books agree\n"), audit
        with sqlite3.connect(there / "bot.db") as copy:
            (found,) = copy.execute("SELECT count(*) FROM jobs").fetchone()
            named = {sha256 for (sha256,) in copy.execute("SELECT sha256 FROM pictures")}
        copy.close()
        assert 0 < found <= jobs
        assert named <= pictures(there)
        before = bot.greetings()
        given = environment(bot.world, there, **place(there))
        async with running(there, "run", **given) as second:
            await bot.telegram.until(lambda: bot.greetings() > before)
            bot.gateway.default = SMALL
            await bot.row(bot.bob, "a red fox", PICTURE)
            await second.end()
        audit = await ended(there, "audit", **place(there))
        assert audit.stdout.endswith("the books agree\n"), audit


async def test_whoever_writes_between_any_two_steps_of_a_backup_waits_for_nobody(
    chat: Conversation,
) -> None:
    await drawn(chat)
    await chat.end()
    settings = load_settings(place(chat.folder), env_file=None)
    writer = sqlite3.connect(chat.folder / "bot.db", timeout=0)  # not a moment of patience
    writer.execute("CREATE TABLE noise (bytes BLOB)")
    writer.executemany("INSERT INTO noise VALUES (?)", [(bytes(4096),)] * 1000)
    writer.commit()
    written = 0

    def write() -> None:
        nonlocal written
        with writer:
            written += writer.execute("INSERT INTO noise VALUES (1)").rowcount

    source = make(settings, chat.folder / "kept", write)
    with writer:
        writer.execute("DROP TABLE noise")
    writer.close()
    # Four megabytes, their integrity and their books, the checksum, and two pictures.
    assert written >= 4 + 4 + 2
    with sqlite3.connect(source / "bot.db") as copy:
        assert copy.execute("SELECT count(*) FROM noise").fetchone() == (1000,)
    copy.close()


async def test_a_backup_is_checked_with_what_every_system_has(chat: Conversation) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    sums = {line.partition("  ")[2] for line in (source / "SHA256SUMS").read_text().splitlines()}
    names = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert sums == names - {"SHA256SUMS", "manifest.json"}
    assert "bot.db" in sums
    checked = await asyncio.create_subprocess_exec("sha256sum", "-c", "SHA256SUMS", cwd=source)
    assert await within(checked.wait()) == 0
    assert json.loads((source / "manifest.json").read_text())["files"] == 2


async def test_the_second_backup_takes_no_room_for_the_same_pictures(chat: Conversation) -> None:
    await drawn(chat)
    into = chat.folder / "kept"
    first = await made(chat.folder, into)
    first.rename(first.with_name("picturebot-20260101T000000Z"))
    assert (await ended(chat.folder, "backup", str(into), **place(chat.folder))).code == 0
    one, two = sorted(backups(into))
    assert pictures(one) == pictures(two) != set()
    for name in pictures(one):
        assert (one / "media" / name[:2] / name).samefile(two / "media" / name[:2] / name)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    for folder in ("/dev/shm", "/var/tmp"):  # noqa: S108 - a folder of its own is made there
        if Path(folder).is_dir() and Path(folder).stat().st_dev != tmp_path.stat().st_dev:
            with tempfile.TemporaryDirectory(dir=folder) as name:
                yield Path(name)
            return
    pytest.skip("one file system holds everything here")


async def test_on_another_disk_pictures_are_copied(chat: Conversation, other_disk: Path) -> None:
    await drawn(chat)
    source = await made(chat.folder, other_disk)
    assert pictures(source) == pictures(chat.folder) != set()
    there = chat.folder / "there"
    assert (await restored(source, there)).code == 0
    assert pictures(there) == pictures(chat.folder)


async def again(folder: Path, into: Path) -> tuple[Ended, Path]:
    """Make one more backup."""
    before = set(backups(into))
    end = await ended(folder, "backup", str(into), **place(folder))
    (found,) = set(backups(into)) - before
    return end, found


def rot(file: Path) -> None:
    """Change a file where it lies; its size stays."""
    with file.open("r+b") as opened:
        opened.write(b"rot")


async def test_a_picture_that_rots_later_is_named_and_left_out(chat: Conversation) -> None:
    await drawn(chat)
    into = chat.folder / "kept"
    await made(chat.folder, into)
    rotten = min((chat.folder / "media").glob("??/*"))
    rot(rotten)
    end, source = await again(chat.folder, into)
    assert (end.code, end.stderr) == (1, f"picture {rotten.name} is damaged and left out\n")
    assert pictures(source) == pictures(chat.folder) - {rotten.name}
    assert (await restored(source, chat.folder / "there")).code == 0


RESCUED = "picture {} is damaged or missing: its copy of an earlier backup is in this one"


async def test_what_has_rotted_or_is_gone_is_taken_from_an_earlier_backup_and_restored(
    chat: Conversation, other_disk: Path
) -> None:
    await drawn(chat)
    await made(chat.folder, other_disk)
    rotten, gone = sorted((chat.folder / "media").glob("??/*"))
    before = {file.name: file.read_bytes() for file in (rotten, gone)}
    rot(rotten)
    gone.unlink()
    told = "; ".join(map(RESCUED.format, before)) + "\n"
    for _ in range(2):  # and from the one that took it
        end, source = await again(chat.folder, other_disk)
        assert (end.code, end.stderr) == (1, told)
        for old in set(backups(other_disk)) - {source}:
            shutil.rmtree(old)
    there = chat.folder / "there"
    assert (await restored(source, there)).code == 0
    found = {file.name: file.read_bytes() for file in (there / "media").glob("??/*")}
    assert found == before


async def test_what_somebody_has_erased_is_not_taken_from_an_earlier_backup(
    chat: Conversation, other_disk: Path
) -> None:
    await drawn(chat)
    await made(chat.folder, other_disk)
    chat.gateway.default = Reply(noise=1400)
    await chat.row(chat.bob, "a grey fox", PICTURE)
    age(chat)
    await forget(chat, chat.alice)
    end, source = await again(chat.folder, other_disk)
    assert (end.code, end.stderr) == (0, "")
    assert len(pictures(source)) == 1


async def test_a_copy_that_has_rotted_is_replaced(chat: Conversation, other_disk: Path) -> None:
    await drawn(chat)
    first = await made(chat.folder, other_disk)
    rotten, whole = sorted((first / "media").glob("??/*"))
    rot(rotten)
    end, source = await again(chat.folder, other_disk)
    assert (end.code, end.stderr) == (0, "")
    assert not (source / rotten.relative_to(first)).samefile(rotten)
    assert (source / whole.relative_to(first)).samefile(whole)
    assert (await restored(source, chat.folder / "there")).code == 0


async def test_a_link_that_is_named_as_an_old_backup_is_left_alone(tmp_path: Path) -> None:
    await migrated(tmp_path)
    victim, into = tmp_path / "victim", tmp_path / "kept"
    victim.mkdir()
    (victim / "manifest.json").write_text("{}")
    old = into / "picturebot-20200101T000000Z"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("{}")
    stray = into / "picturebot-20200102T000000Z"
    stray.symlink_to(victim)
    nowhere = into / "picturebot-x.partial"
    nowhere.symlink_to(tmp_path / "nowhere")
    few = {"BACKUP_KEEP_DAILY": "1", "BACKUP_KEEP_WEEKLY": "0"}
    end = await ended(tmp_path, "backup", **place(tmp_path), BACKUP_DIR=str(into), **few)
    assert (end.code, end.stdout.splitlines()[1:]) == (0, [f"deleted {old}"])
    assert stray.is_symlink()
    assert (victim / "manifest.json").exists()


def test_two_backups_of_one_second_have_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    partial = tmp_path / "picturebot-1.partial"
    partial.mkdir()
    rename = Path.rename

    def overtaken(path: Path, target: Path) -> Path:
        if not target.exists() and target.name.endswith("00Z"):
            target.mkdir()
            (target / "manifest.json").write_text("{}")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", overtaken)
    assert named(partial, at).name == "picturebot-20260101T000001Z"


async def test_a_link_to_no_database_yet_is_not_replaced(tmp_path: Path) -> None:
    await migrated(tmp_path)
    source, there = await made(tmp_path, tmp_path / "kept"), tmp_path / "there"
    there.mkdir()
    (there / "bot.db").symlink_to(tmp_path / "elsewhere.db")
    refused(await restored(source, there), "there is a database at ")


async def test_a_damaged_database_is_not_kept_as_a_backup(tmp_path: Path) -> None:
    await migrated(tmp_path)
    file = tmp_path / "bot.db"
    pages = file.read_bytes()
    file.write_bytes(pages[:8192] + bytes(8192) + pages[16384:])
    end = await ended(tmp_path, "backup", "kept", **place(tmp_path))
    refused(end, "no backup: ")
    assert not (tmp_path / "kept").exists()


# As where a disk is full: no file may be larger than 50 kB.
LIMITED = ("bash", "-c", 'ulimit -f 50; exec "$0" "$@"', sys.executable, "-m", "bot")


async def test_a_full_disk_while_restoring_leaves_no_database(tmp_path: Path) -> None:
    await migrated(tmp_path)
    source, there = await made(tmp_path, tmp_path / "kept"), tmp_path / "there"
    async with running(
        tmp_path, "restore", str(source), program=LIMITED, **place(there)
    ) as command:
        assert await within(command.process.wait()) == 1
    (line,) = command.said
    assert line.startswith("not restored: ")
    assert not list(there.glob("bot.db.restoring"))
    assert not (there / "bot.db").exists()
    assert (await restored(source, there)).code == 0


async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    await migrated(tmp_path)
    async with running(tmp_path, "backup", "kept", program=LIMITED, **place(tmp_path)) as command:
        assert await within(command.process.wait()) == 1
    (line,) = command.said
    assert line.startswith("no backup: ")
    assert not (tmp_path / "kept").exists()


async def test_a_backup_that_would_fill_the_disk_is_not_begun(tmp_path: Path) -> None:
    await migrated(tmp_path)
    end = await ended(tmp_path, "backup", "kept", **place(tmp_path), MIN_FREE_MB="999999999")
    refused(end, "MB free")
    assert not (tmp_path / "kept").exists()


async def test_a_damaged_picture_is_left_out_and_named(chat: Conversation) -> None:
    await drawn(chat)
    damaged = min((chat.folder / "media").glob("??/*"))
    damaged.write_bytes(b"rot" + damaged.read_bytes()[3:])
    end = await ended(chat.folder, "backup", "kept", **place(chat.folder))
    assert (end.code, end.stderr) == (1, f"picture {damaged.name} is damaged and left out\n")
    (source,) = backups(chat.folder / "kept")
    assert pictures(source) == pictures(chat.folder) - {damaged.name}
    assert (await restored(source, chat.folder / "there")).code == 0


async def test_a_missing_picture_is_named_and_without_any_there_is_no_backup(
    chat: Conversation,
) -> None:
    await drawn(chat)
    first, second = sorted((chat.folder / "media").glob("??/*"))
    first.rename(first.with_suffix(".aside"))
    end = await ended(chat.folder, "backup", "kept", **place(chat.folder))
    assert (end.code, end.stderr) == (1, f"picture {first.name} is missing\n")
    (source,) = backups(chat.folder / "kept")
    assert pictures(source) == {second.name}
    assert (await restored(source, chat.folder / "there")).code == 0
    second.unlink()
    end = await ended(chat.folder, "backup", "other", **place(chat.folder))
    refused(end, "none of the database's pictures is in ")
    assert not (chat.folder / "other").exists()


@pytest.mark.parametrize("name", ["bot.db", "media", "SHA256SUMS"])
async def test_a_damaged_backup_is_not_restored(chat: Conversation, name: str) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    file = min((source / "media").glob("??/*")) if name == "media" else source / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)
    there = chat.folder / "there"
    refused(await restored(source, there), "is damaged: " + file.relative_to(source).as_posix())
    assert not there.exists()


async def test_a_backup_that_lacks_a_picture_is_not_restored(chat: Conversation) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    file = min((source / "media").glob("??/*"))
    file.unlink()
    name = file.relative_to(source).as_posix()
    refused(await restored(source, chat.folder / "there"), f"is damaged: {name} is missing")


NO_FILES = ["media/xx", "media", "a picture", "bot.db", "SHA256SUMS", "manifest.json"]


@pytest.mark.parametrize("name", NO_FILES)
async def test_nothing_of_a_backup_is_reached_through_a_link(chat: Conversation, name: str) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    picture = min((source / "media").glob("??/*"))
    file = {"a picture": picture, "media/xx": picture.parent}.get(name, source / name)
    file.rename(chat.folder / "outside")
    file.symlink_to(chat.folder / "outside")
    end = await restored(source, chat.folder / "there")
    refused(end, "is not a backup" if name == "manifest.json" else "is damaged: ")
    assert not pictures(chat.folder / "there")


@pytest.mark.parametrize("name", NO_FILES[2:])
async def test_a_pipe_or_a_device_is_no_file_of_a_backup(chat: Conversation, name: str) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    file = min((source / "media").glob("??/*")) if name == "a picture" else source / name
    file.unlink()
    os.mkfifo(file)
    told = "is not a backup" if name == "manifest.json" else "is damaged: "
    refused(await restored(source, chat.folder / "there"), told)
    file.unlink()
    file.symlink_to("/dev/zero")
    refused(await restored(source, chat.folder / "there"), told)


@pytest.mark.parametrize("line", ["ä  media/ä\n", "a" * 1_000_000, "0  ../../bot.db\n"])
async def test_a_line_that_no_backup_has_is_damage(tmp_path: Path, line: str) -> None:
    await migrated(tmp_path)
    source = await made(tmp_path, tmp_path / "kept")
    sums, said = source / "SHA256SUMS", source / "manifest.json"
    sums.write_text(sums.read_text() + line)
    sha256 = hashlib.sha256(sums.read_bytes()).hexdigest()
    said.write_text(json.dumps(json.loads(said.read_text()) | {"sums": sha256}))
    refused(await restored(source, tmp_path / "there"), "is damaged: SHA256SUMS")


async def test_a_manifest_is_read_as_far_as_one_can_be_long(tmp_path: Path) -> None:
    await migrated(tmp_path)
    source = await made(tmp_path, tmp_path / "kept")
    with (source / "manifest.json").open("r+b") as file:
        file.truncate(1 << 40)
    refused(await restored(source, tmp_path / "there"), "is not a backup of this program")


async def test_a_link_among_the_pictures_is_missing(chat: Conversation) -> None:
    await drawn(chat)
    picture = min((chat.folder / "media").glob("??/*"))
    picture.rename(chat.folder / "outside")
    picture.symlink_to(chat.folder / "outside")
    end = await ended(chat.folder, "backup", "kept", **place(chat.folder))
    assert (end.code, end.stderr) == (1, f"picture {picture.name} is missing\n")


async def test_nothing_is_overwritten(chat: Conversation) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    there = chat.folder / "there"
    (there / "media" / "ab").mkdir(parents=True)
    stray = there / "media" / "ab" / f"ab{'0' * 62}"
    stray.write_text("a picture of another bot's")
    refused(await restored(source, there), "there are other pictures in ")
    stray.unlink()
    (there / "bot.db").write_text("a database")
    refused(await restored(source, there), "there is a database at ")
    assert (there / "bot.db").read_text() == "a database"
    (there / "bot.db").unlink()
    assert (await restored(source, there)).code == 0


async def test_a_restore_that_was_interrupted_is_begun_again(chat: Conversation) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    there = chat.folder / "there"
    assert (await restored(source, there)).code == 0
    (there / "bot.db").rename(there / "bot.db.restoring")
    name = min((there / "media").glob("??/*"))
    name.rename(f"{name}.restoring")
    assert (await restored(source, there)).code == 0
    assert pictures(there) == pictures(source)
    assert not list(there.rglob("*.restoring"))


async def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    await migrated(tmp_path)
    source = await made(tmp_path, tmp_path / "kept")
    manifest = json.loads((source / "manifest.json").read_text())
    (source / "manifest.json").write_text(json.dumps(manifest | {"revision": "9999"}))
    refused(await restored(source, tmp_path / "there"), "newer than this version of the bot knows")


async def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    refused(await restored(tmp_path, tmp_path / "there"), "is not a backup of this program")
    (tmp_path / "there").mkdir()
    await migrated(tmp_path / "there")
    source = await made(tmp_path / "there", tmp_path / "kept")
    end = await restored(tmp_path / "kept", tmp_path / "elsewhere")
    refused(end, f"is not a backup of this program; {source} is one")
    assert source.stat().st_mode & 0o077 == 0
    assert (source / "bot.db").stat().st_mode & 0o077 == 0
    end = await ended(tmp_path, "backup", **place(tmp_path))
    refused(end, "no backup: there is no database at ")


def forge(source: Path, sql: str, **manifest: object) -> None:
    """Change a backup's database and what it says, with checksums that fit."""
    with sqlite3.connect(source / "bot.db") as database:
        database.executescript(sql)
    database.close()
    lines = [
        f"{hashlib.sha256((source / name).read_bytes()).hexdigest()}  {name}\n"
        for name in [
            line.partition("  ")[2] for line in (source / "SHA256SUMS").read_text().splitlines()
        ]
    ]
    (source / "SHA256SUMS").write_text("".join(lines))
    said = json.loads((source / "manifest.json").read_text())
    said |= {"sums": hashlib.sha256("".join(lines).encode()).hexdigest(), **manifest}
    (source / "manifest.json").write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("sql", "manifest", "told"),
    [
        (
            "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM ledger; END",
            {},
            "the trigger t",
        ),
        ("DROP TABLE counters; CREATE VIEW counters AS SELECT 1", {}, "the view counters"),
        ("CREATE TABLE other (id)", {}, "its tables are not those of schema"),
        ("DROP TABLE jobs", {}, "its tables are not those of schema"),
        ("UPDATE alembic_version SET version_num = '0042'", {}, "its schema is 0042, not"),
        ("DELETE FROM alembic_version", {}, "its schema is None, not"),
        ("", {"files": 999}, "its pictures are not as many as it says"),
        ("", {"files": -5}, "is not a backup"),
        ("", {"revision": "\x1b]0;owned\x07"}, "is not a backup"),
    ],
)
async def test_a_backup_that_was_forged_is_not_restored(
    tmp_path: Path, sql: str, manifest: dict[str, object], told: str
) -> None:
    await migrated(tmp_path)
    source = await made(tmp_path, tmp_path / "kept")
    forge(source, sql, **manifest)
    refused(await restored(source, tmp_path / "there"), told)
    assert not (tmp_path / "there" / "bot.db").exists()


async def test_a_backup_without_a_line_for_its_database_is_not_restored(tmp_path: Path) -> None:
    await migrated(tmp_path)
    source = await made(tmp_path, tmp_path / "kept")
    (source / "SHA256SUMS").write_text("")
    forge(source, "")
    refused(await restored(source, tmp_path / "there"), "does not name bot.db")


async def test_books_that_do_not_agree_are_told_when_they_are_restored(chat: Conversation) -> None:
    await drawn(chat)
    source = await made(chat.folder, chat.folder / "kept")
    forge(source, "DELETE FROM ledger")
    end = await restored(source, chat.folder / "there")
    assert (end.code, end.stdout.endswith(", the books do not agree\n")) == (0, True)


async def test_an_older_backup_is_restored_and_migrated_by_the_start(tmp_path: Path) -> None:
    await migrated(tmp_path)
    with sqlite3.connect(tmp_path / "bot.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0009'")
    database.close()
    source = await made(tmp_path, tmp_path / "kept")
    assert "schema 0009" in (await restored(source, tmp_path / "there")).stdout


async def test_what_a_killed_backup_left_is_deleted_once_it_is_old(tmp_path: Path) -> None:
    await migrated(tmp_path)
    young, old = (tmp_path / "kept" / f"picturebot-{name}-1.partial" for name in ("young", "old"))
    for folder in (young, old):
        (folder / "media").mkdir(parents=True)
    os.utime(old, (0, 0))
    await made(tmp_path, tmp_path / "kept")
    assert (young.exists(), old.exists()) == (True, False)


async def test_a_bot_backs_itself_up_and_keeps_the_newest_of_a_day(
    start: Start, tmp_path: Path
) -> None:
    into = tmp_path / "kept"
    old = into / f"picturebot-{datetime.now(UTC) - timedelta(hours=2):%Y%m%dT%H%M%SZ}"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("{}")
    async with start(
        BACKUP_EVERY="1", BACKUP_DIR=str(into), BACKUP_KEEP_WEEKLY="0", BACKUP_KEEP_DAILY="1"
    ) as chat:
        async with patient():
            while old.exists():
                await asyncio.sleep(0.01)
        await chat.row(chat.alice, "a red fox", PICTURE)
    assert len(backups(into)) == 1


async def test_a_backup_of_the_future_keeps_none_from_being_made(
    start: Start, tmp_path: Path
) -> None:
    into = tmp_path / "kept"
    (into / "picturebot-20990101T000000Z").mkdir(parents=True)
    (into / "picturebot-20990101T000000Z" / "manifest.json").write_text("{}")
    async with start(BACKUP_EVERY="1", BACKUP_DIR=str(into)), patient():
        while len(backups(into)) < 2:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("place", ["kept", "n" * 300])  # a file, and what no folder can be called
async def test_a_bot_whose_backups_fail_goes_on(start: Start, tmp_path: Path, place: str) -> None:
    (tmp_path / "kept").write_text("no folder")
    with capture_logs() as logs:
        async with start(BACKUP_EVERY="1", BACKUP_DIR=str(tmp_path / place)) as chat:
            await chat.row(chat.alice, "a red fox", PICTURE)
            async with patient():
                while "no backup was made" not in [one["event"] for one in logs]:
                    await asyncio.sleep(0.01)
            await chat.row(chat.alice, "a blue fox", PICTURE)


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
TIMES = st.sets(
    st.builds(
        lambda day, hour: datetime(day.year, day.month, day.day, hour, tzinfo=UTC),
        DAYS,
        st.integers(0, 23),
    )
)


@given(TIMES, st.integers(1, 10), st.integers(0, 6))
def test_the_newest_of_the_last_days_and_weeks_are_kept(
    times: set[datetime], daily: int, weekly: int
) -> None:
    keep = kept(times, daily, weekly)
    assert keep <= times
    assert len(keep) <= daily + weekly
    assert not times or max(times) in keep
    days = sorted({at.date() for at in times})
    assert {at.date() for at in keep} >= set(days[-daily:])
    for at in keep:
        assert at == max(one for one in times if one.date() == at.date())


@given(DAYS, st.integers(1, 60), st.integers(1, 10), st.integers(0, 6))
def test_none_is_older_than_people_are_told(
    first: date, many: int, daily: int, weekly: int
) -> None:
    given = {"BACKUP_EVERY": "24", "BACKUP_KEEP_DAILY": str(daily)}
    settings = load_settings(given | {"BACKUP_KEEP_WEEKLY": str(weekly)}, None)
    there = set[datetime]()
    for day in range(many):
        made_at = datetime(first.year, first.month, first.day, 3, tzinfo=UTC) + timedelta(days=day)
        assert all(made_at - at <= timedelta(days=settings.backup_days) for at in there)
        there = kept(there | {made_at}, daily, weekly)
