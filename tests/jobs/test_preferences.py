"""Choices at hand: what is remembered is never older than what is in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain import Preferences, Scope
from bot.jobs import preferences
from bot.jobs.preferences import PreferenceService
from bot.storage import Store, prepare

ANN, GROUP = 5, -7


@pytest_asyncio.fixture
async def chosen(tmp_path: Path) -> AsyncIterator[PreferenceService]:
    url = f"sqlite:///{tmp_path}/bot.db"
    await prepare(url)
    store = await Store.open(url)
    yield PreferenceService(store)
    await store.close()


async def test_a_choice_holds_at_once(chosen: PreferenceService) -> None:
    assert await chosen.at(ANN, GROUP, 3) == Preferences()
    await chosen.choose(Scope(ANN), "count", 2)
    await chosen.choose(Scope(GROUP), "size", "2K")
    await chosen.choose(Scope(GROUP, 3), "size", "4K")
    assert await chosen.at(ANN, GROUP, 3) == Preferences(count=2, size="4K")
    assert await chosen.at(ANN, GROUP, None) == Preferences(count=2, size="2K")
    assert await chosen.of(ANN) == Preferences(count=2)
    await chosen.choose(Scope(GROUP, 3), "size", None)
    assert await chosen.at(ANN, GROUP, 3) == Preferences(count=2, size="2K")


async def test_reading_beside_writing_leaves_nothing_stale(chosen: PreferenceService) -> None:
    for count in range(1, 30):
        reads = [chosen.of(ANN) for _ in range(3)]
        await asyncio.gather(*reads, chosen.choose(Scope(ANN), "count", count), chosen.of(ANN))
        assert (await chosen.of(ANN)).count == count


async def test_only_so_many_are_remembered(
    chosen: PreferenceService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preferences, "REMEMBERED", 2)
    for account in range(1, 6):
        await chosen.of(account)
    assert len(chosen._known) == 2
