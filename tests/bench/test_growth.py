"""Growth: the rows that the database copies are what the bot reads, and all work is timed there."""

from __future__ import annotations

from pathlib import Path

from bench.growth import ANN, OWN, WORK, filled, measure
from bot.features.history.service import HistoryService
from bot.features.inline.service import PictureSearch


async def test_what_is_copied_is_a_history(tmp_path: Path) -> None:
    async with filled(tmp_path / "bot.db", OWN + 500) as store:
        page = await HistoryService(store).step(ANN, ANN)
        assert page
        assert page.position == f"1/{OWN}"
        found = await PictureSearch(store).page(ANN, f"number {OWN}")
        assert [one.picture.id for one in found.pictures] == [OWN]
        assert await store.read(lambda tx: tx.ledger.audit()) == []


async def test_each_kind_of_work_is_timed_in_both() -> None:
    found = await measure(0.006, times=2)
    assert [one.work for one in found] == list(WORK)
    assert all(one.small > 0 and one.large > 0 for one in found)
