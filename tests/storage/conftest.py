"""A store for each test, on both databases: a new SQLite file, and Postgres emptied after each."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.storage import Store, migrate
from bot.storage.tables import METADATA
from tests.storage.direct import Direct
from tests.support import postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres_server: postgres.Postgres) -> str:
    name = postgres_server.create()
    asyncio.run(migrate(postgres_server.url(name)))
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "bot.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: postgres.Postgres, postgres_database: str) -> Iterator[str]:
    yield postgres_server.url(postgres_database)
    # Far quicker than a new database for each test; a lock that a test left would fail this one.
    names = [table.name for table in reversed(METADATA.sorted_tables)]
    deletions = "; ".join(f"DELETE FROM {name}" for name in names)  # noqa: S608 - our tables
    postgres_server.run(f"SET lock_timeout = '5s'; {deletions}", postgres_database)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def db(url: str) -> Iterator[Direct]:
    opened = Direct(url)
    yield opened
    opened.close()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    yield opened
    await opened.close()
