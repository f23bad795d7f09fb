"""Scopes of the settings: whose choices a page shows, and what its buttons say of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain import Scope
from bot.jobs.preferences import OF_GROUPS, scopes
from bot.tg.callbacks import HERE, Verb, base36


class ScopeKind(StrEnum):
    """What a page is about."""

    ME = "me"
    GROUP = "group"
    TOPIC = "topic"
    CHANNEL = "channel"


OF_CHANNELS = frozenset({"buttons"})
# What cannot be chosen there: a channel is the only one who asks in it.
HIDDEN = {
    ScopeKind.ME: OF_GROUPS | OF_CHANNELS,
    ScopeKind.GROUP: OF_CHANNELS,
    ScopeKind.TOPIC: OF_GROUPS | OF_CHANNELS,
    ScopeKind.CHANNEL: OF_GROUPS - {"prefix"},
}
# Where nothing is chosen, here each person's own choice holds.
EACH_OWN = frozenset({ScopeKind.GROUP, ScopeKind.TOPIC})


@dataclass(frozen=True, slots=True)
class SettingsScope:
    """Whose choices are shown, in which chat and topic.

    A `thread_id` of 0 is none, one below zero a topic of a channel's direct messages.
    A private chat has one scope only: its `chat_id` is the user's.
    """

    kind: ScopeKind
    user_id: int
    chat_id: int
    thread_id: int = 0

    @property
    def inherited(self) -> list[Scope]:
        """The scope that is changed here, and those that it inherits from."""
        if self.kind is ScopeKind.ME:
            return [Scope(self.user_id)]
        of_topic = self.kind is ScopeKind.TOPIC
        return scopes(self.chat_id, self.chat_id, self.thread_id if of_topic else None)

    @property
    def overruling(self) -> list[Scope]:
        """The scopes of this place that beat a person's own."""
        if self.kind is not ScopeKind.ME or self.chat_id > 0:
            return []
        return scopes(self.chat_id, self.chat_id, self.thread_id)

    def others(self) -> list[SettingsScope]:
        if self.chat_id > 0 or self.kind is ScopeKind.CHANNEL:
            return []
        kinds = [ScopeKind.TOPIC] if self.thread_id else []
        # Each topic of a channel's direct messages is somebody's own: no group talks there.
        kinds += [ScopeKind.GROUP] if self.thread_id >= 0 else []
        kinds.append(ScopeKind.ME)
        return [replace(self, kind=kind) for kind in kinds if kind is not self.kind]

    def data(self, verb: Verb, argument: str) -> str:
        """Write what a button of this scope says; at most 64 bytes with what is offered."""
        match self.kind:
            case ScopeKind.ME:
                return f"{verb}:{argument}"
            case ScopeKind.GROUP | ScopeKind.CHANNEL:
                return f"{verb}@{base36(-self.chat_id)}:{argument}"
            case ScopeKind.TOPIC:
                return f"{verb}@{HERE}:{argument}"
