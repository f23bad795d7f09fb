"""Copying pictures: from a folder into a bucket of S3, back, or to another one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import DownloadColumn

from bot.config import Settings
from bot.domain import BotError, CommandFailed, StartError
from bot.features.admin.backup import MIB, check_room, one_line
from bot.features.admin.places import nearest
from bot.features.admin.progress import Tell, show_progress
from bot.media.file_names import KeptFile, sha256_of
from bot.media.kept_files import S3, KeptFiles, lent, named_files
from bot.values import file_place

AT_ONCE = 8
_BATCH = 64
_MOST_NAMED = 5


@dataclass(slots=True)
class _Copied:
    """What became of the pictures: `before` were there already, `damaged` are not what their names say."""

    files: int = 0
    bytes: int = 0
    before: int = 0
    damaged: list[str] = field(default_factory=list)


async def copy_media(settings: Settings, source: str, target: str, console: Console) -> None:
    """Copy all pictures to where they are not yet, and tell what was compared.

    Raises StartError where a place is wrong, and CommandFailed where it cannot be used, or in the
    end where pictures are damaged and left out.
    """
    source, target = _place("FROM", source), _place("TO", target)
    if source == target:
        raise StartError("FROM and TO are the same place")
    done = await show_progress(partial(_copy, settings, source, target), console, DownloadColumn())
    before = f", {done.before} of them were there" if done.before else ""
    size = f"{done.bytes / MIB:.1f} MB"
    sys.stdout.write(f"{done.files} pictures ({size}) are in {target}, each compared{before}\n")
    if done.damaged:
        names = ", ".join(sorted(done.damaged)[:_MOST_NAMED])
        raise CommandFailed(f"{len(done.damaged)} are damaged in FROM and left out: {names}")
    sys.stdout.write(f"set MEDIA_URL={target}; what came meanwhile is copied by saying it again\n")


def _place(name: str, written: str) -> str:
    try:
        place = file_place(written)
    except ValueError as error:
        raise StartError(f"{name} {error}") from None
    return place if place.startswith(S3) else str(Path(place).resolve())


def _copy(settings: Settings, source: str, target: str, tell: Tell) -> _Copied:
    with ExitStack() as stack:
        there = stack.enter_context(_opened("FROM", source, settings))
        here = stack.enter_context(_opened("TO", target, settings))
        with one_line("FROM cannot be copied"):
            sizes = [kept.size for kept in there.all()]
        if not sizes:
            raise CommandFailed(f"FROM cannot be copied: there are no pictures in {source}")
        with one_line("TO cannot be used"):
            if not target.startswith(S3):
                missing = sum(sizes) - sum(kept.size for kept in here.all())
                check_room(nearest(Path(target)), missing // MIB + settings.min_free_mb)
            here.make()
        with one_line("not copied"):
            return _Copying(there, here, sum(sizes), tell).run()


@contextmanager
def _opened(name: str, place: str, settings: Settings) -> Iterator[KeptFiles]:
    if name == "FROM" and not place.startswith(S3) and not Path(place).is_dir():
        raise StartError(f"FROM: there is no folder {place}")
    try:
        files = named_files(place, settings)
    except BotError as error:
        raise StartError(f"{name} cannot be used: {error}") from error
    try:
        yield files
    finally:
        files.close()


@dataclass(slots=True)
class _Copying:
    """Copies some at once; `total` are the bytes to be looked at."""

    source: KeptFiles
    target: KeptFiles
    total: int
    tell: Tell
    done: _Copied = field(default_factory=_Copied)
    _looked_at: int = 0

    def run(self) -> _Copied:
        files = self.source.all()
        with ThreadPoolExecutor(AT_ONCE, "copy") as threads:
            while batch := list(islice(files, _BATCH)):
                for kept, (whole, before) in zip(batch, threads.map(self._one, batch), strict=True):
                    self._count(kept, whole=whole, before=before)
        return self.done

    def _one(self, kept: KeptFile) -> tuple[bool | None, bool]:
        """Copy a picture; tells whether it is whole (None where it was erased), and was there before."""
        sha256 = kept.sha256
        if self.target.size(sha256) == kept.size and self.target.is_whole(sha256):
            return True, True
        with suppress(FileNotFoundError), lent(self.source, sha256) as file:
            if sha256_of(file) != sha256:
                return False, False
            self.target.adopt(file, sha256)
            if not self.target.is_whole(sha256):
                raise CommandFailed(f"{sha256} was written and is not read back as it was")
            return True, False
        return None, False

    def _count(self, kept: KeptFile, *, whole: bool | None, before: bool) -> None:
        self._looked_at += kept.size
        self.tell("copies", self._looked_at, self.total)
        if whole:
            self.done.files += 1
            self.done.bytes += kept.size
            self.done.before += before
        elif whole is False:
            self.done.damaged.append(kept.sha256)
