"""A backup: a folder with the database, the pictures and their checksums, whole or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from heapq import merge
from io import TextIOWrapper
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal, TextIO

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from bot.config import Settings
from bot.descriptors import sync
from bot.domain import BotError, CommandFailed, now
from bot.features.admin.missing_pictures import missing_pictures
from bot.media.file_names import KeptFile, key
from bot.media.folder_files import place
from bot.media.kept_files import KeptFiles, lent, open_files
from bot.media.regular import is_regular, open_regular
from bot.storage import saved_database

SUMS, MANIFEST = "SHA256SUMS", "manifest.json"
NAME, PARTIAL = "picturebot-%Y%m%dT%H%M%SZ", ".partial"
_STALE = 24 * 3600.0  # seconds after which what a backup left unfinished is nobody's
MIB = 1 << 20
_MOST_SAID = 32 * MIB  # bytes of a manifest, which names the pictures that are missing
_LINE = 200  # characters


class Manifest(BaseModel):
    """What a backup says of itself; `sums` is the sha256 of its list of checksums.

    `damaged` pictures were not what their names say and are not in it, `missing` ones were not
    there; `rescued` are those of both kinds that came out of an earlier backup. `differences` are those
    of the books, which are kept as they are.
    """

    format: Literal[1] = 1
    made_at: datetime
    database: saved_database.FileName
    revision: str = Field(pattern="^[0-9]{4}$")
    server: str
    files: NonNegativeInt
    bytes: NonNegativeInt
    damaged: list[str]
    missing: list[str]
    rescued: list[str] = []
    differences: list[str]
    sums: str


def make(settings: Settings, into: Path, go_on: Callable[[], object] = lambda: None) -> Path:
    """Back the database and all pictures up into a new folder in `into`; tell which.

    What is not verified is not kept. `go_on` is called again and again: what it raises ends it.
    Blocks. Raises CommandFailed, in one line.
    """
    at = now()
    with one_line("no backup"):
        url = settings.database_url.get_secret_value()
        with coming(into, at) as partial:
            check_room(into, saved_database.size(url) // MIB + settings.min_free_mb)
            fill(partial, settings, at, _Linked(partial / "media", into), go_on)
            whole = named(partial, at)
    return whole


@contextmanager
def coming(into: Path, at: datetime) -> Iterator[Path]:
    """Make a folder for a backup that has no name yet; whatever has none at the end goes."""
    new = [path for path in (into, *into.parents) if not path.exists()]
    into.mkdir(parents=True, exist_ok=True)
    _remove_stale(into)
    partial = into / f"{at:{NAME}}-{os.getpid()}{PARTIAL}"
    partial.mkdir(mode=0o700)  # it holds what people wrote
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # where there is a backup now
            for path in new:
                path.rmdir()


def named(partial: Path, at: datetime) -> Path:
    """Give a whole backup its name: that of a second, the next one where another has it."""
    while True:
        whole = partial.parent / f"{at:{NAME}}"
        try:
            if not os.path.lexists(whole):
                partial.rename(whole)
                break
        except OSError as error:  # another backup has taken it since
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
        at += timedelta(seconds=1)
    sync(whole.parent)
    return whole


@contextmanager
def one_line(what: str) -> Iterator[None]:
    """Raise CommandFailed for what the system, the database or the backup itself refuses."""
    try:
        yield
    except (BotError, OSError) as error:
        told = "".join(one if one.isprintable() else "?" for one in " ".join(str(error).split()))
        raise CommandFailed(f"{what}: {told}") from error


def check_room(folder: Path, need: int) -> None:
    if shutil.disk_usage(folder).free // MIB < need:
        raise CommandFailed(f"{folder} has less than {need} MB free")


class Pictures(ABC):
    """The pictures of a backup, as they are taken into it one after the other."""

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self.damaged: list[str] = []
        self.missing: list[str] = []
        self.rescued: list[str] = []

    def take(
        self, files: KeptFiles, sha256: str, kept: KeptFile | None, sums: TextIO, *, wanted: bool
    ) -> None:
        """Take a picture, where it is lost its copy of an earlier backup.

        One that is not `wanted` may be gone: somebody erases it at this moment.
        """
        lost, size = self.missing, None
        if kept:
            with suppress(FileNotFoundError):
                if self._put(files, kept):
                    size = kept.size
                else:
                    wanted, lost = True, self.damaged
        if size is None and wanted:
            size = self._rescue(key(sha256))
            (lost if size is None else self.rescued).append(sha256)
        if size is not None:
            self.files += 1
            self.bytes += size
            sums.write(f"{sha256}  media/{key(sha256)}\n")

    @abstractmethod
    def _put(self, files: KeptFiles, kept: KeptFile) -> bool:
        """Have a file in the backup; False where it is not what its name says, and not in it."""

    @abstractmethod
    def _rescue(self, name: str) -> int | None:
        """Have a good copy of an earlier backup in this one; tells its bytes, None where there is none."""


def fill(
    folder: Path,
    settings: Settings,
    at: datetime,
    pictures: Pictures,
    go_on: Callable[[], object],
) -> None:
    """Save the database first: each picture that it names was kept before it was named."""
    url, media = settings.database_url.get_secret_value(), settings.media_url
    database = saved_database.save(url, folder, go_on)
    saved, days = saved_database.readable(database, folder, url), settings.media_retention_days
    with (
        closing(open_files(settings)) as files,
        (folder / SUMS).open("w", encoding="ascii") as sums,
    ):
        missing = set(missing_pictures(saved, files, days, go_on) if saved else [])
        if missing and next(files.all(), None) is None:  # it would take good ones' place
            told = f"none of the database's pictures is in {media}: is its disk mounted?"
            raise CommandFailed(told)
        sums.write(f"{digest(folder / database.name, go_on)}  {database.name}\n")
        for sha256, kept in _with(missing, files):
            go_on()
            pictures.take(files, sha256, kept, sums, wanted=sha256 in missing)
    sync(folder / SUMS)
    manifest = Manifest(
        made_at=at,
        database=database.name,
        revision=database.revision,
        server=database.server,
        files=pictures.files,
        bytes=pictures.bytes,
        damaged=pictures.damaged,
        missing=pictures.missing,
        rescued=pictures.rescued,
        differences=database.differences,
        sums=digest(folder / SUMS),
    )
    (folder / MANIFEST).write_text(f"{manifest.model_dump_json(indent=1)}\n", encoding="utf-8")
    for directory, _, names in os.walk(folder):
        for name in (".", MANIFEST) if MANIFEST in names else (".",):
            sync(Path(directory, name))


def _with(missing: set[str], files: KeptFiles) -> Iterator[tuple[str, KeptFile | None]]:
    """Name the files that are kept and those that are not, in order; one may have come meanwhile."""
    there = ((kept.sha256, kept) for kept in files.all())
    gone = ((sha256, None) for sha256 in sorted(missing))
    for _, same in groupby(merge(there, gone, key=itemgetter(0)), itemgetter(0)):
        yield next(same)


class _Linked(Pictures):
    """Links where there is one disk, copies where there are two.

    Each file is read and compared with its name in every backup: disks rot, and nothing else tells.
    On another disk the copy of the backup before is linked to, once it was compared as well; what is
    in a bucket, which looks after itself, is only fetched where there is no such copy.
    """

    def __init__(self, folder: Path, into: Path) -> None:
        super().__init__()
        self._folder, self._into, self._previous = folder, into, newest(into)

    def _put(self, files: KeptFiles, kept: KeptFile) -> bool:
        name = key(kept.sha256)
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if files.threads and self._previous and self._taken(self._previous, name, target):
            return True
        with lent(files, kept.sha256) as file:
            return self._placed(file, name, target)

    def _placed(self, file: Path, name: str, target: Path) -> bool:
        try:
            target.hardlink_to(file)
        except FileNotFoundError:
            raise
        except OSError:  # another disk
            if digest(file) != target.name:
                return False
            if self._previous and self._taken(self._previous, name, target):
                return True
            place(file, target)
        if digest(target) != target.name:
            target.unlink()
            return False
        return True

    def _rescue(self, name: str) -> int | None:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        earlier = sorted(backups(self._into), reverse=True)
        taken = any(self._taken(one, name, target) for one in earlier)
        return target.stat().st_size if taken else None

    @staticmethod
    def _taken(earlier: Path, name: str, target: Path) -> bool:
        before = earlier / "media" / name
        try:
            if digest(before) != target.name:
                return False
            place(before, target)
        except OSError:
            return False
        return True


def digest(file: Path, go_on: Callable[[], object] = lambda: None) -> str:
    found = hashlib.sha256()
    with open_regular(file) as reading:
        while data := reading.read(MIB):
            found.update(data)
            go_on()
    return found.hexdigest()


def read_sums(file: Path) -> Iterator[tuple[str, str]]:
    """Read what `sha256sum -c` would: each file's checksum and name; a line of ours is short."""
    with TextIOWrapper(open_regular(file), "ascii", "replace") as lines:
        while line := lines.readline(_LINE):
            sha256, _, name = line.rstrip("\n").partition("  ")
            yield sha256, name


