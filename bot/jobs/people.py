"""People: how whoever writes is called is kept, and written again only when there is news."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain import Author
from bot.storage.people import SEEN_AGAIN_AFTER
from bot.storage.transaction import Transaction

REMEMBERED = 10_000  # users and chats whose row is known to be up to date


@dataclass(slots=True)
class RecentPeople:
    """Remembers what the rows of those say who wrote lately; `forget` after changes of the rows."""

    _recent: OrderedDict[tuple[str, int], tuple[Hashable, datetime]] = field(
        default_factory=OrderedDict
    )

    def remember(self, tx: Transaction, chat_id: int, author: Author, at: datetime) -> None:
        """Keep who wrote, and where."""
        if (user_id := author.user_id) is not None:
            named = author.name, author.username, author.language
            if self._is_news("user", user_id, named, at):
                tx.people.seen_user(user_id, *named, at)
                tx.after_commit(self._note, "user", user_id, named, at)
        titled = author.chat_kind, author.chat_title
        if self._is_news("chat", chat_id, titled, at):
            tx.people.seen_chat(chat_id, *titled, at)
            tx.after_commit(self._note, "chat", chat_id, titled, at)

    def forget(self) -> None:
        self._recent.clear()

    def _is_news(self, kind: str, key: int, facts: Hashable, at: datetime) -> bool:
        known, since = self._recent.get((kind, key), (None, at))
        return known != facts or at - since >= SEEN_AGAIN_AFTER

    def _note(self, kind: str, key: int, facts: Hashable, at: datetime) -> None:
        self._recent[kind, key] = facts, at
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
