"""A file on its way into the media store: counted, hashed, and durable before it is named."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bot.domain import BotError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTIAL = "partial"
T = TypeVar("T")


class TooLarge(BotError):
    """More bytes came than the writer may take; nothing was kept."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is kept: its name and its size in bytes."""

    sha256: str
    size: int


class Writer:
    """A file on its way into the store: counted, hashed, buffered; one task uses it.

    Disk and hash work happens in threads, one step after another under a lock, so a step that
    a cancelled task left behind is over before the file is closed.
    """

    def __init__(
        self, root: Path, gate: threading.Lock, limit: int, share: Callable[[], int]
    ) -> None:
        self._root = root
        self._gate = gate
        self._limit = limit
        self._share = share
        self._partial = root / PARTIAL / secrets.token_hex(16)
        self._lock = threading.Lock()
        self._fd: int | None = None
        self.closed = False
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._held = 0
        self.size = 0

    async def write(self, data: bytes) -> None:
        """Take more bytes. Raises TooLarge as soon as the limit is passed."""
        self.size += len(data)
        if self.size > self._limit:
            raise TooLarge(self._limit)
        self._pieces.append(data)
        self._held += len(data)
        if self._held >= self._share():
            await in_thread(self._append, self._drained())

    async def commit(self) -> Stored:
        """Make the file durable under its final name, then say what it is."""
        return await in_thread(self._commit, self._drained())

    def _drained(self) -> list[bytes]:
        full, self._pieces, self._held = self._pieces, [], 0
        return full

    def _append(self, pieces: list[bytes]) -> None:
        with self._lock:
            self._write(pieces)

    def _write(self, pieces: list[bytes]) -> int:
        fd = self._open()
        left = memoryview(b"".join(pieces))
        pieces.clear()
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

    def _commit(self, rest: list[bytes]) -> Stored:
        with self._lock:
            fd = self._write(rest)
            stored = Stored(self._hash.hexdigest(), self.size)
            final = self._root / key(stored.sha256)
            if not self._touch(final):
                os.fsync(fd)
                with self._gate:
                    self._partial.replace(final)
            sync_directory(final.parent)
            self._close()
            return stored

    def _touch(self, final: Path) -> bool:
        """Use a file with the same bytes that is there already: retention counts from now."""
        with self._gate, contextlib.suppress(FileNotFoundError):
            if final.stat().st_size == self.size:
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


async def in_thread(call: Callable[..., T], *args: object) -> T:
    """Do blocking work in a thread, to its end."""
    # Shielded: a cancelled task stops waiting, but what was begun (or must be cleaned up) is done.
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, call, *args))


def key(sha256: str) -> str:
    """Name the path of a file inside the store."""
    if not is_sha256(sha256):
        raise ValueError("not a sha256 in hexadecimal")
    return f"{sha256[:2]}/{sha256}"


def is_sha256(name: str) -> bool:
    """Whether a file name is the store's."""
    return re.fullmatch(r"[0-9a-f]{64}", name) is not None


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable. Blocks."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
