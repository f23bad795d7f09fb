"""What is told once a period, to each by himself, and is remembered of so many only."""

from __future__ import annotations

import pytest

from bot.tg import told
from bot.tg.told import OncePerPeriod


def test_each_is_told_once_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 100.0
    once = OncePerPeriod(60.0, lambda: at)
    assert [once.add(1), once.add(1), once.add(2)] == [True, False, True]
    at = 159.0
    assert not once.add(1)
    at = 160.0
    assert [once.add(1), once.add(1)] == [True, False]
    monkeypatch.setattr(told, "REMEMBERED", 2)
    assert once.add(3)
    assert not once.add(1)
    assert once.add(2)  # forgotten to make room
