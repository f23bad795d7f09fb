"""A backup: a folder with the database, the pictures and their checksums, whole or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, TextIO

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from bot.config import Settings
from bot.domain import BotError, CommandFailed, now
from bot.features.admin.missing_pictures import missing_pictures
from bot.media.regular import is_regular, open_regular
from bot.storage import saved_database
from bot.storage.sqlite_copy import sync

SUMS, MANIFEST = "SHA256SUMS", "manifest.json"
NAME, PARTIAL = "picturebot-%Y%m%dT%H%M%SZ", ".partial"
_STALE = 24 * 3600.0  # seconds after which what a backup left unfinished is nobody's
MIB = 1 << 20
_MOST_SAID = 32 * MIB  # bytes of a manifest, which names the pictures that are missing
_LINE = 200  # characters


class Manifest(BaseModel):
    """What a backup says of itself; `sums` is the sha256 of its list of checksums.

    `damaged` pictures were not what their names say and are not in it, `missing` ones were not
    there; `differences` are those of the books, which are kept as they are.
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
            fill(partial, settings, at, _Linked(partial / "media", newest(into)), go_on)
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

    def take(self, file: Path, sums: TextIO) -> None:
        """Take a picture, unless somebody erases it at this moment."""
        name = f"{file.parent.name}/{file.name}"
        try:
            size = file.stat().st_size
            whole = self._put(file, name)
        except FileNotFoundError:
            return
        if not whole:
            self.damaged.append(file.name)
            return
        self.files += 1
        self.bytes += size
        sums.write(f"{file.name}  media/{name}\n")

    @abstractmethod
    def _put(self, file: Path, name: str) -> bool:
        """Have a file in the backup; False where it is not what its name says, and not in it."""


def fill(
    folder: Path,
    settings: Settings,
    at: datetime,
    pictures: Pictures,
    go_on: Callable[[], object],
) -> None:
    """Save the database first: each picture that it names was kept before it was named."""
    url, media = settings.database_url.get_secret_value(), Path(settings.media_url)
    database = saved_database.save(url, folder, go_on)
    saved, days = saved_database.readable(database, folder, url), settings.media_retention_days
    missing = missing_pictures(saved, media, days, go_on) if saved else []
    with (folder / SUMS).open("w", encoding="ascii") as sums:
        sums.write(f"{digest(folder / database.name, go_on)}  {database.name}\n")
        for file in stored(media):
            go_on()
            pictures.take(file, sums)
    if missing and not pictures.files:  # backups of nothing would take the place of good ones
        raise CommandFailed(f"none of the database's pictures is in {media}: is its disk mounted?")
    sync(folder / SUMS)
    manifest = Manifest(
        made_at=at,
        database=database.name,
        revision=database.revision,
        server=database.server,
        files=pictures.files,
        bytes=pictures.bytes,
        damaged=pictures.damaged,
        missing=missing,
        differences=database.differences,
        sums=digest(folder / SUMS),
    )
    (folder / MANIFEST).write_text(f"{manifest.model_dump_json(indent=1)}\n", encoding="utf-8")
    for directory, _, names in os.walk(folder):
        for name in (".", MANIFEST) if MANIFEST in names else (".",):
            sync(Path(directory, name))


class _Linked(Pictures):
    """Links where there is one disk, copies where there are two.

    Each file is read and compared with its name in every backup: disks rot, and nothing else tells.
    On another disk the copy of the backup before is linked to, once it was compared as well.
    """

    def __init__(self, folder: Path, previous: Path | None) -> None:
        super().__init__()
        self._folder, self._previous = folder, previous

    def _put(self, file: Path, name: str) -> bool:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(file)
        except FileNotFoundError:
            raise
        except OSError:  # another disk
            if digest(file) != file.name:
                return False
            if self._taken_before(name, target):
                return True
            place(file, target)
        if digest(target) != file.name:
            target.unlink()
            return False
        return True

    def _taken_before(self, name: str, target: Path) -> bool:
        if self._previous is None:
            return False
        try:
            before = self._previous / "media" / name
            if digest(before) != target.name:
                return False
            target.hardlink_to(before)
        except OSError:
            return False
        return True


def place(source: Path, target: Path) -> None:
    """Put a file that never changes at a second place, durable but for its name; its age stays."""
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that knows no links
        shutil.copy2(source, target)
        sync(target)


def stored(media: Path) -> Iterator[Path]:
    """Name the files of a media store, in order, those on their way into it left out."""
    for number in range(256):
        folder = media / f"{number:02x}"
        if folder.is_dir():
            yield from (
                Path(entry.path)
                for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
                if len(entry.name) == 64 and entry.is_file(follow_symlinks=False)  # noqa: PLR2004 - a sha256
            )


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
