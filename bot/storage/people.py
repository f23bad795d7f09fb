"""People: users and chats as Telegram last described them, and what they have chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import Table, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from bot.domain import Preferences, Scope
from bot.storage.repository import Repository
from bot.storage.tables import CHATS, PREFERENCES, USERS

SEEN_AGAIN_AFTER = timedelta(days=1)

_C = PREFERENCES.c
_FIELDS = tuple(field.name for field in fields(Preferences))
_MOST_SCOPES = 3  # a topic, its chat, a user
_NEW = insert(PREFERENCES)
_NEW_HINT = insert(CHATS)


def _seen(table: Table, *facts: str) -> Insert:
    """Insert a row, or update it where a fact has changed or was last confirmed long ago."""
    new = insert(table)
    changed = (table.c[fact].is_distinct_from(new.excluded[fact]) for fact in facts)
    return new.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={fact: new.excluded[fact] for fact in (*facts, "last_seen")},
        where=or_(*changed, table.c.last_seen <= bindparam("stale")),
    )


class People(Repository):
    """The users and chats that have talked to the bot."""

    _SEEN_USER = _seen(USERS, "name", "username", "language")

    def seen_user(
        self, user_id: int, name: str, username: str | None, language: str | None, at: datetime
    ) -> None:
        """Keep how a user is called; writes once a day at most unless something changed."""
        row = {"id": user_id, "name": name, "username": username, "language": language}
        self._run(self._SEEN_USER, **row, **_times(at))

    _SEEN_CHAT = _seen(CHATS, "kind", "title")

    def seen_chat(self, chat_id: int, kind: str, title: str | None, at: datetime) -> None:
        """Keep what a chat is; writes once a day at most unless something changed."""
        self._run(self._SEEN_CHAT, id=chat_id, kind=kind, title=title, **_times(at))

    _LANGUAGE = select(USERS.c.language).where(USERS.c.id == bindparam("of_user"))

    def language(self, user_id: int) -> str | None:
        found: str | None = self._value(self._LANGUAGE, of_user=user_id)
        return found

    _KIND = select(CHATS.c.kind).where(CHATS.c.id == bindparam("of_chat"))

    def kind(self, chat_id: int) -> str | None:
        """Tell what Telegram calls a chat: private, group, supergroup or channel; None if unknown."""
        found: str | None = self._value(self._KIND, of_chat=chat_id)
        return found

    _NAMED = (
        select(USERS.c.id)
        .where(func.lower(USERS.c.username) == func.lower(bindparam("of_name")))
        .order_by(USERS.c.last_seen.desc())
        .limit(1)
    )

    def named(self, username: str) -> int | None:
        """Find who was last seen by this @name; reads all users, for operators."""
        found: int | None = self._value(self._NAMED, of_name=username)
        return found

    _TITLE = select(CHATS.c.title).where(CHATS.c.id == bindparam("of_chat"))

    def title(self, chat_id: int) -> str | None:
        found: str | None = self._value(self._TITLE, of_chat=chat_id)
        return found

    _ADDED = (
        update(CHATS).where(CHATS.c.id == bindparam("of_chat")).values(added_by=bindparam("by"))
    )

    def added(self, chat_id: int, by: int) -> None:
        self._run(self._ADDED, of_chat=chat_id, by=by)

    _ADDED_BY = (
        select(CHATS.c.added_by, USERS.c.language)
        .outerjoin_from(CHATS, USERS, USERS.c.id == CHATS.c.added_by)
        .where(CHATS.c.id == bindparam("of_chat"), CHATS.c.added_by.is_not(None))
    )

    def added_by(self, chat_id: int) -> tuple[int, str | None] | None:
        """Tell who added the bot to a chat, and his language, as far as it is known."""
        row = self._run(self._ADDED_BY, of_chat=chat_id).first()
        return (row.added_by, row.language) if row else None

    _HINTED = _NEW_HINT.on_conflict_do_update(
        index_elements=[CHATS.c.id],
        set_={"hinted_at": _NEW_HINT.excluded.hinted_at},
        where=CHATS.c.hinted_at.is_(None),
    ).returning(CHATS.c.id)

    def hint(self, chat_id: int, at: datetime) -> bool:
        """Note that a group is told what the bot cannot see; False if it was before."""
        row = {"id": chat_id, "kind": "group", "first_seen": at, "last_seen": at, "hinted_at": at}
        return self._any(self._HINTED, **row)


def _times(at: datetime) -> dict[str, datetime]:
    return {"first_seen": at, "last_seen": at, "stale": at - SEEN_AGAIN_AFTER}


class ChosenPreferences(Repository):
    """What was chosen for each scope; one for which nothing was chosen has no row."""

    # Not IN (VALUES …), for which SQLite reads the whole table.
    _GET = select(PREFERENCES).where(
        or_(
            *(
                and_(_C.account_id == bindparam(f"a{n}"), _C.thread_id == bindparam(f"t{n}"))
                for n in range(_MOST_SCOPES)
            )
        )
    )

    def get(self, account_id: int) -> Preferences:
        (own,) = self.of_scopes([Scope(account_id)])
        return own

    def of_scopes(self, scopes: Sequence[Scope]) -> list[Preferences]:
        """Look up what was chosen for each of at most three scopes."""
        wanted = [*scopes, *[scopes[-1]] * (_MOST_SCOPES - len(scopes))]
        keys = {f"a{n}": scope.account_id for n, scope in enumerate(wanted)}
        keys |= {f"t{n}": scope.thread_id for n, scope in enumerate(wanted)}
        found = {
            Scope(row["account_id"], row["thread_id"]): Preferences(
                **{name: row[name] for name in _FIELDS}
            )
            for row in self._run(self._GET, **keys).mappings()
        }
        return [found.get(scope, Preferences()) for scope in scopes]

    _CHOOSE = {  # noqa: RUF012 - never changed
        name: _NEW.on_conflict_do_update(
            index_elements=["account_id", "thread_id"], set_={name: _NEW.excluded[name]}
        )
        for name in _FIELDS
    }

    def choose(self, scope: Scope, field: str, value: str | int | None) -> None:
        """Choose a field of Preferences for a scope and leave the others; None goes back."""
        key = {"account_id": scope.account_id, "thread_id": scope.thread_id}
        self._run(self._CHOOSE[field], **key, **{field: value})
