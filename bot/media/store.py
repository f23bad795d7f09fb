"""The media store: files, each named by the sha256 of its bytes, in a folder or a bucket."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

from bot.config import Settings
from bot.domain import BotError, InputError, InputProblem, StartError
from bot.media.file_names import COPY, KeptFile
from bot.media.folder_files import FolderFiles
from bot.media.kept_files import S3, KeptFiles, open_files
from bot.media.regular import open_regular

_BATCH = 200
_LEFT_BEHIND = 3600.0  # seconds after which a copy of a file is nobody's
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

    Where they are kept is `files`' business. What does not answer raises MediaUnavailable.
    """

    def __init__(self, files: KeptFiles) -> None:
        self.files = files
        self._held = self._lent = 0
        self._recent: OrderedDict[str, bytes] = OrderedDict()

    @classmethod
    def open(cls, directory: str | Path) -> Self:
        """Open the store in a directory, made where it is missing.

        Blocks: for start-up. Raises StartError where that cannot be.
        """
        files = FolderFiles(Path(directory).absolute())
        files.make()
        return cls(files)

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
        at, last = 0, False
        while not last:
            try:
                async with self.local(sha256) as path:
                    data = await _in_thread(_read_used, path, at, piece)
            except FileNotFoundError:
                raise InputError(InputProblem.GONE) from None
            at, last = at + len(data), len(data) < piece
            if data:
                yield data

    async def size(self, sha256: str) -> int | None:
        return await self._wait(self.files.size, sha256)

    @property
    def scratch(self) -> Path:
        """A folder for what is of no use to anybody after a while; `expire` empties it."""
        return self.files.scratch

    @property
    def root(self) -> Path:
        """The folder of this machine whose disk must have room."""
        return self.files.scratch.parent

    @contextlib.asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        """Lend a file of this machine with the bytes; raises FileNotFoundError, if only as it is opened."""
        path = self.files.at_hand(sha256)
        if path is None:
            path = await self._wait(self.files.fetch, sha256)
        try:
            yield path
        finally:
            self.files.let_go(sha256)

    async def delete(self, sha256: str) -> None:
        await self._wait(self.files.delete, [sha256])

    async def drop(self, files: Iterable[str], older_than: datetime) -> int:
        """Delete files that nobody brought or read since `older_than`; tell how many were there."""
        names = list(files)
        return await self._wait(self.files.drop, names, older_than.timestamp()) if names else 0

    async def expire(
        self, older_than: datetime, kept: Callable[[Sequence[str]], Awaitable[set[str]]]
    ) -> int:
        """Delete what nobody brought or read since `older_than`; tell how many.

        `kept` is asked of a batch of names which of them stay. Partial files that a crash left
        behind go too. Memory is bounded by one batch.
        """
        before = older_than.timestamp()
        deleted = await _in_thread(_empty, self.scratch, before)
        async for batch in self._batches():
            if old := [file.sha256 for file in batch if file.used < before]:
                stay = await kept(old)
                names = [name for name in old if name not in stay]
                deleted += await self._wait(self.files.drop, names, before)
        return deleted

    async def weigh(self) -> int:
        """Count the bytes of all files, a batch at a time: a stop does not wait for a million."""
        return sum([sum(file.size for file in batch) async for batch in self._batches()])

    async def _batches(self) -> AsyncIterator[list[KeptFile]]:
        files = self.files.all()
        while batch := await self._wait(_next, files):
            yield batch

    async def check(self) -> None:
        """Make sure that what is brought now would be kept; raises MediaUnavailable."""
        if self.files.threads:
            await self._wait(self.files.check)

    @property
    def in_bucket(self) -> bool:
        return self.files.threads is not None

    def answers(self) -> bool:
        """Tell what is known of where pictures are, without waiting or asking each time."""
        return self.files.answers()

    def close(self) -> None:
        self.files.close()

    async def _wait(self, call: Callable[..., R], *args: object) -> R:
        return await _in_thread(call, *args, threads=self.files.threads)

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
            return await _in_thread(step, *args, threads=self._store.files.threads)
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
        self._store.files.keep(self._partial, fd, stored.sha256, read_again=read_again)
        self._close()
        return stored

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


def _read_used(path: Path, at: int, size: int) -> bytes:
    with open_regular(path, buffering=0) as file:
        if at == 0:  # retention counts from the last use, and reading is one
            os.utime(file.fileno())
        return os.pread(file.fileno(), size, at)


async def open_media(settings: Settings) -> MediaStore:
    """Open the store that MEDIA_URL names; raises StartError where it cannot be used."""
    if not settings.media_url.startswith(S3):
        return MediaStore.open(settings.media_url)
    try:
        files = open_files(settings)
    except BotError as error:
        raise StartError(f"MEDIA_URL cannot be used: {error}") from error
    await asyncio.to_thread(files.make)  # a bucket that does not answer is waited for
    return MediaStore(files)


async def _in_thread(call: Callable[..., T], *args: object, threads: Executor | None = None) -> T:
    # Shielded: a cancelled task stops waiting, but what was begun (or must be cleaned up) is done.
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(threads, call, *args))


def _next(files: Iterator[KeptFile]) -> list[KeptFile]:
    return list(islice(files, _BATCH))


def _empty(scratch: Path, before: float) -> int:
    """Delete what nobody has touched since; tell how many files. Copies go by themselves, but for a dead process's."""
    deleted, left_behind = 0, min(before, time.time() - _LEFT_BEHIND)
    for file in scratch.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if file.lstat().st_mtime < (left_behind if file.name.startswith(COPY) else before):
                file.unlink()
                deleted += 1
    return deleted
