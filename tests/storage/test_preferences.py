"""Preferences: each choice by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import Preferences, Scope
from tests.storage.rows import ANN

if TYPE_CHECKING:
    from tests.storage.direct import Direct


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
