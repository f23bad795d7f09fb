"""The lock of a SQLite database: two bots on one would buy each other's pictures again."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from bot.domain import BotError

if TYPE_CHECKING:
    from collections.abc import Iterator


class InUse(BotError):
    """Another process runs on this database: one line for the operator."""


@contextmanager
def database_lock(url: str) -> Iterator[None]:
    """Hold a SQLite database for this process, until it ends however it ends; raises InUse.

    Commands that only look may use it at the same time. Postgres is made for many.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        yield
        return
    with Path(f"{parsed.database}.lock").open("w") as file:
        _lock(file.fileno())
        yield


def _lock(descriptor: int) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InUse("DATABASE_URL is in use: another bot runs on this database") from error
