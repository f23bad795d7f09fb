"""Logins: the links that operators were given and the sessions that they opened, as hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, or_, select, true, update

from bot.storage.process_tables import LOGINS
from bot.storage.repository import Repository

_L = LOGINS.c
_THIS = _L.hash == bindparam("of_hash")
_OF_USER = _L.user_id == bindparam("of_user")
_LINK, _SESSION = _L.name == "", _L.name != ""
_FACTS = _L.user_id, _L.name, _L.browser, _L.locale, _L.begun_at, _L.seen_at


@dataclass(frozen=True, slots=True)
class StoredSession:
    """Somebody who is logged in; `name` tells his sessions apart, and opens none."""

    user_id: int
    name: str
    browser: str
    locale: str
    begun_at: datetime
    seen_at: datetime


class StoredLogins(Repository):
    """A link is spent once, whichever process it is opened in."""

    _ADD = insert(LOGINS)

    def add_link(self, key: str, user_id: int, at: datetime) -> None:
        self._run(self._ADD, hash=key, user_id=user_id, begun_at=at, seen_at=at)

    def add_session(self, key: str, session: StoredSession) -> None:
        self._run(
            self._ADD,
            hash=key,
            user_id=session.user_id,
            name=session.name,
            browser=session.browser,
            begun_at=session.begun_at,
            seen_at=session.seen_at,
        )

    _SPEND_ALL = update(LOGINS).where(_OF_USER, _LINK).values(spent=true())

    def spend_links(self, user_id: int) -> None:
        self._run(self._SPEND_ALL, of_user=user_id)

    _SPEND = (
        update(LOGINS)
        .where(_THIS, _LINK, _L.spent.is_(False), _L.begun_at > bindparam("since"))
        .values(spent=true())
        .returning(_L.user_id)
    )

    def spend(self, key: str, since: datetime) -> int | None:
        """Use up a link that was made after a moment; tells whose it is, None where it is void."""
        found: int | None = self._value(self._SPEND, of_hash=key, since=since)
        return found

    _BEGUN = select(_L.begun_at, _L.spent).where(_THIS, _LINK)

    def link(self, key: str) -> tuple[datetime, bool] | None:
        """Tell when a link was made, and whether it is spent; None where it is none."""
        row = self._run(self._BEGUN, of_hash=key).first()
        return (row.begun_at, row.spent) if row else None

    _GET = select(*_FACTS).where(_THIS, _SESSION)

    def session(self, key: str) -> StoredSession | None:
        return self._one(StoredSession, self._GET, of_hash=key)

    _OF = select(*_FACTS).where(_OF_USER, _SESSION).order_by(_L.begun_at, _L.hash)

    def sessions(self, user_id: int) -> list[StoredSession]:
        """List somebody's sessions, the oldest first."""
        return self._all(StoredSession, self._OF, of_user=user_id)

    _SEEN = update(LOGINS).where(_THIS).values(seen_at=bindparam("at"))

    def seen(self, key: str, at: datetime) -> None:
        self._run(self._SEEN, of_hash=key, at=at)

    _SPEAK = (
        update(LOGINS)
        .where(_SESSION, _L.name == bindparam("of_name"))
        .values(locale=bindparam("spoken"))
    )

    def speak(self, name: str, locale: str) -> None:
        self._run(self._SPEAK, of_name=name, spoken=locale)

    _END = delete(LOGINS).where(_SESSION, _L.name.in_(bindparam("names", expanding=True)))

    def end(self, names: Sequence[str]) -> None:
        if names:
            self._run(self._END, names=list(names))

    _END_ALL = delete(LOGINS).where(_OF_USER, _SESSION)

    def log_out(self, user_id: int) -> None:
        """End all that somebody has: his sessions, and the link that may still open one."""
        self.spend_links(user_id)
        self._run(self._END_ALL, of_user=user_id)

    _PRUNE = delete(LOGINS).where(
        or_(
            _LINK & (_L.begun_at < bindparam("links_before")),
            _SESSION
            & ((_L.begun_at < bindparam("begun_before")) | (_L.seen_at < bindparam("seen_before"))),
        )
    )

    def prune(self, links_before: datetime, begun_before: datetime, seen_before: datetime) -> None:
        """Forget links of before a moment, and sessions that have ended by themselves."""
        self._run(
            self._PRUNE,
            links_before=links_before,
            begun_before=begun_before,
            seen_before=seen_before,
        )
