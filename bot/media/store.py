"""The media store: files in a directory, each named by the sha256 of its bytes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

import obstore
from obstore.store import LocalStore

from bot.domain import BotError, InputError, InputProblem, StartError
from bot.media.regular import is_regular, open_regular

_PARTIAL, _SHA256 = "partial", re.compile(r"[0-9a-f]{64}")
_BATCH = 200
# A trip to a thread costs more than writing the bytes does: an ordinary picture is written in one,
# but all writers together hold no more than this; see docs/decisions/0010-where-the-time-goes.md.
_HELD, _LEAST, _MOST = 16 << 20, 64 << 10, 4 << 20
_RECENT = 24 << 20  # bytes of pictures that are still to be sent
R = TypeVar("R")
T = TypeVar("T")


class TooLarge(BotError):
    """More bytes came than the writer may take; nothing was kept."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is kept: its name and its size in bytes."""

    sha256: str
    size: int


class MediaStore:
    """Files by the sha256 of their bytes: written once, whole and durable, or not at all.

    Bytes move through plain files in threads, everything else goes through obstore, whose
    local streams cost several times the CPU and which never syncs to the disk.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = LocalStore(root)
        # Between "is it old?" and "delete it" nobody may bring the same bytes again.
        self.gate = threading.Lock()
        self._held = self._lent = 0
        self._recent: OrderedDict[str, bytes] = OrderedDict()

    @classmethod
    def open(cls, directory: str | Path) -> Self:
        """Open the store in a directory, made where it is missing.

        Blocks: for start-up. Raises StartError where that cannot be.
        """
        try:
            root = Path(directory).absolute()
            (root / _PARTIAL).mkdir(parents=True, exist_ok=True)
            # Now and not with the first picture of each, whose delivery would wait for the disk.
            for number in range(256):
                folder = root / f"{number:02x}"
                folder.mkdir(exist_ok=True)
                if folder.is_symlink():  # it would lead out of the store
                    raise StartError(f"MEDIA_URL cannot be used: {folder} is a link")
            _sync_directory(root)
            return cls(root)
        except (OSError, ValueError) as error:
            raise StartError(f"MEDIA_URL cannot be used: {error}") from error

    @contextlib.asynccontextmanager
    async def writer(self, limit: int) -> AsyncIterator[Writer]:
        """Write a new file of at most `limit` bytes; without `commit` nothing stays of it."""
        writer = Writer(self, limit)
        try:
            yield writer
        finally:
            self.hold(-writer.held)
            if not writer.closed:
                await _in_thread(writer.abandon)

    async def put(self, data: bytes) -> StoredFile:
        async with self.writer(len(data)) as writer:
            await writer.write(data)
            return await writer.commit()

    async def read(self, sha256: str, piece: int) -> AsyncIterator[bytes]:
        """Give the bytes in pieces of `piece`, only the last one shorter.

        Nothing stays open from one to the next, so it may be left anywhere. Raises
        InputError(GONE) where they are not kept.
        """
        with self.recent(sha256) as data:
            if data:
                for at in range(0, len(data), piece):
                    yield data[at : at + piece]
                return
        path, at, last = self.path(sha256), 0, False
        while not last:
            try:
                data = await _in_thread(_read_used, path, at, piece)
            except FileNotFoundError:
                raise InputError(InputProblem.GONE) from None
            at, last = at + len(data), len(data) < piece
            if data:
                yield data

    async def size(self, sha256: str) -> int | None:
        return await _in_thread(_size, self.path(sha256))

    @property
    def root(self) -> Path:
        return self._root

    @property
    def scratch(self) -> Path:
        """A folder for what is of no use to anybody after a while; `expire` empties it."""
        return self._root / _PARTIAL

    def path(self, sha256: str) -> Path:
        """Name the local file, for uploads and Pillow; it need not be there."""
        return self._root / _key(sha256)

    async def delete(self, sha256: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, _key(sha256))

    async def drop(self, files: Iterable[str], older_than: datetime) -> int:
        """Delete files that nobody brought or read since `older_than`; tell how many were there."""
        paths = [self.path(sha256) for sha256 in files]
        return await _in_thread(self._delete_old, paths, older_than.timestamp()) if paths else 0

    async def expire(
        self, older_than: datetime, kept: Callable[[Sequence[str]], Awaitable[set[str]]]
    ) -> int:
        """Delete what nobody brought or read since `older_than`; tell how many.

        `kept` is asked of a batch of names which of them stay. Partial files that a crash left
        behind go too. Memory is bounded by one batch.
        """
        deleted = 0
        async for batch in obstore.list(self._objects, chunk_size=_BATCH):
            old = [meta["path"] for meta in batch if meta["last_modified"] < older_than]
            names = [name for path in old if (name := _sha256_in(path))]
            scrap = [self._root / path for path in old if path.startswith(f"{_PARTIAL}/")]
            stay = await kept(names) if names else set()
            files = [*scrap, *(self.path(name) for name in names if name not in stay)]
            if files:
                deleted += await _in_thread(self._delete_old, files, older_than.timestamp())
        return deleted

    @contextlib.contextmanager
    def recent(self, sha256: str) -> Iterator[bytes | None]:
        """Lend the bytes of a picture that was just checked and kept, once, if they are at hand."""
        data = self._recent.pop(sha256, None)
        size = len(data or b"")
        self._lent += size
        try:
            yield data
        finally:
            self._lent -= size

    def hold(self, size: int) -> None:
        """Count so many bytes more (or fewer) that writers hold."""
        self._held += size

    def may_hold(self, size: int) -> bool:
        """Whether a writer may go on to hold so many bytes."""
        return size < _LEAST or (size < _MOST and self._held < _HELD)

    def remember(self, sha256: str, data: bytes) -> None:
        """Keep bytes at hand for `recent`, if need be instead of others, but not of those in use."""
        self._recent[sha256] = data
        while self._recent and self._lent + sum(map(len, self._recent.values())) > _RECENT:
            self._recent.popitem(last=False)

    def _delete_old(self, files: Iterable[Path], older_than: float) -> int:
        return sum(self._delete_one(file, older_than) for file in files)

    def _delete_one(self, file: Path, older_than: float) -> bool:
        with self.gate, contextlib.suppress(FileNotFoundError):
            if file.lstat().st_mtime < older_than:
                file.unlink()
                return True
        return False


@dataclass(slots=True, eq=False)
class Writer:
    """A file on its way into the store: counted, hashed, buffered; one task uses it.

    Disk and hash work happens in threads, one step after another under a lock, so a step that
    a cancelled task left behind is over before the file is closed.
    """

    _store: MediaStore
    _limit: int
    size: int = 0
    held: int = 0
    closed: bool = False
    _partial: Path = field(init=False)
    _fd: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    _pieces: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._partial = self._store.scratch / secrets.token_hex(16)

    @property
    def is_over(self) -> bool:
        return self.size > self._limit

    async def write(self, data: bytes) -> None:
        """Take more bytes. Raises TooLarge as soon as the limit is passed."""
        self.size += len(data)
        if self.is_over:
            raise TooLarge(self._limit)
        self._pieces.append(data)
        self.held += len(data)
        self._store.hold(len(data))
        if not self._store.may_hold(self.held):
            await self._written(self._append, self._drained())

    async def commit(self) -> StoredFile:
        """Make the file durable under its final name, then say what it is."""
        return await self._written(self._commit, b"".join(self._drained()))

    async def commit_checked(self, check: Callable[[BinaryIO], T]) -> tuple[StoredFile, T]:
        """Do so once `check` has seen the bytes, in the same trip; what it raises leaves no file.

        What was held as a whole stays at hand until it is sent, unless `check` tells nothing of it.
        """
        whole, rest = self._fd is None, b"".join(self._drained())
        stored, seen = await self._written(self._commit_checked, rest, check)
        if whole and seen is not None:
            self._store.remember(stored.sha256, rest)
        return stored, seen

    def _drained(self) -> list[bytes]:
        full, self._pieces = self._pieces, []
        return full

    async def _written(self, step: Callable[..., R], *args: object) -> R:
        """Do what writes all that is held, which is held until then."""
        try:
            return await _in_thread(step, *args)
        finally:
            self._store.hold(-self.held)
            self.held = 0

    def _append(self, pieces: list[bytes]) -> None:
        with self._lock:
            for piece in pieces:
                self._write(piece)

    def _write(self, data: bytes) -> int:
        fd, left = self._open(), memoryview(data)
        self._hash.update(left)
        while left:
            left = left[os.write(fd, left) :]
        return fd

    def _open(self) -> int:
        if self.closed:
            raise ValueError("the writer is closed")
        if self._fd is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
            self._fd = os.open(self._partial, flags, 0o644)
        return self._fd

    def _commit(self, rest: bytes) -> StoredFile:
        with self._lock:
            return self._commit_locked(rest)

    def _commit_checked(self, rest: bytes, check: Callable[[BinaryIO], T]) -> tuple[StoredFile, T]:
        with self._lock:
            if self._fd is None:
                seen = check(io.BytesIO(rest))
                return self._commit_locked(rest, read_again=seen is None), seen
            self._write(rest)
            with self._partial.open("rb") as file:
                seen = check(file)
            return self._commit_locked(b""), seen

    def _commit_locked(self, rest: bytes, *, read_again: bool = True) -> StoredFile:
        fd = self._write(rest)
        stored = StoredFile(self._hash.hexdigest(), self.size)
        final = self._store.path(stored.sha256)
        if not self._touch(final):
            os.fsync(fd)
            if not read_again and hasattr(os, "posix_fadvise"):
                # The next picture then takes these pages, not untouched ones, which cost more.
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            with self._store.gate:
                self._partial.replace(final)
        _sync_directory(final.parent)
        self._close()
        return stored

    def _touch(self, final: Path) -> bool:
        """Use a file with the same bytes that is there already: retention counts from now."""
        with self._store.gate, contextlib.suppress(FileNotFoundError):
            if is_regular(final) and final.stat().st_size == self.size:
                os.utime(final)
                return True
        return False

    def abandon(self) -> None:
        """Close and remove the partial file, if there still is one. Blocks."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self.closed = True
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            self._partial.unlink(missing_ok=True)


def _size(path: Path) -> int | None:
    return path.stat().st_size if is_regular(path) else None


def _read_used(path: Path, at: int, size: int) -> bytes:
    with open_regular(path, buffering=0) as file:
        if at == 0:  # retention counts from the last use, and reading is one
            os.utime(file.fileno())
        return os.pread(file.fileno(), size, at)


async def _in_thread(call: Callable[..., T], *args: object) -> T:
    # Shielded: a cancelled task stops waiting, but what was begun (or must be cleaned up) is done.
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, call, *args))


def _key(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise ValueError("not a sha256 in hexadecimal")
    return f"{sha256[:2]}/{sha256}"


def _sha256_in(path: str) -> str | None:
    """Tell the name of a file of the store; None for what is not ours."""
    name = path.rpartition("/")[2]
    return name if _SHA256.fullmatch(name) and path == _key(name) else None


def _sync_directory(directory: Path) -> None:
    """Make the names in a directory durable. Blocks."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
