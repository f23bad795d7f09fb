"""A transaction: the repositories that read and write in it, and what follows its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ParamSpec

from sqlalchemy import Connection, text

from bot.storage.actions import Actions, Decisions
from bot.storage.albums import PendingAlbums
from bot.storage.allowances import Allowances
from bot.storage.broadcasts import Broadcasts
from bot.storage.calls import StoredCalls
from bot.storage.chat_migration import migrate_chat
from bot.storage.dashboard_logins import StoredLogins
from bot.storage.erasure import Deletions, Erasure
from bot.storage.export import Export
from bot.storage.jobs import Jobs
from bot.storage.ledger import Ledger
from bot.storage.messages import IdempotencyKeys, KnownMessages, ProfileDigests
from bot.storage.notices import NOTIFY, Topic
from bot.storage.pending import PendingEnhancements, PendingMessages, PendingVoices
from bot.storage.people import ChosenPreferences, People
from bot.storage.pictures import StoredPictures
from bot.storage.questions import PendingQuestions
from bot.storage.statistics import Statistics

if TYPE_CHECKING:
    from bot.storage.dispatched import DispatchedJobs
    from bot.storage.reports import Reports

P = ParamSpec("P")
_CLOCK = text("SELECT clock_timestamp()")


class Transaction:
    """What can be done inside one transaction; of no use after its end.

    `process` names who tells others; None where there are no others.
    """

    def __init__(self, sql: Connection, process: str | None = None) -> None:
        self._sql, self._process = sql, process
        self._callbacks: list[Callable[[], object]] = []
        self.actions = Actions(sql)
        self.albums = PendingAlbums(sql)
        self.allowances = Allowances(sql)
        self.broadcasts = Broadcasts(sql)
        self.calls = StoredCalls(sql)
        self.decisions = Decisions(sql)
        self.deletions = Deletions(sql)
        self.enhancements = PendingEnhancements(sql)
        self.erasure = Erasure(sql)
        self.export = Export(sql)
        self.jobs = Jobs(sql)
        self.keys = IdempotencyKeys(sql)
        self.ledger = Ledger(sql)
        self.logins = StoredLogins(sql)
        self.messages = KnownMessages(sql)
        self.pending = PendingMessages(sql)
        self.people = People(sql)
        self.pictures = StoredPictures(sql)
        self.preferences = ChosenPreferences(sql)
        self.profile = ProfileDigests(sql)
        self.questions = PendingQuestions(sql)
        self.statistics = Statistics(sql)
        self.voices = PendingVoices(sql)

    @property
    def dispatched(self) -> DispatchedJobs:
        """The queue, which is in the database on Postgres alone."""
        from bot.storage.dispatched import DispatchedJobs  # noqa: PLC0415 - most bots have none

        return DispatchedJobs(self._sql)

    @property
    def reports(self) -> Reports:
        """What operators look at; most bots never load it."""
        from bot.storage.reports import Reports  # noqa: PLC0415

        return Reports(self._sql)

    def migrate_chat(self, old: int, new: int) -> None:
        """Give what belonged to the chat `old` to the chat `new`, see `chat_migration`."""
        migrate_chat(self._sql, old, new)
        self.notify(Topic.MOVED)

    @property
    def has_others(self) -> bool:
        """Whether there may be other processes."""
        return self._process is not None

    def moment(self, own: datetime) -> datetime:
        """Tell the time by the clock that all processes share; by our `own` where there are no others."""
        if not self.has_others:
            return own
        shared: datetime = self._sql.execute(_CLOCK).scalar_one()
        return shared

    def notify(self, topic: Topic, payload: str = "") -> None:
        """Have the other processes hear of it, with the commit: ids, at most 7,000 characters."""
        if self.has_others:
            values = {"process": self._process, "topic": topic.value, "payload": payload}
            self._sql.execute(NOTIFY, values)

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
