"""A chat: its members, its topics, its messages and what the bot may do in it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .schema import Json

ChatType = Literal["private", "group", "supergroup", "channel"]
Standing = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]

KEPT_MESSAGES = 5_000  # in each chat; older ones are forgotten
GENERAL_TOPIC = 1
ACTION_SECONDS = 5.0  # how long "sending photo…" is shown
_TOPIC_COLOUR = 7_322_096


@dataclass(frozen=True, slots=True)
class User:
    """An account: a person's, the bot's, or one of Telegram's own."""

    id: int
    first_name: str
    is_bot: bool = False
    username: str | None = None
    language: str | None = None

    def form(self) -> Json:
        """Give the `User` object."""
        form: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username:
            form["username"] = self.username
        if self.language and not self.is_bot:
            form["language_code"] = self.language
        return form


# Telegram's own account that speaks for administrators who hide behind the group.
ANONYMOUS = User(1_087_968_824, "Group", is_bot=True, username="GroupAnonymousBot")
CHANNEL_BOT = User(136_817_688, "Channel", is_bot=True, username="Channel_Bot")


@dataclass(frozen=True, slots=True)
class Topic:
    """A forum topic; its id is its message_thread_id."""

    id: int
    name: str
    closed: bool = False

    def form(self) -> Json:
        """Give the `ForumTopic` object."""
        return {"message_thread_id": self.id, "name": self.name, "icon_color": _TOPIC_COLOUR}


Forces = Literal["all", "named"]


class HasId(Protocol):
    """Who or what stands for a chat: a person for his own with the bot."""

    id: int


Place = int | HasId  # a chat by its id, or what stands for it


def id_of(place: Place) -> int:
    return place if isinstance(place, int) else place.id


def direct_topic(user: User) -> Json:
    """Say that a message is in a user's topic of a channel's direct messages."""
    return {"direct_messages_topic": {"topic_id": user.id, "user": user.form()}}


@dataclass(frozen=True, slots=True)
class Action:
    """A chat action that the bot has shown."""

    name: str
    thread: int | None
    at: float


@dataclass(slots=True)
class Post:
    """A message and who really wrote it (posts of a channel do not say).

    A message that the bot has by an inline query or a guest's question has an `inline_id`. The
    apps of those whom it `forces` begin a reply to it: "all", or who is mentioned or replied to.
    """

    message: Json
    author: int
    inline_id: str | None = None
    forces: Forces | None = None


@dataclass(slots=True, eq=False)
class Chat:
    """The state of a chat; `id` changes only by becoming another chat."""

    id: int
    type: ChatType
    name: str
    take_id: Callable[[], int]
    username: str | None = None
    is_forum: bool = False
    is_direct: bool = False  # a channel's direct messages: everybody has a topic in them
    standings: dict[int, Standing] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    posts: dict[int, Post] = field(default_factory=dict)
    actions: deque[Action] = field(default_factory=lambda: deque(maxlen=50))
    drafts: deque[Json] = field(default_factory=lambda: deque(maxlen=50))
    reactions: dict[int, list[Json]] = field(default_factory=dict)
    migrated_to: int | None = None
    photos_forbidden: bool = False
    acting: bool = False
    version: int = 0

    def form(self) -> Json:
        """Give the `Chat` object."""
        key = "first_name" if self.type == "private" else "title"
        form: Json = {"id": self.id, "type": self.type, key: self.name}
        if self.username:
            form["username"] = self.username
        if self.is_forum:
            form["is_forum"] = True
        if self.is_direct:
            form["is_direct_messages"] = True
        return form

    def join(self, user: User, standing: Standing = "member") -> None:
        """Let a user in, or change what he is here."""
        self.users[user.id] = user
        self.standings[user.id] = standing

    def standing(self, user_id: int) -> Standing:
        """Tell what a user is here; strangers have left."""
        return self.standings.get(user_id, "left")

    def may_administer(self, user_id: int) -> bool:
        return self.standing(user_id) in {"creator", "administrator"}

    def is_in(self, user_id: int) -> bool:
        return self.standing(user_id) not in {"left", "kicked"}

    def keep(self, post: Post) -> None:
        """Add or replace a message, forgetting the oldest beyond the limit."""
        self.posts[post.message["message_id"]] = post
        if len(self.posts) > KEPT_MESSAGES:
            self.posts.pop(next(iter(self.posts)))
        self.version += 1

    def forget(self, message_id: int) -> bool:
        """Delete a message; False when there is none."""
        self.version += 1
        self.reactions.pop(message_id, None)
        return self.posts.pop(message_id, None) is not None

    def act(self, name: str, thread: int | None) -> None:
        self.actions.append(Action(name, thread, time.monotonic()))
        self.acting = True
        self.version += 1

    def rest(self) -> None:
        """Show no action any more: what was announced has come."""
        self.acting = False

    def visible_actions(self) -> list[str]:
        """Name the actions that a person would see now."""
        if not self.acting:
            return []
        since = time.monotonic() - ACTION_SECONDS
        return sorted({action.name for action in self.actions if action.at >= since})
