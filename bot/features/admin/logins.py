"""Logins: one-time links that the bot sends to operators, and the sessions that they open.

All of it is in the database, as hashes (docs/decisions/0025-logins-are-hashes.md).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.storage.dashboard_logins import StoredSession
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

LINK, IDLE, LONGEST = timedelta(minutes=5), timedelta(hours=2), timedelta(hours=12)
SEEN_AGAIN = timedelta(minutes=1)  # a visit is not noted more often
SESSIONS = 10  # of one person; who opens more loses the oldest


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in; `csrf` stands in each of his forms.

    `locale` is empty until he has chosen one. `name` tells his sessions apart, and opens none.
    """

    user_id: int
    name: str
    locale: str
    csrf: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Logins:
    """Gives links to operators and sessions to who opens one. All raise StorageUnavailable."""

    store: Store
    clock: Callable[[], datetime]

    async def link(self, user_id: int) -> str:
        """Make what opens a session once, within five minutes; what he had before is void."""
        token = secrets.token_urlsafe(32)

        def make(tx: Transaction) -> None:
            at = self.clock()
            tx.logins.prune(at - 2 * LINK, at - LONGEST, at - IDLE)
            tx.logins.spend_links(user_id)
            tx.logins.add_link(_hash(token), user_id, at)

        await self.store.write(make)
        return token

    async def is_open(self, token: str) -> bool:
        found = await self.store.read(lambda tx: tx.logins.link(_hash(token)))
        return found is not None and not found[1] and self.clock() - found[0] < LINK

    async def was_open(self, token: str) -> bool:
        """Whether it was a link within the last minutes: who was second with it does not guess."""
        return await self.store.read(lambda tx: tx.logins.link(_hash(token))) is not None

    async def open(self, token: str, browser: str) -> tuple[str, Session] | None:
        """Use a link up; tells what the browser is to bring from now on. None where it is void."""
        key = secrets.token_urlsafe(32)

        def begin(tx: Transaction) -> StoredSession | None:
            at = self.clock()
            user_id = tx.logins.spend(_hash(token), at - LINK)
            if user_id is None:
                return None
            own = tx.logins.sessions(user_id)
            tx.logins.end([one.name for one in own[: max(0, len(own) + 1 - SESSIONS)]])
            begun = StoredSession(user_id, secrets.token_hex(4), browser[:200], "", at, at)
            tx.logins.add_session(_hash(key), begun)
            return begun

        begun = await self.store.write(begin)
        return None if begun is None else (key, _session(key, begun))

    async def find(self, key: str) -> Session | None:
        """Find the session of who brings this; None where there is none, or it has ended."""
        found = await self.store.read(lambda tx: tx.logins.session(_hash(key)))
        if found is None or not self._lasts(found):
            return None
        at = self.clock()
        if at - found.seen_at >= SEEN_AGAIN:
            await self.store.write(lambda tx: tx.logins.seen(_hash(key), at))
        return _session(key, found)

    async def of(self, user_id: int) -> list[StoredSession]:
        found = await self.store.read(lambda tx: tx.logins.sessions(user_id))
        return [one for one in found if self._lasts(one)]

    async def speak(self, session: Session, locale: str) -> None:
        """Show somebody his pages in a language, as long as this session lasts."""
        await self.store.write(lambda tx: tx.logins.speak(session.name, locale))

    async def end(self, *names: str) -> None:
        await self.store.write(lambda tx: tx.logins.end(names))

    def _lasts(self, session: StoredSession) -> bool:
        at = self.clock()
        return at - session.seen_at < IDLE and at - session.begun_at < LONGEST


def _session(key: str, found: StoredSession) -> Session:
    csrf = hashlib.sha256(f"csrf {key}".encode()).hexdigest()
    return Session(found.user_id, found.name, found.locale, csrf)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