def backups(folder: Path) -> dict[Path, datetime]:
    """Find the whole backups in a folder, by their names; a link to one is somebody else's."""
    found: dict[Path, datetime] = {}
    for path in folder.glob("picturebot-*Z"):
        if is_regular(path / MANIFEST) and not path.is_symlink():
            with suppress(ValueError):
                found[path] = made_at(path)
    return found


def made_at(backup: Path) -> datetime:
    """Read the moment in a backup's name; raises ValueError where there is none."""
    return datetime.strptime(backup.name, NAME).replace(tzinfo=UTC)


def read_manifest(folder: Path) -> Manifest:
    """Read what a backup says of itself; raises CommandFailed where it is none that we know."""
    try:
        with open_regular(folder / MANIFEST) as file:
            return Manifest.model_validate_json(file.read(_MOST_SAID))
    except (OSError, ValidationError) as error:
        inside = f"; {latest} is one" if (latest := newest(folder)) else ""
        raise CommandFailed(f"{folder} is not a backup of this program{inside}") from error


def newest(folder: Path) -> Path | None:
    """Find the newest backup in a folder; one of the future, when the clock was wrong, is none."""
    until = now()
    made = {at: path for path, at in backups(folder).items() if at <= until}
    return made[max(made)] if made else None


def last_made(folder: Path) -> datetime | None:
    """Tell when the newest backup in a folder was made; None where there is none."""
    latest = newest(folder)
    return made_at(latest) if latest else None


def prune(folder: Path, daily: int, weekly: int) -> list[Path]:
    """Delete the backups that are not kept any more, each at once as far as its name goes."""
    found = backups(folder)
    keep = kept(set(found.values()), daily, weekly)
    old = [path for path, at in found.items() if at not in keep]
    for path in old:
        shutil.rmtree(path.rename(path.with_name(f"{path.name}-{os.getpid()}{PARTIAL}")))
    return old


def kept(times: set[datetime], daily: int, weekly: int) -> set[datetime]:
    """Keep the newest of each of the last `daily` days and `weekly` weeks that have one (UTC)."""
    days = {at.date(): at for at in sorted(times)}
    weeks = {at.isocalendar()[:2]: at for at in sorted(times)}
    newest = sorted(days)[-daily:] if daily else []
    return {days[day] for day in newest} | {
        weeks[week] for week in (sorted(weeks)[-weekly:] if weekly else [])
    }


def _remove_stale(folder: Path) -> None:
    until = now().timestamp() - _STALE
    for path in folder.glob(f"picturebot-*{PARTIAL}"):
        if path.lstat().st_mtime < until:
            shutil.rmtree(path, ignore_errors=True)
