"""Columns: moments in UTC, words of an enumeration."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import StatementError

from bot.domain import JobState, Preferences, Request, Scope
from bot.storage.columns import Word
from tests.storage.rows import ANN, NOON, draft

if TYPE_CHECKING:
    from tests.storage.direct import Direct


def test_a_moment_of_any_zone_comes_back_in_utc(db: Direct) -> None:
    shanghai = datetime(2026, 1, 1, 3, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with db.transaction() as tx:
        assert tx.jobs.add(draft(), shanghai) is not None
        found = tx.jobs.find(ANN, 1, 0)
    assert found is not None
    assert datetime(2025, 12, 31, 19, 0, 0, 123456, tzinfo=UTC) == found.created_at
    assert found.created_at.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(db: Direct) -> None:
    with pytest.raises(StatementError, match="without a time zone"), db.transaction() as tx:
        tx.keys.add("press", datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake


def test_what_a_database_cannot_keep_is_replaced_and_nothing_is_lost(db: Direct) -> None:
    with db.transaction() as tx:
        tx.preferences.choose(Scope(ANN), "model", "a\0b\ud83dc 🐈")
        assert tx.preferences.get(ANN) == Preferences(model="a\N{REPLACEMENT CHARACTER}b?c 🐈")
        asked = replace(draft(), request=Request("a\0b\ud83dc 🐈", "m"))
        assert tx.jobs.add(asked, NOON) is not None
        found = tx.jobs.find(ANN, 1, 0)
    assert found is not None
    assert found.request.prompt == "a\0b?c 🐈"


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="flying"):
        Word(JobState).process_result_value("flying", None)  # type: ignore[arg-type]
