"""A bucket of kept files, with copies on this machine of those in use."""

from __future__ import annotations

import secrets
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TypeVar

import structlog

from bot.domain import MediaUnavailable, StartError
from bot.media.bucket import Bucket, BucketFailed
from bot.media.file_names import COPY, KeptFile, key, sha256_in, sha256_of

log = structlog.get_logger(__name__)

_THREADS = 16  # requests at once; a part of 5 MB each is in memory
_COPIES = 256 << 20  # bytes of copies that nobody uses now
_COPY_SECONDS = 900.0  # after which a copy goes: what another process deletes is not kept here
_USED_ANEW = timedelta(days=1)  # after which a use is noted in the bucket
_KEEP_TRIES = 4  # of what was paid for, each as patient as the bucket's own
_GRAIN = 1.0  # seconds: S3 tells no parts of them
_LOOK_AGAIN = 5.0  # seconds from a failure until it is asked again whether it is over
R = TypeVar("R")


class BucketFiles:
    """Files have their names once the bucket has acknowledged them; its times say when they were used.

    Whoever deletes looks at the time of a file just before; S3 has no lock that would close the moment
    between the two, see docs/decisions/0032-pictures-in-a-bucket.md.
    """

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self._bucket, self.scratch = bucket, folder / "partial"
        self.threads = ThreadPoolExecutor(_THREADS, "bucket")
        self._own = f"{COPY}{secrets.token_hex(8)}"
        self._lock = threading.Lock()
        self._copies: OrderedDict[str, tuple[int, float]] = OrderedDict()  # size, since when
        self._lent: Counter[str] = Counter()
        self._failed: float | None = None
        self._reason = ""
        self._looking = False
        self._sweep: threading.Timer | None = None
        self._closed = False

    def make(self) -> None:
        """Make the folder of this machine, and look whether the bucket can be used; raises StartError."""
        try:
            self.scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f"MEDIA_TEMP_DIR cannot be used: {error}") from error
        try:
            next(self._bucket.all(), None)
        except BucketFailed as error:
            raise StartError(f"MEDIA_URL cannot be used: {error}") from error

    def _copy(self, sha256: str) -> Path:
        return self.scratch / f"{self._own}-{sha256}"

    def at_hand(self, sha256: str) -> Path | None:
        with self._lock:
            if sha256 not in self._copies:
                return None
            if not self._copy(sha256).exists():  # somebody has tidied up here
                self._remove(sha256)
                return None
            self._copies.move_to_end(sha256)
            self._lent[sha256] += 1
        return self._copy(sha256)

    def fetch(self, sha256: str) -> Path:
        coming = self._coming()
        try:
            put_at = self._asked(self._bucket.get, key(sha256), coming)
            if put_at is None:
                raise FileNotFoundError(f"there is no {sha256}")
            if sha256_of(coming) != sha256:
                log.error("the bucket has other bytes under a picture's name", key=key(sha256))
                raise FileNotFoundError(f"there are other bytes under {sha256}")
            if datetime.now(UTC) - put_at > _USED_ANEW:  # retention counts from the last use
                self._asked(self._bucket.put, key(sha256), coming)
            self._have(coming, sha256, lent=1)
        finally:
            coming.unlink(missing_ok=True)
        return self._copy(sha256)

    def let_go(self, sha256: str) -> None:
        with self._lock:
            self._lent[sha256] -= 1
            if self._lent[sha256] <= 0:
                del self._lent[sha256]
                if sha256 not in self._copies:  # it was deleted meanwhile
                    self._copy(sha256).unlink(missing_ok=True)
            self._make_room()

    def _have(self, file: Path, sha256: str, *, lent: int = 0) -> None:
        """Take a file as the copy; others go, unless somebody uses them."""
        size = file.stat().st_size
        with self._lock:
            file.replace(self._copy(sha256))
            self._copies[sha256] = size, monotonic()
            self._copies.move_to_end(sha256)
            if lent:
                self._lent[sha256] += lent
            self._make_room()
            if self._sweep is None and not self._closed:
                self._sweep_later()

    def _make_room(self, until: float = 0.0) -> None:
        """Delete copies that nobody uses: those brought `until` then, and the oldest that are too many."""
        spare = [sha256 for sha256 in self._copies if sha256 not in self._lent]
        size = sum(self._copies[sha256][0] for sha256 in spare)
        for sha256 in spare:
            if size > _COPIES or self._copies[sha256][1] <= until:
                size -= self._copies[sha256][0]
                self._remove(sha256)

    def _remove(self, sha256: str) -> None:
        if self._copies.pop(sha256, None) and sha256 not in self._lent:
            self._copy(sha256).unlink(missing_ok=True)

    def _sweep_later(self) -> None:
        self._sweep = threading.Timer(_COPY_SECONDS / 3, self._swept)
        self._sweep.daemon = True
        self._sweep.start()

    def _swept(self) -> None:
        with self._lock:
            self._make_room(until=monotonic() - _COPY_SECONDS)
            self._sweep = None
            if self._copies and not self._closed:
                self._sweep_later()

    def keep(self, partial: Path, descriptor: int, sha256: str, *, read_again: bool) -> None:  # noqa: ARG002 - a disk's own matters
        for tries in range(1, _KEEP_TRIES + 1):
            try:
                self._asked(self._bucket.put, key(sha256), partial)
                break
            except MediaUnavailable:
                if tries == _KEEP_TRIES or self._closed:
                    raise
        self._have(partial, sha256)

    def adopt(self, file: Path, sha256: str) -> None:
        self._asked(self._bucket.put, key(sha256), file)

    def size(self, sha256: str) -> int | None:
        with self._lock:
            if sha256 in self._copies:
                return self._copies[sha256][0]
        found = self._asked(self._bucket.head, key(sha256))
        return found["size"] if found else None

    def is_whole(self, sha256: str) -> bool:
        coming = self._coming()
        try:
            put_at = self._asked(self._bucket.get, key(sha256), coming)
            return put_at is not None and sha256_of(coming) == sha256
        finally:
            coming.unlink(missing_ok=True)

    def _coming(self) -> Path:
        self.scratch.mkdir(parents=True, exist_ok=True)
        return self.scratch / secrets.token_hex(16)

    def missing(self, names: Sequence[str]) -> list[str]:
        sizes = self.threads.map(self.size, names)
        return [name for name, size in zip(names, sizes, strict=True) if size is None]

    def delete(self, names: Iterable[str]) -> None:
        gone = list(names)
        self._asked(self._bucket.delete, map(key, gone))
        with self._lock:
            for sha256 in gone:
                self._remove(sha256)

    def drop(self, names: Iterable[str], before: float) -> int:
        dropped = 0
        for name in names:
            found = self._asked(self._bucket.head, key(name))
            if found and found["last_modified"].timestamp() + _GRAIN < before:
                self.delete([name])
                dropped += 1
        return dropped

    def all(self) -> Iterator[KeptFile]:
        found = self._bucket.all()
        while (meta := self._asked(next, found, None)) is not None:
            if name := sha256_in(meta["path"]):
                yield KeptFile(name, meta["size"], meta["last_modified"].timestamp())

    def check(self) -> None:
        if self._failed is None:
            return
        if monotonic() - self._failed < _LOOK_AGAIN:
            raise MediaUnavailable(self._reason)
        self._asked(self._bucket.head, "check")

    def answers(self) -> bool:
        failed = self._failed
        if failed is None or self._closed:
            return failed is None
        if not self._looking and monotonic() - failed >= _LOOK_AGAIN:
            self._looking = True
            self.threads.submit(self._look)
        return False

    def _look(self) -> None:
        try:
            self._asked(self._bucket.head, "check")
        except MediaUnavailable:
            return  # it is noted, and logged
        finally:
            self._looking = False

    def close(self) -> None:
        """End what waits; copies go, but for those that somebody uses yet."""
        self._closed = True
        self.threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            if self._sweep:
                self._sweep.cancel()
            for sha256 in list(self._copies):
                self._remove(sha256)

    def _asked(self, call: Callable[..., R], *args: object) -> R:
        try:
            found = call(*args)
        except BucketFailed as error:
            self._failed, self._reason = monotonic(), str(error)
            log.error("the bucket of pictures does not answer", reason=str(error))  # noqa: TRY400 - one line
            raise
        self._failed = None
        return found
