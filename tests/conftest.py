"""How tests begin: one folder for all of them, and the whole bot in a conversation."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pytest
import pytest_asyncio
import structlog
from hypothesis import settings

from bot import log
from bot.storage import schema
from sandbox.gateway import Reply
from tests.support import postgres
from tests.support.conversation import Conversation, started
from tests.support.wire import Server, serving

if TYPE_CHECKING:
    from tests.support.s3 import S3

Start = Callable[..., AbstractAsyncContextManager[Conversation]]

SMALL = Reply(noise=1200)  # a tiny picture: nothing is drawn, so a conversation is quick
# One model that nothing stands in for, and that is not asked twice.
ALONE = """
extends = false
[[model]]
id = "gemini-2.5-flash-image"
label = "Alone"
edit_route = "chat/completions"
max_inputs = 3
"""
# What `make check` leaves to `make test`, by what stands in a test's id; and all property tests.
SLOW = {
    "kill": "processes that are killed and started again",
    "postgres": "a server of its own",
    "queue_dispatch": "the same, and processes",
    "many_processes": "the same",
    "several_processes": "processes, and a server of its own",
    "test_notices": "a server of its own",
    "copy_database": "a server of its own, and processes",
    "test_transfer": "a server of its own",
    "rolling_restart": "a server of its own, and processes",
    "bucket_backup": "an S3 server, and processes",
    "test_bucket": "an S3 server, and processes",
    "test_copy_media": "an S3 server, and processes",
    "test_shared_limits": "a server of its own",
    "test_page.py": "a browser",
    "test_page_": "a browser",
    "test_tour": "a browser",
    "stopped_process": "a process",
    "test_image": "an image's worth of packages",
    "test_main": "processes",
    "test_walkthrough": "processes of a copy",
    "goes_on_elsewhere": "two hundred people, a bot and another one",
    "bench/": "processes under measurement",
    "test_recording": "each recorded answer, cut in many ways",
    "test_failures": "floods and timeouts, as long as Telegram's",
    "outwaits": "a hold as long as Telegram's",
    "20_mb": "megabytes",
    "good_time": "megabytes",
    "200_mb": "megabytes",
}
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108 - pytest makes a folder of its own there


def pytest_configure() -> None:
    """Let the tests' folders be in memory where there is room, and examples take their time.

    A bot makes 257 folders at its start, and pytest deletes them again: 35 ms on a disk, 4 here.
    """
    # The same examples each time, so that a commit passes or does not; FUZZ=1 looks for others.
    derandomize = "FUZZ" not in os.environ
    settings.register_profile("any machine", deadline=None, derandomize=derandomize)
    settings.load_profile("any machine")
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        function = getattr(item, "obj", None)
        if getattr(function, "is_hypothesis_test", False) or any(w in item.nodeid for w in SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def empty_postgres_url(postgres_server: postgres.Postgres) -> Iterator[str]:
    """Name a database that nobody has had before."""
    with postgres_server.made() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bot.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def s3() -> Iterator[S3]:
    from tests.support.s3 import S3

    with S3().serving() as server:
        yield server
        obstore.delete(server.store(), list(server.names()))


@pytest.fixture
def own_log() -> Iterator[None]:
    """Let a test configure the log: what was set before is set again."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in log._QUIET}
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Settings with a catalogue in which no failure leads to another call of another model."""
    file = tmp_path / "alone.toml"
    file.write_text(ALONE)
    return {"MODELS_FILE": str(file)}


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: postgres.Postgres) -> str:
    """Name a database with all tables, to be copied."""
    name = postgres_server.create()
    asyncio.run(schema.migrate(postgres_server.url(name)))
    return name


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name the database of a conversation: nothing for a file in its folder; ON_POSTGRES=1 takes that."""
    if "ON_POSTGRES" not in os.environ or request.node.get_closest_marker("about_file"):
        yield ""
        return
    server: postgres.Postgres = request.getfixturevalue("postgres_server")
    with server.made(request.getfixturevalue("migrated_postgres")) as url:
        yield url


@pytest.fixture
def start(tmp_path: Path, database: str) -> Start:
    """Start the whole bot with settings of the test's own."""

    @asynccontextmanager
    async def begin(**changes: str) -> AsyncIterator[Conversation]:
        workers = 2 if database and "WORKERS" in os.environ else 0
        async with started(tmp_path, database, workers, **changes) as conversation:
            conversation.gateway.default = SMALL
            yield conversation

    return begin


@pytest_asyncio.fixture
async def chat(start: Start) -> AsyncIterator[Conversation]:
    """The whole bot on its sandbox, open to everybody."""
    async with start() as conversation:
        yield conversation


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    """A server that answers with exactly the bytes it is told."""
    async with serving() as server:
        yield server
