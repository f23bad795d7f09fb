"""Chaos, a short one: `python -m tests.kill.chaos 300` plays it at length."""

from __future__ import annotations

from pathlib import Path

from tests.kill import chaos


async def test_whatever_dies_or_sleeps_each_prompt_is_one_picture(tmp_path: Path) -> None:
    played = await chaos.play(tmp_path, jobs=24, seconds=8, restarts=1, seed=3)
    assert len(played.done) > 2
    assert [one for one in played.done if one.startswith("WRONG")] == []
