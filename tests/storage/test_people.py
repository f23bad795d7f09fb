"""People: written when something changed, or once a day; what they chose, each choice by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bot.domain import Preferences, Scope
from bot.storage.people import SEEN_AGAIN_AFTER
from bot.storage.tables import CHATS, USERS
from tests.storage.direct import Direct
from tests.storage.rows import ANN, GROUP, NOON

SOON = NOON + timedelta(hours=1)
TOMORROW = NOON + SEEN_AGAIN_AFTER


@pytest.mark.parametrize(
    ("name", "username", "at", "written"),
    [
        ("Ann", None, SOON, False),
        ("Ann", None, TOMORROW, True),
        ("Anne", None, SOON, True),
        ("Ann", "ann", SOON, True),
    ],
)
def test_a_user_is_written_again_only_with_news(
    db: Direct, name: str, username: str | None, at: datetime, *, written: bool
) -> None:
    with db.transaction() as tx:
        tx.people.seen_user(ANN, "Ann", None, "en", NOON)
        tx.people.seen_user(ANN, name, username, "en", at)
        sql = tx.people._sql
        row = (sql.execute(select(USERS))).one()
    assert (ANN, name, username, "en", NOON, at if written else NOON) == tuple(row)


def test_a_chat_keeps_its_first_day_and_its_latest_title(db: Direct) -> None:
    with db.transaction() as tx:
        tx.people.seen_chat(GROUP, "group", "Cats", NOON)
        tx.people.seen_chat(GROUP, "supergroup", None, SOON)
        sql = tx.people._sql
        row = (sql.execute(select(CHATS))).one()
    assert tuple(row)[:5] == (GROUP, "supergroup", None, NOON, SOON)


def test_choices_are_kept_apart_and_can_be_taken_back(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.preferences.get(ANN) == Preferences()
        tx.preferences.choose(Scope(ANN), "model", "painter")
        tx.preferences.choose(Scope(ANN), "aspect_ratio", "16:9")
        assert tx.preferences.get(ANN) == Preferences("painter", "16:9")
        tx.preferences.choose(Scope(ANN), "model", None)
        assert tx.preferences.get(ANN) == Preferences(None, "16:9")
        tx.preferences.choose(Scope(ANN), "size", "2K")
        tx.preferences.choose(Scope(ANN), "count", 3)
        assert tx.preferences.get(ANN) == Preferences(None, "16:9", "2K", 3)
        tx.preferences.choose(Scope(ANN), "aspect_ratio", None)
        tx.preferences.choose(Scope(ANN), "size", None)
        assert tx.preferences.get(ANN) == Preferences(None, None, None, 3)
