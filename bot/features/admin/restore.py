"""Restoring: a backup becomes the bot's database and pictures, where there are none yet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bot.config import Settings
from bot.features.admin import backup
from bot.features.admin.backup import DATABASE, SUMS, Manifest
from bot.features.admin.cli import CommandFailed
from bot.storage import sqlite_copy
from bot.storage.schema import REVISION, SchemaTooNew, held, sqlite_file

_COMING = ".restoring"


def restore(settings: Settings, source: Path) -> Manifest:
    """Put a backup where the settings say, once it has turned out to be whole; tell what it was.

    Where a database is, or a picture that is not of this backup, nothing is changed. The database
    comes last: who was stopped in between does it again. Blocks. Raises CommandFailed, in one line.
    """
    with backup.one_line("not restored"):
        manifest = backup.read_manifest(source)
        if manifest.revision > REVISION:
            raise SchemaTooNew(manifest.revision)
        url = settings.database_url.get_secret_value()
        database, media = sqlite_file(url), Path(settings.media_url)
        if database is None:
            raise CommandFailed("this backup is for SQLite: let DATABASE_URL name a file")
        with held(url):
            _check_empty(database, media, source)
            _check_whole(source, manifest)
            _put(source, database, media)
    return manifest


def _check_empty(database: Path, media: Path, source: Path) -> None:
    for suffix in ("", "-wal", "-journal"):
        if Path(f"{database}{suffix}").exists():
            raise CommandFailed(f"there is a database at {database} already")
    for file in backup.stored(media):
        if not (source / "media" / file.parent.name / file.name).exists():
            raise CommandFailed(f"there are other pictures in {media} already")


def _check_whole(source: Path, manifest: Manifest) -> None:
    """Compare every file with its checksum, then look into the database."""
    try:
        if backup.digest(source / SUMS) != manifest.sums:
            raise CommandFailed(f"{source} is damaged: {SUMS}")
        for sha256, name in _sums(source):
            if name not in {DATABASE, f"media/{sha256[:2]}/{sha256}"}:  # nor `media/../../etc/…`
                raise CommandFailed(f"{source} is damaged: {SUMS}")
            if backup.digest(source / name) != sha256:
                raise CommandFailed(f"{source} is damaged: {name}")
    except FileNotFoundError as error:
        name = os.path.relpath(error.filename, source)
        raise CommandFailed(f"{source} is damaged: {name} is missing") from error
    if sqlite_copy.inspect(source / DATABASE, REVISION).revision != manifest.revision:
        raise CommandFailed(f"{source} is damaged: {DATABASE} has another schema")


def _sums(source: Path) -> Iterator[tuple[str, str]]:
    with (source / SUMS).open(encoding="ascii") as lines:
        for line in lines:
            sha256, _, name = line.rstrip("\n").partition("  ")
            yield sha256, name


def _put(source: Path, database: Path, media: Path) -> None:
    for _, name in _sums(source):
        target = media / Path(name).relative_to("media") if name != DATABASE else None
        if target and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            coming = Path(f"{target}{_COMING}")
            coming.unlink(missing_ok=True)
            backup.place(source / name, coming)
            coming.rename(target)
    media.mkdir(parents=True, exist_ok=True)
    for folder in {media, *(path for path in media.glob("??") if path.is_dir())}:
        backup.sync(folder)
    coming = Path(f"{database}{_COMING}")
    shutil.copyfile(source / DATABASE, coming)
    backup.sync(coming)
    coming.rename(database)
    backup.sync(database.parent)
