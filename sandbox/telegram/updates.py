"""Updates: kept until a poll with a higher offset confirms them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from .changes import Changes
from .errors import ApiError
from .schema import Json

LIMIT = 100
LONGEST_POLL = 50.0  # seconds; the real server's cap
_REMEMBERED = 1_000  # updates that can be offered again
_PENDING = 100_000
_NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
_OTHER_POLLER = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)
_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


class Updates:
    """The queue of one bot; at most one poller at a time."""

    def __init__(self, changes: Changes, first_id: int = 1_000) -> None:
        self.changes = changes
        self._next_id = first_id
        self._pending: deque[Json] = deque(maxlen=_PENDING)
        self._again: deque[Json] = deque(maxlen=_REMEMBERED)
        self._recent: deque[Json] = deque(maxlen=_REMEMBERED)
        self._poller = 0
        self.allowed: tuple[str, ...] = ()
        self.confirmed_offset = 0
        self.webhook: Json | None = None
        self.webhook_error = ""  # of the last try
        self.closed = False
        # Seconds for which a poll is held that soon repeats the offset before: the real server's are 3.
        self.held = 0.0
        self._last: tuple[int | None, float] = (None, 0.0)
        self.polling = 0
        self.conflicts = 0  # polls that a later one has ended

    @property
    def pending(self) -> tuple[Json, ...]:
        """All updates that no offset has confirmed yet."""
        return (*self._again, *self._pending)

    def __len__(self) -> int:
        return len(self._again) + len(self._pending)

    def put(self, kind: str, payload: Json) -> Json | None:
        """Queue an update; None when the bot did not ask for its kind."""
        wanted = kind in self.allowed if self.allowed else kind not in _NOT_BY_DEFAULT
        if not wanted:
            return None
        update = {"update_id": self._next_id, kind: payload}
        self._next_id += 1
        self._pending.append(update)
        self._recent.append(update)
        self.changes.notify()
        return update

    def redeliver(self, count: int, *, fresh_ids: bool = False) -> None:
        """Offer the last updates once more, whatever has been confirmed."""
        for update in list(self._recent)[-count:] if count else []:
            if fresh_ids:
                self._pending.append({**update, "update_id": self._next_id})
                self._next_id += 1
            elif update not in self._pending:
                self._again.append(update)
        self.changes.notify()

    def forget(self, update: Json) -> None:
        """Take one that the webhook has confirmed."""
        for queue in (self._again, self._pending):
            if update in queue:
                queue.remove(update)
                return

    def drop(self) -> None:
        self._pending.clear()
        self._again.clear()

    async def poll(
        self,
        offset: int | None,
        limit: int,
        seconds: float,
        allowed: Sequence[str] | None,
    ) -> list[Json]:
        """Confirm what is below the offset, then wait for something to give.

        Raises `ApiError` with 409 when a later poll takes over or a webhook is set.
        """
        if self.webhook is not None:
            raise ApiError(409, _WEBHOOK)
        if allowed is not None:
            self.allowed = tuple(allowed)
        last, begun = self._last
        self._last = (offset, time.monotonic())
        if offset == last and self._last[1] - begun < self.held:
            seconds = max(seconds, self.held)
        self._poller += 1
        self._confirm(offset)
        self.polling += 1
        try:
            return await self._wait(self._poller, limit, min(seconds, LONGEST_POLL))
        finally:
            self.polling -= 1

    async def _wait(self, ticket: int, limit: int, seconds: float) -> list[Json]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        self.changes.notify()  # an earlier poll must notice, and who waits for a poller
        while not (batch := self._batch(limit)) and not self.closed:
            rest = deadline - loop.time()
            if rest <= 0:
                return []
            await self.changes.wait(rest)
            if self.webhook is not None:
                raise ApiError(409, "Conflict: terminated by setWebhook request")
            if ticket != self._poller:
                self.conflicts += 1
                raise ApiError(409, _OTHER_POLLER)
        return batch

    def _confirm(self, offset: int | None) -> None:
        if offset is None:
            return
        if offset < 0:
            while len(self._pending) > -offset:
                self._pending.popleft()
            return
        while self._pending and self._pending[0]["update_id"] < offset:
            self._pending.popleft()
        self.confirmed_offset = max(self.confirmed_offset, offset)

    def _batch(self, limit: int) -> list[Json]:
        limit = limit if 0 < limit <= LIMIT else LIMIT
        if self._again:
            return [self._again.popleft() for _ in range(min(limit, len(self._again)))]
        return [update for update, _ in zip(self._pending, range(limit), strict=False)]
