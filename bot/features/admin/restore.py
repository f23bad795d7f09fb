"""Restoring: a backup becomes the bot's database and pictures, where there are none yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bot.config import Settings
from bot.domain import CommandFailed
from bot.features.admin import backup
from bot.features.admin.backup import SUMS, Manifest
from bot.media.file_names import key
from bot.media.kept_files import KeptFiles, open_files
from bot.media.regular import is_regular
from bot.storage import saved_database
from bot.storage.schema import REVISION, SchemaTooNew


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
        # Before the lock, too, whose file stays: who is refused finds nothing new.
        saved_database.check_place(url, manifest.database)
        with closing(open_files(settings)) as files:
            _check_pictures(files, source, settings.media_url)
            differences = _check_whole(source, manifest)
            with saved_database.held(url):
                saved_database.check_place(url, manifest.database)
                _put(source, files)
                saved_database.put(source / manifest.database, url, manifest.made_at)
    return manifest.model_copy(update={"differences": differences})


def _check_pictures(files: KeptFiles, source: Path, url: str) -> None:
    for kept in files.all():
        if not is_regular(source / "media" / key(kept.sha256)):
            raise CommandFailed(f"there are other pictures in {url} already")


def named(source: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Read the checksums and names of a backup's files, and none that a backup does not have."""
    if backup.digest(source / SUMS) != manifest.sums:
        raise CommandFailed(f"{source} is damaged: {SUMS}")
    for sha256, name in backup.read_sums(source / SUMS):
        if name not in {manifest.database, f"media/{sha256[:2]}/{sha256}"}:  # nor `media/../etc/…`
            raise CommandFailed(f"{source} is damaged: {SUMS}")
        yield sha256, name


def _check_whole(source: Path, manifest: Manifest) -> list[str]:
    """Compare every file with its checksum, then look into the database; tell where its books differ.

    Nothing may be a link: what it leads to could be another file later.
    """
    media = source / "media"
    for folder in (media, *media.glob("??")):
        if folder.is_symlink():
            raise CommandFailed(f"{source} is damaged: {folder.relative_to(source)} is a link")
    sizes: dict[str, int] = {}
    try:
        for sha256, name in named(source, manifest):
            if name in sizes or backup.digest(source / name) != sha256:
                raise CommandFailed(f"{source} is damaged: {name}")
            sizes[name] = (source / name).stat().st_size
    except FileNotFoundError as error:
        name = os.path.relpath(error.filename, source)
        raise CommandFailed(f"{source} is damaged: {name} is missing") from error
    if sizes.pop(manifest.database, None) is None:
        raise CommandFailed(f"{source} is damaged: {SUMS} does not name {manifest.database}")
    if (len(sizes), sum(sizes.values())) != (manifest.files, manifest.bytes):
        raise CommandFailed(f"{source} is damaged: its pictures are not as many as it says")
    return saved_database.check(source / manifest.database, manifest.revision)


def _put(source: Path, files: KeptFiles) -> None:
    for sha256, name in backup.read_sums(source / SUMS):
        if name.startswith("media/") and files.missing([sha256]):
            files.adopt(source / name, sha256)
