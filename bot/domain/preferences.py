"""Preferences: what somebody has chosen, and for where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SendAs(StrEnum):
    """How a picture comes into the chat: as a photo, as its untouched bytes, or both."""

    PHOTO = "photo"
    FILE = "file"
    BOTH = "both"


class CaptionLine(StrEnum):
    """Which pictures say how they were made: model, ratio and size."""

    CHANGES = "changes"  # those that another model, ratio or size made than was asked for before
    ALWAYS = "always"
    NEVER = "never"


class ChannelButtons(StrEnum):
    """How many buttons stand under a picture in a channel."""

    NONE = "none"
    ROW = "row"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody has chosen; None means what he inherits, in the end the default.

    `enhance` has prompts made better, and shown, before they are drawn. `send_as` is a word of
    SendAs, `caption` of CaptionLine, `buttons` (a channel's only) of ChannelButtons, `language` a
    locale. `prefix` and the allowances are a group's only: the word that addresses the bot, pictures
    a day of each member and of all (0 = no limit).
    """

    model: str | None = None
    aspect_ratio: str | None = None
    size: str | None = None
    count: int | None = None
    send_as: str | None = None
    language: str | None = None
    prefix: str | None = None
    ready_ping: bool | None = None
    member_day: int | None = None
    chat_day: int | None = None
    enhance: bool | None = None
    caption: str | None = None
    buttons: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose preferences: a user's or chat's, or with a `thread_id` those of a chat's topic."""

    account_id: int
    thread_id: int = 0
