"""Kept files: where pictures are kept, a folder or a bucket, behind one port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bot.config import Settings
from bot.media.file_names import KeptFile
from bot.media.folder_files import FolderFiles

S3 = "s3://"


class KeptFiles(Protocol):
    """Files by the sha256 of their bytes. All but `at_hand` and `let_go` block, in `threads`.

    A bucket that does not answer raises MediaUnavailable.
    """

    def make(self) -> None:
        """Make sure that it can be used, and make what is missing; raises StartError."""
        ...

    @property
    def scratch(self) -> Path:
        """A folder of this machine, for what is on its way."""
        ...

    @property
    def threads(self) -> Executor | None:
        """Who waits for what blocks; None where any thread may."""
        ...

    def at_hand(self, sha256: str) -> Path | None:
        """Lend the file of this machine that has the bytes; None where they must be fetched."""
        ...

    def fetch(self, sha256: str) -> Path:
        """Lend a file of this machine that has the bytes; raises FileNotFoundError."""
        ...

    def let_go(self, sha256: str) -> None:
        """Give back what was lent."""
        ...

    def keep(self, partial: Path, descriptor: int, sha256: str, *, read_again: bool) -> None:
        """Make a file of `scratch` durable under its name, as if it was used now.

        `read_again` says that somebody will soon read it from the disk.
        """
        ...

    def adopt(self, file: Path, sha256: str) -> None:
        """Have the same bytes as a file that never changes and stays where it is."""
        ...

    def size(self, sha256: str) -> int | None: ...

    def is_whole(self, sha256: str) -> bool:
        """Read all of a file; no where there is none, or one of other bytes than its name says."""
        ...

    def missing(self, names: Sequence[str]) -> list[str]:
        """Tell which of the files are not there."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; those that are not there are no fault."""
        ...

    def drop(self, names: Iterable[str], before: float) -> int:
        """Delete the files that nobody used since; tell how many there were."""
        ...

    def all(self) -> Iterator[KeptFile]:
        """List all files in the order of their names, a few at a time."""
        ...

    def check(self) -> None:
        """Make sure that what is brought now would be kept; raises MediaUnavailable."""
        ...

    def answers(self) -> bool:
        """Tell what is known of it, without waiting: a bucket that failed is asked again beside."""
        ...

    def close(self) -> None: ...


def open_files(settings: Settings) -> KeptFiles:
    """Be ready for the files that MEDIA_URL names, and change nothing. Raises MediaUnavailable."""
    return named_files(settings.media_url, settings)


def named_files(url: str, settings: Settings) -> KeptFiles:
    """Be ready for the files of a folder, or of `s3://bucket/prefix`, with the settings' keys."""
    if not url.startswith(S3):
        return FolderFiles(Path(url).absolute())
    from bot.media.bucket import Bucket  # noqa: PLC0415 - most bots have a folder, and it is large
    from bot.media.bucket_files import BucketFiles  # noqa: PLC0415

    return BucketFiles(Bucket(url, settings), settings.media_folder.absolute())


@contextmanager
def lent(files: KeptFiles, sha256: str) -> Iterator[Path]:
    """Lend a file's bytes as a file of this machine. Blocks; raises FileNotFoundError."""
    path = files.at_hand(sha256) or files.fetch(sha256)
    try:
        yield path
    finally:
        files.let_go(sha256)
