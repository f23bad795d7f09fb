"""The heavy account: what is written by SQL is what the bot reads, exports and erases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.heavy import measure


async def test_a_heavy_account_is_exported_and_erased_beside_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await measure(tmp_path, 120, 240)
    said = capsys.readouterr().out
    assert re.search(r"^export \(0 jobs left out\): ", said, re.MULTILINE)
    assert re.search(r"^forget, 3 slices: ", said, re.MULTILINE)
    assert re.search(r"^housekeeping: ", said, re.MULTILINE)
