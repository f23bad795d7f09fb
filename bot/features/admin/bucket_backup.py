"""Backups in a bucket: a folder each, and one folder of pictures that all of them share.

Below `s3://bucket/prefix` are `media/ab/<sha256>`, sent once, and `picturebot-<time>/` with the
database, `SHA256SUMS` and `manifest.json`. The manifest comes last: what has one is whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.config import Settings
from bot.domain import CommandFailed, now
from bot.features.admin import backup, restore
from bot.features.admin.backup import MANIFEST, MIB, NAME, SUMS, Manifest, Pictures
from bot.features.admin.backup_place import here
from bot.media.bucket import Bucket, BucketFailed
from bot.media.file_names import KeptFile, key
from bot.media.kept_files import KeptFiles, lent
from bot.storage import saved_database

_BEGUN = "begun"  # an empty object, there before the first picture is looked for
_ABANDONED = timedelta(hours=24)  # after which a backup without a manifest is nobody's
_COMING = ".restoring"
_SECOND = timedelta(seconds=1)
_PICTURE = re.compile(r"media/([0-9a-f]{2})/\1[0-9a-f]{62}")


def make(settings: Settings, url: str, go_on: Callable[[], object]) -> tuple[str, Manifest]:
    """Back up into a bucket; tell where, and what. Of one in BACKUP_DIR the manifest stays here.

    Only the database is written to this disk, as long as it takes. Blocks. Raises CommandFailed.
    """
    at = now()
    with backup.one_line("no backup"), backup.coming(here(settings, url), at) as partial:
        database = saved_database.size(settings.database_url.get_secret_value())
        backup.check_room(partial, database // MIB + settings.min_free_mb)
        bucket = Bucket(url, settings, go_on)
        there = set(bucket.folders())
        while (name := f"{at:{NAME}}") in there:
            at += _SECOND
        bucket.mark(f"{name}/{_BEGUN}")
        try:
            backup.fill(partial, settings, at, _Sent(bucket), go_on)
            _check_pictures(bucket, partial / SUMS)
            manifest = backup.read_manifest(partial)
            for file in (manifest.database, SUMS, MANIFEST):
                bucket.put(f"{name}/{file}", partial / file)
        except BaseException:
            with suppress(
                BucketFailed
            ):  # it may be what this failed of; a day later it is nobody's
                begun = Bucket(url, settings)
                begun.delete(begun.sizes(name))
            raise
        if url == settings.backup_dir:
            for file in (manifest.database, SUMS):
                (partial / file).unlink()
            backup.named(partial, at)
    return f"{bucket.url}/{name}", manifest


class _Sent(Pictures):
    """Sends what is not there yet; each file is read, and compared with its name, in every backup.

    What is in another bucket is only read where it is not there yet.
    """

    def __init__(self, bucket: Bucket) -> None:
        super().__init__()
        self._bucket, self._folder = bucket, ""
        self._there: dict[str, int] = {}

    def _put(self, files: KeptFiles, kept: KeptFile) -> bool:
        there = self._rescue(key(kept.sha256)) == kept.size
        if there and files.threads:
            return True
        with lent(files, kept.sha256) as file:
            if backup.digest(file) != kept.sha256:
                return False
            if not there:
                self._bucket.put(f"media/{key(kept.sha256)}", file)
        return True

    def _rescue(self, name: str) -> int | None:
        if self._folder != (folder := f"media/{name[:2]}"):
            self._folder, self._there = folder, self._bucket.sizes(folder)
        return self._there.get(f"media/{name}")


def _check_pictures(bucket: Bucket, sums: Path) -> None:
    """Make sure that all are there: another backup's end may have deleted some meanwhile."""
    for folder, names in _folders(sums):
        if gone := names - bucket.sizes(folder).keys():
            raise CommandFailed(f"{bucket.url}/{min(gone)} is gone again")


def _folders(sums: Path) -> Iterator[tuple[str, set[str]]]:
    """Read the names of pictures, folder by folder: they are in order."""
    names = (name for _, name in backup.read_sums(sums) if name.startswith("media/"))
    for folder, group in groupby(names, lambda name: name.rpartition("/")[0]):
        yield folder, set(group)


