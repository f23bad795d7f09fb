"""Killed while a backup is made: half a one is never taken for one, and nobody notices."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bot.features.admin.backup import backups
from tests.support.command import ended
from tests.support.conversation import PICTURE
from tests.support.process import running
from tests.support.waiting import patient

ENDLESS = f"{'ab' * 32}"  # a picture that is read for longer than anybody waits


def endless(media: Path) -> Path:
    file = media / ENDLESS[:2] / ENDLESS
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        opened.truncate(1 << 40)
    return file


def found(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


async def comes(folder: Path, pattern: str) -> Path:
    async with patient():
        while not found(folder, pattern):
            await asyncio.sleep(0.01)
    return found(folder, pattern)[0]


@pytest.mark.parametrize("reached", ["", "bot.db", f"media/{ENDLESS[:2]}/{ENDLESS}"])
async def test_killed_while_it_is_made(tmp_path: Path, reached: str) -> None:
    into = tmp_path / "kept"
    async with running(tmp_path) as bot:
        await bot.end()
        file = endless(tmp_path / "media")
        await bot.begin(BACKUP_EVERY="1", BACKUP_DIR=str(into))
        await comes(into, f"*.partial/{reached}")
        with bot.telegram.hold("editMessageMedia", "before") as gate:
            bot.alice.send(text="a red fox")
            await gate.reached()
            await bot.kill()
        assert backups(into) == {}
        (half,) = into.iterdir()
        file.unlink()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert len(bot.gateway.calls) == 1
        whole = await comes(into, "*Z/manifest.json")
        assert half.exists()  # as far as the next one knows it is somebody else's, at work
        os.utime(half, (0, 0))
        place = {"DATABASE_URL": f"sqlite:///{tmp_path}/bot.db", "MEDIA_URL": f"{tmp_path}/media"}
        end = await ended(tmp_path, "backup", str(into), **place)
        assert end.code == 0, end
        assert not half.exists()
        assert whole.exists()
