"""What becomes of the log is no matter of the pictures."""

from __future__ import annotations

from pathlib import Path

from tests.kill.test_jobs import pictures_charged
from tests.support.conversation import PICTURE
from tests.support.process import running


async def test_a_full_log_disk_costs_no_picture(tmp_path: Path) -> None:
    (tmp_path / "bot.log").symlink_to("/dev/full")
    async with running(tmp_path) as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.row(bot.alice, "a blue fox", PICTURE)
        assert await pictures_charged(bot, bot.alice.id) == 2
        assert bot.process
        assert bot.process.returncode is None