def prune(settings: Settings, daily: int, weekly: int, go_on: Callable[[], object]) -> list[str]:
    """Delete the backups that are not kept any more, then the pictures that none of the others names.

    While another backup is made nothing is: it may count on any picture. Raises BucketFailed, OSError.
    """
    backup.prune(here(settings), daily, weekly)
    bucket = Bucket(settings.backup_dir, settings, go_on)
    found, unfinished = _backups(bucket)
    if any(abs(now() - at) < _ABANDONED for at in unfinished.values()):
        return []
    keep = backup.kept(set(found.values()), daily, weekly)
    old = sorted(name for name, at in found.items() if at not in keep)
    if not old and not unfinished:
        return []
    bucket.delete(f"{name}/{MANIFEST}" for name in old)
    _delete_pictures(bucket, sorted(found.keys() - set(old)), here(settings))
    for name in (*old, *unfinished):
        bucket.delete(bucket.sizes(name))
    return [f"{bucket.url}/{name}" for name in old]


def _backups(bucket: Bucket) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Find the whole backups and the others, by their names."""
    found: dict[str, datetime] = {}
    unfinished: dict[str, datetime] = {}
    for name in bucket.folders():
        with suppress(ValueError):
            at = backup.made_at(Path(name))
            whole = f"{name}/{MANIFEST}" in bucket.sizes(name)
            (found if whole else unfinished)[name] = at
    return found, unfinished


def _delete_pictures(bucket: Bucket, kept: Iterable[str], place: Path) -> None:
    with TemporaryDirectory(prefix="sums-", dir=place) as made:
        folder = Path(made)
        for name in kept:
            _get(bucket, f"{name}/{SUMS}", folder / name)
        named = merge(*map(_folders, sorted(folder.iterdir())), key=itemgetter(0))
        ahead = next(named, None)
        for media in (f"media/{number:02x}" for number in range(256)):
            used = set[str]()
            while ahead and ahead[0] == media:
                used |= ahead[1]
                ahead = next(named, None)
            bucket.delete({*filter(_PICTURE.fullmatch, bucket.sizes(media))} - used)


def fetch(settings: Settings, url: str) -> Manifest:
    """Restore a backup of a bucket; all of it is brought here first, beside the pictures.

    Blocks. Raises CommandFailed, also where a database is already, before anything is brought.
    """
    place, _, name = url.rstrip("/").rpartition("/")
    with backup.one_line("not restored"):
        bucket = Bucket(place, settings)
        coming = here(settings, place) / f"{name}{_COMING}"
        shutil.rmtree(coming, ignore_errors=True)
        coming.mkdir(mode=0o700, parents=True)
        try:
            if not (_is_name(name) and bucket.get(f"{name}/{MANIFEST}", coming / MANIFEST)):
                raise CommandFailed(f"{url} is not a backup of this program{_hint(url, settings)}")
            manifest = backup.read_manifest(coming)
            saved_database.check_place(settings.database_url.get_secret_value(), manifest.database)
            backup.check_room(coming, manifest.bytes // MIB + settings.min_free_mb)
            _get(bucket, f"{name}/{SUMS}", coming / SUMS)
            for _, file in restore.named(coming, manifest):
                (coming / file).parent.mkdir(parents=True, exist_ok=True)
                shared = file.startswith("media/")
                _get(bucket, file if shared else f"{name}/{file}", coming / file)
            return restore.restore(settings, coming)
        finally:
            shutil.rmtree(coming, ignore_errors=True)


def _is_name(name: str) -> bool:
    with suppress(ValueError):
        return bool(backup.made_at(Path(name)))
    return False


def _hint(url: str, settings: Settings) -> str:
    """Name the newest backup that is there, where somebody has said only where backups are."""
    bucket = Bucket(url, settings)
    found, _ = _backups(bucket)
    return f"; {bucket.url}/{max(found)} is one" if found else ""


def _get(bucket: Bucket, name: str, into: Path) -> None:
    if not bucket.get(name, into):
        raise CommandFailed(f"{bucket.url}/{name} is missing")
