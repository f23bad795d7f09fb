"""Daily figures: a day that is over is counted once and kept, the current one is counted anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from bot.domain import Period
from bot.features.admin.daily_figures import (
    DAYS,
    SETTLED,
    DailyFigures,
    DayFigures,
    differences,
    usual,
)
from bot.storage import Store
from bot.storage.tables import JOBS
from tests.storage.rows import NOON, draft
from tests.support.database import migrated

DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(await migrated(tmp_path))
    await opened.write(lambda tx: [tx.jobs.add(draft(n), NOON - DAY) for n in (1, 2)])
    await opened.write(lambda tx: tx.jobs.add(draft(3), NOON))
    yield opened
    await opened.close()


async def counts(figures: DailyFigures) -> list[int]:
    """Tell how many jobs each of the last three days had."""
    days = await figures.latest()
    assert len(days) == DAYS
    return [day["jobs"] for day in days[-3:]]


async def test_a_day_that_is_over_is_shown_once_it_was_counted(store: Store) -> None:
    figures = DailyFigures(store, lambda: NOON)
    assert await counts(figures) == [0, 0, 1]
    await figures.keep()
    assert await counts(figures) == [0, 2, 1]


async def test_what_was_counted_stays_and_is_not_counted_again(store: Store) -> None:
    figures = DailyFigures(store, lambda: NOON)
    await figures.keep()
    await store.write(lambda tx: tx.jobs._sql.execute(delete(JOBS)))
    await figures.keep()
    figures.forget()
    assert await counts(figures) == [0, 2, 0]


async def test_the_current_day_is_counted_anew(store: Store) -> None:
    figures = DailyFigures(store, lambda: NOON)
    assert await counts(figures) == [0, 0, 1]
    await store.write(lambda tx: tx.jobs.add(draft(4), NOON))
    figures.forget()
    assert await counts(figures) == [0, 0, 2]


async def test_a_day_is_kept_only_once_its_jobs_have_ended(store: Store) -> None:
    moment = [MIDNIGHT + SETTLED - timedelta(seconds=1)]
    figures = DailyFigures(store, lambda: moment[0])
    await figures.keep()
    kept = await store.read(lambda tx: tx.reports.kept("2026-01-01"))
    assert Period.DAY.key(NOON - DAY) not in kept
    assert (await counts(figures))[1] == 2  # it is counted when it is looked at
    moment[0] += timedelta(seconds=1)
    await figures.keep()
    kept = await store.read(lambda tx: tx.reports.kept("2026-01-01"))
    assert kept[Period.DAY.key(NOON - DAY)]["jobs"] == 2


async def test_what_an_audit_found_is_shown_beside_a_day_s_figures(store: Store) -> None:
    figures = DailyFigures(store, lambda: NOON)
    assert differences(await figures.latest()) == 0
    for day, found in ((NOON - DAY, 7), (NOON, 3)):
        await store.write(lambda tx: tx.reports.audited(Period.DAY.key(day), found))  # noqa: B023 - awaited
        assert differences(await figures.latest()) == found
    await figures.keep()
    assert await counts(figures) == [0, 2, 1]
    await store.write(lambda tx: tx.reports.audited(Period.DAY.key(NOON), 0))
    assert differences(await figures.latest()) == 0


def test_a_day_is_compared_with_the_seven_before_it() -> None:
    counts = [900, *range(1, 8), 50]
    days = [DayFigures(NOON, {"pictures": n}) for n in counts]
    assert usual(days, lambda day: day["pictures"]) == 4


def test_what_somebody_cancelled_has_not_failed() -> None:
    figures = {"outcome:drawn": 9, "outcome:cancelled": 5, "outcome:refused": 2, "outcome:empty": 1}
    assert DayFigures(NOON, figures).failed == 3
