"""The lock: who has a database alone, by whatever name, before anything is migrated."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from bot.domain import StorageUnavailable
from bot.storage import migrate, postgres_leader
from bot.storage.engine import normalised
from bot.storage.lock import PAUSE, InUse, alone, file_lock
from bot.storage.schema import open_store
from tests.support.waiting import within

NEVER = asyncio.Event


async def test_a_file_is_locked_by_its_real_name_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.schema.TURN", 0)
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    with file_lock(make_url(f"sqlite:///{tmp_path}/link.db")):
        for name in ("real.db", "link.db", "../" + tmp_path.name + "/real.db"):
            url = f"sqlite:///{tmp_path}/{name}"
            with pytest.raises(InUse):
                async with open_store(url, 0, NEVER()):
                    pass
            with pytest.raises(InUse):
                await migrate(url)
    assert not (tmp_path / "real.db").exists()
    async with open_store(f"sqlite:///{tmp_path}/link.db", 0, NEVER()):
        assert (tmp_path / "real.db").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("there", [True, False])
def test_what_root_has_locked_its_owner_can_lock_later(tmp_path: Path, *, there: bool) -> None:
    database, owner = tmp_path / "bot.db", 10001
    if there:
        database.touch()
    os.chown(database if there else tmp_path, owner, owner)
    with file_lock(make_url(f"sqlite:///{database}")):
        pass
    assert (tmp_path / "bot.db.lock").stat().st_uid == owner


async def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable):
        async with open_store(f"sqlite:///{tmp_path}/file/bot.db", 0, NEVER()):
            pass


async def test_a_program_that_wants_a_postgres_alone_and_bots_exclude_each_other(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_leader, "MARGIN", 0.3)
    url = normalised(postgres_url)
    async with open_store(postgres_url, 0, NEVER()), open_store(postgres_url, 0, NEVER()):
        with pytest.raises(InUse):
            async with alone(url):
                pass
    async with alone(url):
        with pytest.raises(InUse):
            async with open_store(postgres_url, 0, NEVER()):
                pass
    async with open_store(postgres_url, 0, NEVER()):
        pass


async def test_who_is_stopped_while_he_waits_waits_no_longer(postgres_url: str) -> None:
    stop = asyncio.Event()

    async def bot() -> None:
        async with open_store(postgres_url, 600, stop):
            pass

    async with alone(normalised(postgres_url)):
        waiting = asyncio.create_task(bot())
        await asyncio.sleep(2 * PAUSE)
        assert not waiting.done()
        stop.set()
        with pytest.raises(InUse):
            await within(waiting)
