"""The rules of broadcasts: who gets one, and that nobody gets it twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.administration import AdminResult, AdminVerb, Audience, Broadcast, BroadcastState
from bot.features.admin.once import claim
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BroadcastService:
    """Drafts, begins and ends broadcasts; what is begun outlives the process."""

    store: Store
    clock: Callable[[], datetime]

    async def draft(
        self,
        chat_id: int,
        text: str,
        entities: str,
        photo: str | None,
        days: int | None,
        language: str,
    ) -> tuple[int, int]:
        """Keep a message for who was seen within `days`; tells its number, and how many people."""
        at = self.clock()
        since = EVER if days is None else max(EVER, at - timedelta(days=days))
        audience, claimed = Audience(since, language), claim()

        def add(tx: Transaction) -> tuple[int, int]:
            claimed(tx, at)
            number = tx.broadcasts.add(chat_id, text, audience, at, entities, photo)
            return number, tx.broadcasts.count(audience, at)

        return await self.store.write(add)

    async def start(self, actor: str, broadcast_id: int, message_id: int) -> Broadcast | None:
        """Begin, and tell how it goes in a message; None where there is no such draft any more."""

        def start(tx: Transaction) -> Broadcast | None:
            draft, at = tx.broadcasts.get(broadcast_id), self.clock()
            if draft is None:
                return None
            people = tx.broadcasts.count(Audience(draft.seen_since, draft.language), at)
            if not tx.broadcasts.start(broadcast_id, message_id, people, at):
                return None
            self._acted(tx, actor, draft, BroadcastState.RUNNING, people)
            return tx.broadcasts.get(broadcast_id)

        return await self.store.write(start)

    async def cancel(self, actor: str, broadcast_id: int) -> AdminResult:
        """Have nobody else written to."""

        def cancel(tx: Transaction) -> AdminResult:
            found = tx.broadcasts.get(broadcast_id)
            if found is None:
                return AdminResult.UNKNOWN
            if not tx.broadcasts.cancel(broadcast_id):
                return AdminResult.UNCHANGED
            self._acted(tx, actor, found, BroadcastState.CANCELLED, found.total)
            return AdminResult.DONE

        return await self.store.write(cancel)

    def _acted(
        self, tx: Transaction, actor: str, found: Broadcast, state: BroadcastState, people: int
    ) -> None:
        tx.actions.add(
            actor,
            AdminVerb.BROADCAST,
            f"broadcast:{found.id}",
            self.clock(),
            before={"state": found.state.value},
            after={"state": state.value, "people": people},
        )

    async def language(self, user_id: int) -> str | None:
        """Tell what somebody's Telegram speaks."""
        return await self.store.read(lambda tx: tx.people.language(user_id))

    async def get(self, broadcast_id: int) -> Broadcast | None:
        return await self.store.read(lambda tx: tx.broadcasts.get(broadcast_id))

    async def open(self) -> list[Broadcast]:
        """List what was begun and is not over, or whose end was not told."""
        return await self.store.read(lambda tx: tx.broadcasts.open())

    async def next(self, broadcast_id: int, *, sent: bool | None) -> tuple[Broadcast, int | None]:
        """Note what became of the last one, None if nobody knows; tells the chat that is next.

        It is committed as tried. None instead of it where all were, somebody has cancelled, or, while
        it is still running, another process that led until now has just taken that chat.
        """

        def step(tx: Transaction) -> tuple[Broadcast, int | None]:
            if sent is not None:
                tx.broadcasts.result(broadcast_id, sent=sent)
            found = tx.broadcasts.get(broadcast_id)
            assert found is not None  # noqa: S101 - broadcasts are never deleted
            chat_id = tx.broadcasts.next(found) if found.state is BroadcastState.RUNNING else None
            return tx.broadcasts.get(broadcast_id) or found, chat_id

        return await self.store.write(step)

    async def told(self, broadcast_id: int) -> None:
        await self.store.write(lambda tx: tx.broadcasts.told(broadcast_id))
