"""A database that is lost while the bot runs: it stops with one line, and Telegram keeps the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.conversation import PICTURE
from tests.support.process import Killable, running
from tests.support.waiting import within


def gone(bot: Killable) -> Path:
    return (bot.folder / "bot.db").rename(bot.folder / "elsewhere.db")


def replaced(bot: Killable) -> Path:
    kept = gone(bot)
    (bot.folder / "bot.db").write_bytes(kept.read_bytes())
    return kept


@pytest.mark.parametrize(
    ("happens", "told"),
    [(gone, "its file is gone"), (replaced, "another file is in its place")],
)
async def test_what_is_asked_of_a_lost_database_is_drawn_when_it_is_back(
    tmp_path: Path, happens: Callable[[Killable], Path], told: str
) -> None:
    async with running(tmp_path, SHUTDOWN_SECONDS="0") as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        kept = happens(bot)
        bot.alice.send(text="a blue fox")
        assert bot.process
        assert await within(bot.process.wait()) == 2
        assert bot.telegram.pending_updates
        said = [
            line for line in bot.log.read_text().splitlines() if line.startswith("DATABASE_URL")
        ]
        assert len(said) == 1
        assert told in said[0]
        kept.rename(tmp_path / "bot.db")
        await bot.begin()
        await bot.sees(bot.alice, PICTURE, PICTURE)
        await bot.telegram.until(lambda: not bot.telegram.pending_updates)
        assert len(bot.gateway.calls) == 2
