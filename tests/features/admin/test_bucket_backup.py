"""Backups in a bucket of S3, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest

from bot.config import load_settings
from bot.features.admin import bucket_backup
from tests.conftest import Start
from tests.features.admin.test_backup import RESCUED, drawn, pictures, place, refused, rot
from tests.support.command import PROGRAM, Ended, ended, running
from tests.support.conversation import PICTURE, Conversation, environment
from tests.support.database import migrated
from tests.support.s3 import BUCKET, S3, SECRET
from tests.support.waiting import patient

pytestmark = pytest.mark.about_file  # test_postgres_backup.py has those of a Postgres
PLACE = f"s3://{BUCKET}/bots/one"
OLD = "picturebot-20260101T000000Z"


class Stopped(Exception):
    pass


async def backup(s3: S3, folder: Path, *words: str, **more: str) -> Ended:
    variables = place(folder) | {"BACKUP_DIR": PLACE} | s3.variables
    end = await ended(folder, "backup", *words, **variables | more)
    assert SECRET not in end.stdout + end.stderr
    return end


async def made(s3: S3, folder: Path, *words: str, **more: str) -> str:
    """Make a backup, and tell its URL."""
    end = await backup(s3, folder, *words, **more)
    assert end.code == 0, end
    return end.stdout.partition(": ")[0]


def save_large(folder: Path) -> None:
    """Keep a picture of several parts."""
    content = bytes(20 << 20)
    sha256 = hashlib.sha256(content).hexdigest()
    file = folder / "media" / sha256[:2] / sha256
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def name(url: str) -> str:
    return url.rpartition("/")[2]


def put(s3: S3, path: str, content: bytes) -> None:
    obstore.put(s3.store(), f"bots/one/{path}", content)


async def test_what_was_sent_is_restored_elsewhere(s3: S3, chat: Conversation) -> None:
    await drawn(chat)
    save_large(chat.folder)
    url = await made(s3, chat.folder)
    there = chat.folder / "there"
    end = await ended(chat.folder, "restore", url, **place(there), **s3.variables)
    assert end.code == 0, end
    assert pictures(there) == pictures(chat.folder)
    audit = await ended(chat.folder, "audit", **place(there))
    assert audit.stdout.endswith("the books agree\n"), audit
    assert max(size for _, _, size in s3.requests) <= 5 << 20  # a part is all that is in memory
    assert {path.name for path in there.iterdir()} <= {
        "bot.db",
        "bot.db.lock",
        "media",
        "media-backups",
    }
    assert list((there / "media-backups").iterdir()) == []


async def test_a_picture_is_sent_once_and_shared_by_all_backups(s3: S3, chat: Conversation) -> None:
    await drawn(chat)
    first = await made(s3, chat.folder, PLACE)
    assert len([path for path in s3.sent() if "/media/" in path]) == 2
    second = await made(s3, chat.folder, PLACE)
    assert not [path for path in s3.sent() if "/media/" in path]
    assert first != second
    for url in (first, second):
        there = chat.folder / name(url)
        end = await ended(chat.folder, "restore", url, **place(there), **s3.variables)
        assert end.code == 0, end
        assert pictures(there) == pictures(chat.folder)


async def test_what_has_rotted_or_is_gone_is_as_it_was_in_the_bucket(
    s3: S3, chat: Conversation
) -> None:
    await drawn(chat)
    await made(s3, chat.folder, PLACE)
    rotten, gone = sorted((chat.folder / "media").glob("??/*"))
    before = {file.name: file.read_bytes() for file in (rotten, gone)}
    rot(rotten)
    gone.unlink()
    end = await ended(chat.folder, "backup", PLACE, **place(chat.folder), **s3.variables)
    told = "; ".join(map(RESCUED.format, before)) + "\n"
    assert (end.code, end.stderr) == (1, told)
    latest = max(one.split("/")[2] for one in s3.names() if one.endswith("manifest.json"))
    there = chat.folder / "there"
    again = await ended(chat.folder, "restore", f"{PLACE}/{latest}", **place(there), **s3.variables)
    assert again.code == 0, again
    assert {file.name: file.read_bytes() for file in (there / "media").glob("??/*")} == before


async def test_old_ones_go_with_the_pictures_that_nobody_else_has(
    s3: S3, chat: Conversation
) -> None:
    await drawn(chat)
    mine = {f"bots/one/media/{one[:2]}/{one}" for one in pictures(chat.folder)}
    shared, gone = min(pictures(chat.folder)), "ab" * 32
    sums = sorted((one[:2], one) for one in (shared, gone))
    put(s3, f"{OLD}/SHA256SUMS", "".join(f"{one}  media/{at}/{one}\n" for at, one in sums).encode())
    put(s3, f"{OLD}/bot.db", b"a database")
    put(s3, f"{OLD}/manifest.json", b"{}")
    put(s3, f"media/{gone[:2]}/{gone}", b"a picture")
    put(s3, "media/ab/notes.txt", b"somebody else's")
    obstore.put(s3.store(), f"bots/two/{OLD}/manifest.json", b"{}")
    few = {"BACKUP_KEEP_DAILY": "1", "BACKUP_KEEP_WEEKLY": "0"}
    working = f"picturebot-{datetime.now(UTC) - timedelta(hours=1):%Y%m%dT%H%M%SZ}"
    put(s3, f"{working}/begun", b"")
    url = await made(s3, chat.folder, **few)
    assert f"bots/one/{OLD}/bot.db" in s3.names()
    obstore.delete(s3.store(), f"bots/one/{working}/begun")
    obstore.delete(s3.store(), list(s3.names(f"bots/one/{name(url)}")))
    put(s3, "picturebot-20260102T000000Z/begun", b"")
    end = await backup(s3, chat.folder, **few)
    assert (end.code, end.stdout.splitlines()[1:]) == (0, [f"deleted {PLACE}/{OLD}"])
    url = end.stdout.partition(": ")[0]
    kept = {
        f"bots/one/{name(url)}/{file}"
        for file in ("begun", "bot.db", "SHA256SUMS", "manifest.json")
    }
    assert s3.names("bots/one") == mine | kept | {"bots/one/media/ab/notes.txt"}
    assert s3.names("bots/two") != set()


async def test_a_server_that_fails_for_a_while_is_asked_again(s3: S3, tmp_path: Path) -> None:
    await migrated(tmp_path)
    s3.failing = 3
    await made(s3, tmp_path)
    assert s3.failing == 0


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        (("s3://nobody/bot",), {}, "no backup: s3://nobody/bot: NoSuchBucket"),
        (("s3://",), {}, "no backup: s3:// names no bucket"),
        ((), {"AWS_SECRET_ACCESS_KEY": "with a blank"}, "AWS_SECRET_ACCESS_KEY must be one word"),
        ((), {"AWS_ENDPOINT_URL": "http://s3.example.org"}, "AWS_ENDPOINT_URL must be https://"),
    ],
)
async def test_what_cannot_be_used_is_told_in_a_line(
    s3: S3, tmp_path: Path, words: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    await migrated(tmp_path)
    refused(await backup(s3, tmp_path, *words, **variables), told)
    assert s3.names() == set()
    assert list((tmp_path / "media-backups").glob("*")) == []


async def test_keys_are_read_from_files(s3: S3, tmp_path: Path) -> None:
    await migrated(tmp_path)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / ".env").write_text("AWS_ACCESS_KEY_ID=AKIAOTHER\n")
    given = {"AWS_SECRET_ACCESS_KEY": "", "AWS_SECRET_ACCESS_KEY_FILE": str(tmp_path / "secret")}
    await made(s3, tmp_path, **given, AWS_ACCESS_KEY_ID="")


@pytest.mark.parametrize("lost", ["media", "bot.db", "SHA256SUMS"])
async def test_a_backup_that_has_lost_something_is_not_restored(
    s3: S3, chat: Conversation, lost: str
) -> None:
    await drawn(chat)
    url = await made(s3, chat.folder)
    path = min(one for one in s3.names("bots/one") if f"/{lost}" in one)
    there = chat.folder / "there"
    put(s3, path.removeprefix("bots/one/"), b"rot")
    end = await ended(chat.folder, "restore", url, **place(there), **s3.variables)
    refused(end, "is damaged: ")
    obstore.delete(s3.store(), path)
    end = await ended(chat.folder, "restore", url, **place(there), **s3.variables)
    refused(end, f"not restored: s3://{BUCKET}/{path} is missing")
    assert {one.name for one in there.rglob("*") if one.is_file()} <= {"bot.db.lock"}


async def test_who_names_no_backup_is_told_one(s3: S3, tmp_path: Path) -> None:
    await migrated(tmp_path)
    url = await made(s3, tmp_path)
    there = tmp_path / "there"
    end = await ended(tmp_path, "restore", PLACE, **place(there), **s3.variables)
    refused(end, f"{PLACE} is not a backup of this program; {url} is one")
    end = await ended(tmp_path, "restore", url, **place(tmp_path), **s3.variables)
    refused(end, "there is a database at ")


async def test_one_that_is_killed_is_none_and_the_next_one_goes_well(
    s3: S3, chat: Conversation
) -> None:
    await drawn(chat)
    s3.held = ("/media/", threading.Event())
    variables = place(chat.folder) | s3.variables
    async with running(chat.folder, "backup", PLACE, program=PROGRAM, **variables) as command:
        async with patient():
            while not any("/media/" in path for method, path, _ in s3.requests if method == "PUT"):
                await asyncio.sleep(0.01)
        command.process.kill()
        await command.process.wait()
    s3.held[1].set()
    s3.held = None
    (half,) = {one.split("/")[2] for one in s3.names("bots/one") if "picturebot-" in one}
    there = chat.folder / "there"
    end = await ended(chat.folder, "restore", f"{PLACE}/{half}", **place(there), **s3.variables)
    refused(end, "is not a backup of this program")
    url = await made(s3, chat.folder)
    end = await ended(chat.folder, "restore", url, **place(there), **s3.variables)
    assert end.code == 0, end


async def test_who_waits_no_more_ends_it_within_a_large_file(s3: S3, tmp_path: Path) -> None:
    await migrated(tmp_path)
    save_large(tmp_path)
    settings = load_settings(place(tmp_path) | s3.variables, None)

    def go_on() -> None:
        if any(size == 5 << 20 for _, _, size in s3.requests):
            raise Stopped

    with pytest.raises(Stopped):
        await asyncio.to_thread(bucket_backup.make, settings, PLACE, go_on)
    assert s3.names() == set()
    assert not (tmp_path / "media-backups").exists()


async def test_a_bot_sends_its_backups_and_knows_how_old_they_are(
    s3: S3, start: Start, tmp_path: Path
) -> None:
    async with start(BACKUP_EVERY="1", BACKUP_DIR=PLACE, **s3.variables) as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        async with patient():
            while not any(one.endswith("/manifest.json") for one in s3.names()):
                await asyncio.sleep(0.05)
        async with patient():
            while not (found := _manifests(tmp_path)):
                await asyncio.sleep(0.01)
    assert json.loads(found[0].read_text())["format"] == 1
    assert [one.name for one in found[0].parent.iterdir()] == ["manifest.json"]
    end = await ended(tmp_path, "doctor", "--json", **place(tmp_path), BACKUP_DIR=PLACE)
    assert f"the newest in {PLACE} is of " in end.stdout


def _manifests(folder: Path) -> list[Path]:
    return list((folder / "media-backups").glob("*Z/manifest.json"))


async def test_pictures_of_a_bucket_are_backed_up_looked_at_and_restored(
    s3: S3, start: Start, tmp_path: Path
) -> None:
    async with start(**s3.media(tmp_path)) as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        given = place(tmp_path) | s3.media(tmp_path)
        for into in (str(tmp_path / "saved"), PLACE, PLACE):
            end = await ended(tmp_path, "backup", into, **given)
            assert (end.code, end.stderr) == (0, ""), end
            assert ", 1 pictures (" in end.stdout
        saved = end.stdout.partition(": ")[0]
        audit = await ended(tmp_path, "doctor", **environment(chat.world, tmp_path, **given))
        assert "every picture of the database is there" in audit.stdout
        (picture,) = await chat.store.read(lambda tx: tx.pictures.of_job(1))
        kept = f"bot/{picture.sha256[:2]}/{picture.sha256}"
        content = bytes(obstore.get(s3.store(), kept).bytes())
        obstore.delete(s3.store(), kept)
        audit = await ended(tmp_path, "doctor", **environment(chat.world, tmp_path, **given))
        assert f"pictures are missing in s3://{BUCKET}/bot: {picture.sha256}" in audit.stdout
        there = given | {"DATABASE_URL": f"sqlite:///{tmp_path}/there/bot.db"}
        end = await ended(tmp_path, "restore", saved, **there)
        assert end.code == 0, end
        assert bytes(obstore.get(s3.store(), kept).bytes()) == content
        nowhere = given | {"MEDIA_URL": "s3://nobody/bot"}
        audit = await ended(tmp_path, "doctor", **environment(chat.world, tmp_path, **nowhere))
        assert "MEDIA_URL cannot be used: s3://nobody/bot: NoSuchBucket" in audit.stdout
