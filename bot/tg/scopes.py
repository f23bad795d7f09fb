"""Scopes: whose settings are shown and changed, and from whom they inherit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot import inheritance
from bot.domain import Level
from bot.tg.keyboards import HERE, spelt

if TYPE_CHECKING:
    from bot.tg.keyboards import Verb


class Whose(StrEnum):
    """Which level a page is about."""

    ME = "me"
    GROUP = "group"
    TOPIC = "topic"
    CHANNEL = "channel"


# What these levels cannot choose: a channel is the only one who asks in it.
HIDDEN: dict[Whose, frozenset[str]] = {
    Whose.ME: inheritance.OF_GROUPS,
    Whose.GROUP: frozenset(),
    Whose.TOPIC: inheritance.OF_GROUPS,
    Whose.CHANNEL: inheritance.OF_GROUPS - {"prefix"},
}
# Where nothing is chosen, here each person's own choice holds.
EACH_OWN = frozenset({Whose.GROUP, Whose.TOPIC})


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose choices are shown, in which chat and topic.

    A `thread_id` of 0 is none, one below zero a topic of a channel's direct messages.
    A private chat has one level only: its `chat_id` is the user's.
    """

    whose: Whose
    user_id: int
    chat_id: int
    thread_id: int = 0

    @property
    def level(self) -> Level:
        """The level that is changed here."""
        return self.levels[0]

    @property
    def levels(self) -> list[Level]:
        """That level, and those that it inherits from."""
        match self.whose:
            case Whose.ME:
                return [Level(self.user_id)]
            case Whose.GROUP | Whose.CHANNEL:
                return [Level(self.chat_id)]
            case Whose.TOPIC:
                return [Level(self.chat_id, self.thread_id), Level(self.chat_id)]

    @property
    def above(self) -> list[Level]:
        """The levels of this place that beat a person's own."""
        if self.whose is not Whose.ME or self.chat_id > 0:
            return []
        return inheritance.levels(self.chat_id, self.chat_id, self.thread_id)

    def others(self) -> list[Scope]:
        """List the other levels that can be changed here."""
        if self.chat_id > 0 or self.whose is Whose.CHANNEL:
            return []
        whose = [Whose.TOPIC] if self.thread_id else []
        # Each topic of a channel's direct messages is somebody's own: no group talks there.
        whose += [Whose.GROUP] if self.thread_id >= 0 else []
        return [
            Scope(one, self.user_id, self.chat_id, self.thread_id)
            for one in (*whose, Whose.ME)
            if one is not self.whose
        ]

    def data(self, verb: Verb, argument: str) -> str:
        """Write what a button of this level says."""
        match self.whose:
            case Whose.ME:
                return f"{verb}:{argument}"
            case Whose.GROUP | Whose.CHANNEL:
                return f"{verb}@{spelt(-self.chat_id)}:{argument}"
            case Whose.TOPIC:
                return f"{verb}@{HERE}:{argument}"
