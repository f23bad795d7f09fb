"""Logins: one-time links that the bot sends to operators, and the sessions that they open.

All of it is in memory, as hashes (docs/decisions/0025-logins-are-in-memory.md): a restart ends it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

LINK, IDLE, LONGEST = 300.0, 2 * 3600.0, 12 * 3600.0  # seconds
SPENT = 1000  # links that are remembered though they are void
SESSIONS = 10  # of one person; who opens more loses the oldest


@dataclass(slots=True)
class Session:
    """Somebody who is logged in: since when and until when, in the clock's seconds.

    `csrf` stands in each of his forms; `locale` is empty until he has chosen one. `name` tells his
    sessions apart, and opens none.
    """

    user_id: int
    name: str
    browser: str
    begun: float
    seen: float
    csrf: str = field(default_factory=secrets.token_urlsafe, repr=False)
    locale: str = ""


@dataclass(slots=True)
class Logins:
    """Gives links to operators and sessions to who opens one; `clock` in seconds."""

    clock: Callable[[], float]
    _links: dict[bytes, tuple[int, float]] = field(default_factory=dict)
    _spent: dict[bytes, float] = field(default_factory=dict)
    _sessions: dict[bytes, Session] = field(default_factory=dict)

    def link(self, user_id: int) -> str:
        """Make what opens a session once, within five minutes; what he had before is void."""
        token = secrets.token_urlsafe(32)
        self._void(user_id)
        self._links[_hash(token)] = user_id, self.clock() + LINK
        return token

    def is_open(self, token: str) -> bool:
        _, until = self._links.get(_hash(token), (0, 0.0))
        return self.clock() < until

    def was_open(self, token: str) -> bool:
        """Whether it was a link within the last minutes: who was second with it does not guess."""
        return _hash(token) in self._spent

    def open(self, token: str, browser: str) -> tuple[str, Session] | None:
        """Use a link up; tells what the browser is to bring from now on. None where it is void."""
        valid = self.is_open(token)
        user_id, _ = self._links.get(_hash(token), (0, 0.0))
        self._void(user_id)
        if not valid:
            return None
        own = [key for key, one in self._sessions.items() if one.user_id == user_id]
        for oldest in own[: max(0, len(own) + 1 - SESSIONS)]:
            del self._sessions[oldest]
        key, at = secrets.token_urlsafe(32), self.clock()
        session = Session(user_id, secrets.token_hex(4), browser[:200], at, at)
        self._sessions[_hash(key)] = session
        return key, session

    def find(self, key: str) -> Session | None:
        """Find the session of who brings this; None where there is none, or it has ended."""
        session = self._sessions.get(_hash(key))
        if session is None:
            return None
        at = self.clock()
        if at - session.seen >= IDLE or at - session.begun >= LONGEST:
            self.end(session.name)
            return None
        session.seen = at
        return session

    def of(self, user_id: int) -> list[Session]:
        at = self.clock()
        own = [one for one in self._sessions.values() if one.user_id == user_id]
        return [one for one in own if at - one.seen < IDLE and at - one.begun < LONGEST]

    def log_out(self, user_id: int) -> None:
        """End all that somebody has: his sessions, and the link that may still open one."""
        self._void(user_id)
        self.end(*(one.name for one in self._sessions.values() if one.user_id == user_id))

    def _void(self, user_id: int) -> None:
        """Take his link from him, and forget those that have ended by themselves."""
        at, links = self.clock(), self._links.items()
        gone = {key: until for key, (who, until) in links if who == user_id or until <= at}
        self._links = {key: one for key, one in links if key not in gone}
        kept = [(key, until + LINK) for key, until in gone.items()]
        kept += [(key, until) for key, until in self._spent.items() if until > at]
        self._spent = dict(kept[:SPENT])

    def end(self, *names: str) -> None:
        self._sessions = {k: one for k, one in self._sessions.items() if one.name not in names}


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
