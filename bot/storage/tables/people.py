"""Users, chats, and what they have chosen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.tables.base import Base, core


class UserRow(Base):
    """A person, as Telegram last described him."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    username: Mapped[str | None]
    language: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class ChatRow(Base):
    """A chat, as Telegram last described it.

    `added_by` is who added the bot, `hinted_at` when it explained what it cannot see there.
    """

    __tablename__ = "chats"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    title: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    added_by: Mapped[int | None]
    hinted_at: Mapped[datetime | None]


class PreferenceRow(Base):
    """What a user or chat has chosen, or a chat's topic; NULL means what it inherits.

    `thread_id` is 0 outside of topics. `prefix` and the two allowances (pictures a day of each
    member, and of the whole chat; 0 is none) are a group's only.
    """

    __tablename__ = "preferences"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    thread_id: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, server_default="0"
    )
    model: Mapped[str | None]
    aspect_ratio: Mapped[str | None]
    size: Mapped[str | None]
    count: Mapped[int | None]
    send_as: Mapped[str | None]
    language: Mapped[str | None]
    prefix: Mapped[str | None]
    ready_ping: Mapped[bool | None]
    member_day: Mapped[int | None]
    chat_day: Mapped[int | None]
    enhance: Mapped[bool | None]


USERS = core(UserRow)
CHATS = core(ChatRow)
PREFERENCES = core(PreferenceRow)
