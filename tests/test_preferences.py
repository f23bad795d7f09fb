"""Choices at hand: what is remembered is never older than what is in the database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest_asyncio

from bot import preferences
from bot.domain import Level, Preferences
from bot.preferences import Chosen
from bot.storage import Store, prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

ANN, GROUP = 5, -7


@pytest_asyncio.fixture
async def chosen(tmp_path: Path) -> AsyncIterator[Chosen]:
    url = f"sqlite:///{tmp_path}/bot.db"
    await prepare(url)
    store = await Store.open(url)
    yield Chosen(store)
    await store.close()


async def test_a_choice_holds_at_once(chosen: Chosen) -> None:
    assert await chosen.at(ANN, GROUP, 3) == Preferences()
    await chosen.choose(Level(ANN), "count", 2)
    await chosen.choose(Level(GROUP), "size", "2K")
    await chosen.choose(Level(GROUP, 3), "size", "4K")
    assert await chosen.at(ANN, GROUP, 3) == Preferences(count=2, size="4K")
    assert await chosen.at(ANN, GROUP, None) == Preferences(count=2, size="2K")
    assert await chosen.of(ANN) == Preferences(count=2)
    await chosen.choose(Level(GROUP, 3), "size", None)
    assert await chosen.at(ANN, GROUP, 3) == Preferences(count=2, size="2K")


async def test_reading_beside_writing_leaves_nothing_stale(chosen: Chosen) -> None:
    for count in range(1, 30):
        reads = [chosen.of(ANN) for _ in range(3)]
        await asyncio.gather(*reads, chosen.choose(Level(ANN), "count", count), chosen.of(ANN))
        assert (await chosen.of(ANN)).count == count


async def test_only_so_many_are_remembered(chosen: Chosen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences, "REMEMBERED", 2)
    for account in range(1, 6):
        await chosen.of(account)
    assert len(chosen._known) == 2
