"""Postgres' own programs, pg_dump and pg_restore: nobody saves a Postgres better."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import URL

from bot.domain import StorageUnavailable

_ANSWER = 10.0  # seconds for a program to tell its version
_MISSING = "{} is not there: install the client of Postgres"
_PAUSE = 0.2  # seconds between two looks at whether to go on


def obstacle(server: str) -> str | None:
    """Say why pg_dump cannot save a server, of a version such as "Postgres 18.1". Blocks.

    None where it can, as far as its version tells: it refuses a server that is newer.
    """
    program = shutil.which("pg_dump")
    if program is None:
        return _MISSING.format("pg_dump")
    words, said = [program, "--version"], b""
    with suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run(words, capture_output=True, timeout=_ANSWER, check=False).stdout  # noqa: S603 - as below
    ours, theirs = re.search(r"\d+", said.decode("utf-8", "replace")), re.search(r"\d+", server)
    if not ours or not theirs or int(ours[0]) >= int(theirs[0]):
        return None
    mend = f"install the client of Postgres {theirs[0]} or newer (Debian: postgresql-client-{theirs[0]})"
    return f"pg_dump {ours[0]} does not save a Postgres {theirs[0]}: {mend}"


def save(url: URL, target: Path, go_on: Callable[[], object]) -> None:
    """Save one snapshot, compressed; whoever writes meanwhile does not wait. Blocks.

    Raises StorageUnavailable, in one line, and what `go_on` raises.
    """
    _run("pg_dump", url, "--format=custom", "--no-owner", f"--file={target}", go_on=go_on)
    check(target)


def check(file: Path) -> None:
    """Make sure that a file is a whole dump, as far as its list of contents tells."""
    _run("pg_restore", None, "--list", str(file))


def restore(url: URL, source: Path) -> None:
    """Make all tables in one transaction: all or none."""
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run("pg_restore", url, *options, f"--dbname={_dsn(url)}", str(source))


def _dsn(url: URL) -> str:
    """Write a connection without its password: everybody on a machine sees what programs are given."""
    query = {name: value for name, value in url.query.items() if name != "password"}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return plain.render_as_string(hide_password=False)


def _run(
    program: str, url: URL | None, *options: str, go_on: Callable[[], object] = lambda: None
) -> None:
    found = shutil.which(program)
    if found is None:
        raise StorageUnavailable(_MISSING.format(program))
    words, variables = [found, *options], dict(os.environ)
    if url is not None:
        words += [] if program == "pg_restore" else [f"--dbname={_dsn(url)}"]
        password = url.password or url.query.get("password")
        variables |= {"PGPASSWORD": str(password)} if password else {}
    with subprocess.Popen(  # noqa: S603 - no shell, and words of ours
        words,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            while True:
                go_on()
                with suppress(subprocess.TimeoutExpired):
                    _, said = process.communicate(timeout=_PAUSE)
                    break
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        raise StorageUnavailable(
            lines[0] if lines else f"{program} ended with {process.returncode}"
        )
