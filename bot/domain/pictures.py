"""Pictures: those that people send and those that are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that a request works on: where to get its bytes.

    `sha256` names bytes that we already keep, `file_id` a file at Telegram; at least one is set.
    `size` is in bytes, as declared, not as measured.
    """

    file_id: str | None = None
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture: its bytes by sha256 in the media store, and where it stands in a chat.

    `size` in bytes, `width` and `height` in pixels, `mime` read from the bytes themselves.
    `file_id` is Telegram's name for it as delivered, `original_file_id` for the untouched bytes;
    `account_id` paid for it; one that was `deleted` is shown nowhere any more.
    """

    position: int
    sha256: str
    mime: str
    width: int
    height: int
    size: int
    id: int = 0
    job_id: int = 0
    chat_id: int | None = None
    message_id: int | None = None
    file_id: str | None = None
    original_file_id: str | None = None
    account_id: int = 0
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A picture stands in a message; `file_id` is Telegram's name for it as shown."""

    picture_id: int
    chat_id: int
    message_id: int
    file_id: str


@dataclass(frozen=True, slots=True)
class PendingDeletion:
    """A message with a picture that was erased `at` a moment."""

    chat_id: int
    message_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class PendingErasure:
    """An account's erasure under way; its jobs up to `up_to_job_id` are to be erased, 0 is none.

    The message in the account's private chat says how far it is. `stored` pictures were found in
    the storage chat.
    """

    account_id: int
    message_id: int
    locale: str
    up_to_job_id: int
    stored: int


@dataclass(frozen=True, slots=True)
class Undeletable:
    """How many messages of an account could not be taken out."""

    account_id: int
    locale: str
    messages: int
