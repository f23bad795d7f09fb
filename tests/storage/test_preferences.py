"""Preferences: each choice by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import Preferences
from tests.storage.rows import ANN

if TYPE_CHECKING:
    from bot.storage import Store


async def test_choices_are_kept_apart_and_can_be_taken_back(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.preferences.get(ANN) == Preferences()
        await tx.preferences.set_model(ANN, "painter")
        await tx.preferences.set_aspect_ratio(ANN, "16:9")
        assert await tx.preferences.get(ANN) == Preferences("painter", "16:9")
        await tx.preferences.set_model(ANN, None)
        assert await tx.preferences.get(ANN) == Preferences(None, "16:9")
        await tx.preferences.set_size(ANN, "2K")
        await tx.preferences.set_count(ANN, 3)
        assert await tx.preferences.get(ANN) == Preferences(None, "16:9", "2K", 3)
        await tx.preferences.set_aspect_ratio(ANN, None)
        await tx.preferences.set_size(ANN, None)
        assert await tx.preferences.get(ANN) == Preferences(None, None, None, 3)
