"""Preferences: each choice by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import Level, Preferences
from tests.storage.rows import ANN

if TYPE_CHECKING:
    from tests.storage.direct import Direct


def test_choices_are_kept_apart_and_can_be_taken_back(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.preferences.get(ANN) == Preferences()
        tx.preferences.choose(Level(ANN), "model", "painter")
        tx.preferences.choose(Level(ANN), "aspect_ratio", "16:9")
        assert tx.preferences.get(ANN) == Preferences("painter", "16:9")
        tx.preferences.choose(Level(ANN), "model", None)
        assert tx.preferences.get(ANN) == Preferences(None, "16:9")
        tx.preferences.choose(Level(ANN), "size", "2K")
        tx.preferences.choose(Level(ANN), "count", 3)
        assert tx.preferences.get(ANN) == Preferences(None, "16:9", "2K", 3)
        tx.preferences.choose(Level(ANN), "aspect_ratio", None)
        tx.preferences.choose(Level(ANN), "size", None)
        assert tx.preferences.get(ANN) == Preferences(None, None, None, 3)
