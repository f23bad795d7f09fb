"""A transaction: the repositories that read and write in it, and what follows its commit."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ParamSpec

from bot.storage.allowances import Allowances
from bot.storage.calls import StoredCalls
from bot.storage.chat_migration import migrate_chat
from bot.storage.erasure import Deletions, Erasure
from bot.storage.export import Export
from bot.storage.jobs import Jobs
from bot.storage.ledger import Ledger
from bot.storage.messages import IdempotencyKeys, ProfileDigests, SentMessages
from bot.storage.pending import (
    PendingAlbums,
    PendingAsks,
    PendingMessages,
    PendingRewrites,
    PendingVoices,
)
from bot.storage.people import ChosenPreferences, People
from bot.storage.pictures import StoredPictures

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sqlalchemy import Connection

P = ParamSpec("P")


class Transaction:
    """What can be done inside one transaction; of no use after its end."""

    def __init__(self, sql: Connection) -> None:
        self._sql = sql
        self._callbacks: list[Callable[[], object]] = []

    albums = cached_property(lambda self: PendingAlbums(self._sql))
    allowances = cached_property(lambda self: Allowances(self._sql))
    asks = cached_property(lambda self: PendingAsks(self._sql))
    calls = cached_property(lambda self: StoredCalls(self._sql))
    deletions = cached_property(lambda self: Deletions(self._sql))
    erasure = cached_property(lambda self: Erasure(self._sql))
    export = cached_property(lambda self: Export(self._sql))
    jobs = cached_property(lambda self: Jobs(self._sql))
    keys = cached_property(lambda self: IdempotencyKeys(self._sql))
    ledger = cached_property(lambda self: Ledger(self._sql))
    messages = cached_property(lambda self: SentMessages(self._sql))
    pending = cached_property(lambda self: PendingMessages(self._sql))
    people = cached_property(lambda self: People(self._sql))
    pictures = cached_property(lambda self: StoredPictures(self._sql))
    preferences = cached_property(lambda self: ChosenPreferences(self._sql))
    profile = cached_property(lambda self: ProfileDigests(self._sql))
    rewrites = cached_property(lambda self: PendingRewrites(self._sql))
    voices = cached_property(lambda self: PendingVoices(self._sql))

    def migrate_chat(self, old: int, new: int) -> None:
        """Give what belonged to the chat `old` to the chat `new`, see `chat_migration`."""
        migrate_chat(self._sql, old, new)

    def after_commit(
        self, callback: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Call in the event loop, in order, once the commit is on the disk and before `write` returns.

        Not where the transaction is undone; its caller's being cancelled makes no difference. What
        a callback raises is logged by the loop, and raised to nobody.
        """
        self._callbacks.append(lambda: callback(*args, **kwargs))

    def committed(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the callbacks called before anything that is scheduled from now on."""
        for callback in self._callbacks:
            loop.call_soon(callback)
