"""The media store: files in a directory, each named by the sha256 of its bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore

from bot.domain import InputError, InputProblem
from bot.media.writer import PARTIAL, Stored, Writer, in_thread, is_sha256, key, sync_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

_BATCH = 200
# A trip to a thread costs more than writing the bytes does, so few and large ones, but all writers
# together hold no more than this; see docs/decisions/0010-where-the-time-goes.md.
_HELD, _LEAST, _MOST = 16 << 20, 64 << 10, 512 << 10
T = TypeVar("T")


class MediaStore:
    """Files by the sha256 of their bytes: written once, whole and durable, or not at all.

    Bytes move through plain files in threads, everything else goes through obstore, whose
    local streams cost several times the CPU and which never syncs to the disk.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = LocalStore(root)
        # Between "is it old?" and "delete it" nobody may bring the same bytes again.
        self._gate = threading.Lock()
        self._writers = 0

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """Open the store in a directory (a path or a file:// URL), made where it is missing.

        Blocks: for start-up. Raises ValueError for another kind of URL, OSError where the
        directory cannot be used.
        """
        root = _directory(url).absolute()
        (root / PARTIAL).mkdir(parents=True, exist_ok=True)
        # Now and not with the first picture of each, whose delivery would wait for the disk.
        for number in range(256):
            (root / f"{number:02x}").mkdir(exist_ok=True)
            _bring_up(root / f"{number:02x}")
        sync_directory(root)
        return cls(root)

    @contextlib.asynccontextmanager
    async def writer(self, limit: int) -> AsyncIterator[Writer]:
        """Write a new file of at most `limit` bytes; without `commit` nothing stays of it."""
        writer = Writer(self._root, self._gate, limit, self._share)
        self._writers += 1
        try:
            yield writer
        finally:
            self._writers -= 1
            if not writer.closed:
                await in_thread(writer.abandon)

    async def put(self, data: bytes) -> Stored:
        """Keep bytes that are in memory already."""
        async with self.writer(len(data)) as writer:
            await writer.write(data)
            return await writer.commit()

    async def read(self, sha256: str, piece: int = 192 * 1024) -> AsyncIterator[bytes]:
        """Give the bytes in pieces of `piece`, only the last one shorter.

        Raises InputError(GONE) where they are not kept.
        """
        try:
            file = await _opened(self.path(sha256))
        except FileNotFoundError:
            raise InputError(InputProblem.GONE) from None
        try:
            while data := await in_thread(file.read, piece):
                yield data
        finally:
            await in_thread(file.close)

    async def size(self, sha256: str) -> int | None:
        """Tell the size in bytes, None where the file is not kept."""
        try:
            meta = await obstore.head_async(self._objects, key(sha256))
        except FileNotFoundError:
            return None
        return meta["size"]

    @property
    def root(self) -> Path:
        """The directory."""
        return self._root

    def path(self, sha256: str) -> Path:
        """Name the local file, for uploads and Pillow; it need not be there."""
        return self._root / key(sha256)

    async def delete(self, sha256: str) -> None:
        """Forget a file; one that is not kept is fine."""
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, key(sha256))

    async def drop(self, sha256: str, older_than: datetime) -> bool:
        """Delete a file that nobody brought or read since `older_than`; tell whether it was there."""
        file = self.path(sha256)
        return await in_thread(self._delete_old, file, older_than.timestamp())

    async def expire(self, older_than: datetime, keep: Callable[[str], Awaitable[bool]]) -> int:
        """Delete what nobody brought or read since `older_than` and `keep` lets go; tell how many.

        Partial files that a crash left behind go too. Memory is bounded by one batch.
        """
        deleted = 0
        async for batch in obstore.list(self._objects, chunk_size=_BATCH):
            for meta in batch:
                if meta["last_modified"] >= older_than:
                    continue
                folder, _, name = meta["path"].rpartition("/")
                ours = is_sha256(name) and meta["path"] == key(name)
                if folder != PARTIAL and (not ours or await keep(name)):
                    continue
                file = self._root / meta["path"]
                deleted += await in_thread(self._delete_old, file, older_than.timestamp())
        return deleted

    def _share(self) -> int:
        """Tell how many bytes one writer may hold."""
        return min(max(_HELD // max(1, self._writers), _LEAST), _MOST)

    def _delete_old(self, file: Path, older_than: float) -> bool:
        with self._gate, contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < older_than:
                file.unlink()
                return True
        return False


def _open_used(path: Path) -> BinaryIO:
    # Retention counts from the last use, and reading is one.
    # Buffered on purpose: closing waits for a read that a cancelled task left behind.
    file = path.open("rb")
    os.utime(file.fileno())
    return file


async def _opened(path: Path) -> BinaryIO:
    """Open a file in a thread; one that a cancelled task no longer waits for is closed."""
    opening = asyncio.get_running_loop().run_in_executor(None, _open_used, path)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(lambda done: done.exception() or done.result().close())
        raise


def _directory(url: str | Path) -> Path:
    if isinstance(url, Path):
        return url
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    if "://" in url:
        raise ValueError("only directories and file:// URLs can hold media")
    return Path(url)


def _bring_up(directory: Path) -> None:
    """Bring files up that version 0.1 kept one directory deeper."""
    if directory.stat().st_nlink == 2:  # noqa: PLR2004 - itself and its own dot: none is in it
        return
    for deeper in directory.glob("[0-9a-f][0-9a-f]/"):
        for file in deeper.iterdir():
            file.replace(directory / file.name)
        deeper.rmdir()
    sync_directory(directory)
