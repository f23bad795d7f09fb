"""The lock: one bot on one database, by whatever name, before anything is migrated."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from bot.domain import StorageLost, StorageUnavailable
from bot.storage import lock, migrate
from bot.storage.lock import InUse, file_lock, session_lock
from bot.storage.schema import open_store
from tests.support import postgres
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


async def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable):
        async with open_store(f"sqlite:///{tmp_path}/file/bot.db", 0, NEVER()):
            pass


async def test_a_second_bot_on_a_postgres_is_refused_after_a_while(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "MARGIN", 0.3)
    async with open_store(postgres_url, 0, NEVER()):
        with pytest.raises(InUse):
            async with open_store(postgres_url, 0, NEVER()):
                pass
    async with open_store(postgres_url, 0, NEVER()):
        pass


async def test_at_a_restart_the_second_one_waits_for_the_first_to_end(postgres_url: str) -> None:
    begun, end, order = asyncio.Event(), asyncio.Event(), list[str]()

    async def first() -> None:
        async with open_store(postgres_url, 0, NEVER()):
            begun.set()
            await end.wait()
            order.append("the first has ended")

    async def second() -> None:
        async with open_store(postgres_url, 600, NEVER()):
            order.append("the second has begun")

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        await begun.wait()
        waiting = group.create_task(second())
        await asyncio.sleep(3 * lock.PAUSE)
        assert not waiting.done()
        end.set()
    assert order == ["the first has ended", "the second has begun"]


async def test_who_is_stopped_while_he_waits_waits_no_longer(postgres_url: str) -> None:
    stop = asyncio.Event()

    async def second() -> None:
        async with open_store(postgres_url, 600, stop):
            pass

    async with open_store(postgres_url, 0, NEVER()):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(2 * lock.PAUSE)
        stop.set()
        with pytest.raises(InUse):
            await within(waiting)


async def test_a_session_that_breaks_is_replaced_unless_another_bot_was_quicker(
    postgres_server: postgres.Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "LOOK", 0.1)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    lost: asyncio.Queue[StorageLost] = asyncio.Queue()
    async with session_lock(url, 0, NEVER()) as first:
        postgres_server.run(cut)
        watching = asyncio.create_task(first.watch(lost.put_nowait))
        await asyncio.sleep(0.5)
        with pytest.raises(InUse):  # it has it again
            await lock.SessionLock(url).take(-lock.MARGIN, NEVER())
        assert lost.empty()
        watching.cancel()
        postgres_server.run(cut)
        async with session_lock(url, 5, NEVER()):
            watching = asyncio.create_task(first.watch(lost.put_nowait))
            assert "another bot" in str(await within(lost.get()))
            await watching
