"""A backup under measurement: it is made while people write, and both are timed."""

from __future__ import annotations

from bench.backup import measure, rows


async def test_writes_are_timed_beside_a_backup_and_without() -> None:
    found = await measure(0.006, pictures=3, times=1)
    assert found.beside
    assert found.without
    assert [row[0] for row in rows(found)] == ["without", "beside a backup", "ratio"]
