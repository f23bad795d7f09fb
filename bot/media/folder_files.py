"""A folder of kept files: plain ones, in 256 folders by the beginnings of their names."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from bot.descriptors import sync
from bot.domain import StartError
from bot.media.file_names import SHA256, KeptFile, key, sha256_of
from bot.media.regular import is_regular

_PARTIAL, _COMING = "partial", ".restoring"


class FolderFiles:
    """Files are written once, renamed into place and synced; their times say when they were used."""

    threads = None

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scratch = root / _PARTIAL
        # Between "is it old?" and "delete it" nobody may bring the same bytes again.
        self._gate = threading.Lock()

    def make(self) -> None:
        """Make the folders that are missing; raises StartError where that cannot be."""
        try:
            self.scratch.mkdir(parents=True, exist_ok=True)
            # Now and not with the first picture of each, whose delivery would wait for the disk.
            for number in range(256):
                folder = self.root / f"{number:02x}"
                folder.mkdir(exist_ok=True)
                if folder.is_symlink():  # it would lead out of the store
                    raise StartError(f"MEDIA_URL cannot be used: {folder} is a link")
            sync(self.root)
        except (OSError, ValueError) as error:
            raise StartError(f"MEDIA_URL cannot be used: {error}") from error

    def path(self, sha256: str) -> Path:
        """Name the file; it need not be there."""
        return self.root / key(sha256)

    def at_hand(self, sha256: str) -> Path:
        return self.path(sha256)

    fetch = at_hand

    def let_go(self, sha256: str) -> None:
        """Nothing was lent but a name."""

    def keep(self, partial: Path, descriptor: int, sha256: str, *, read_again: bool) -> None:
        final = self.path(sha256)
        if not self._touch(final, os.fstat(descriptor).st_size):
            os.fsync(descriptor)
            if not read_again and hasattr(os, "posix_fadvise"):
                # The next picture then takes these pages, not untouched ones, which cost more.
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            with self._gate:
                partial.replace(final)
        sync(final.parent)

    def _touch(self, final: Path, size: int) -> bool:
        """Use a file with the same bytes that is there already: retention counts from now."""
        with self._gate, suppress(FileNotFoundError):
            if is_regular(final) and final.stat().st_size == size:
                os.utime(final)
                return True
        return False

    def adopt(self, file: Path, sha256: str) -> None:
        final = self.path(sha256)
        final.parent.mkdir(parents=True, exist_ok=True)
        coming = Path(f"{final}{_COMING}")
        coming.unlink(missing_ok=True)
        place(file, coming)
        coming.rename(final)
        sync(final.parent)

    def size(self, sha256: str) -> int | None:
        path = self.path(sha256)
        return path.stat().st_size if is_regular(path) else None

    def is_whole(self, sha256: str) -> bool:
        try:
            return sha256_of(self.path(sha256)) == sha256
        except FileNotFoundError:
            return False

    def missing(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if not is_regular(self.path(name))]

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.path(name).unlink(missing_ok=True)

    def drop(self, names: Iterable[str], before: float) -> int:
        return sum(self._drop_one(self.path(name), before) for name in names)

    def _drop_one(self, file: Path, before: float) -> bool:
        with self._gate, suppress(FileNotFoundError):
            if file.lstat().st_mtime < before:
                file.unlink()
                return True
        return False

    def all(self) -> Iterator[KeptFile]:
        for number in range(256):
            folder = self.root / f"{number:02x}"
            if not folder.is_dir():
                continue
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
            for entry in entries:
                with suppress(FileNotFoundError):  # it is deleted at this moment
                    if SHA256.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        stat = entry.stat(follow_symlinks=False)
                        yield KeptFile(entry.name, stat.st_size, stat.st_mtime)

    def check(self) -> None:
        """A disk tells when it is written to, or by how much of it is free."""

    def answers(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""


def place(source: Path, target: Path) -> None:
    """Put a file that never changes at a second place, durable but for its name; its age stays."""
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that knows no links
        shutil.copy2(source, target)
        sync(target)
