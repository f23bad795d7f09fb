"""A healthcheck: reads what the heartbeat wrote. Asked for all day, so it loads no more than that.

With the checked settings it would cost six times as much. A bot whose settings are wrong does not
run: then there is no file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import time

from bot.environment import read_variables

PARTS = ("polling", "dispatcher", "writer")
MISSED = 6  # beats in a row that a part may miss
QUIET = 2  # beats; a sign that is older is not new
SHARED = ".heartbeat"  # of several processes; each adds its machine and number
DEAD_SECONDS = 3600  # after which the file of who is not here is nobody's
# Seconds between two beats; what is farther ahead than they allow is a clock's mistake.
LONGEST = 20


def healthcheck(env_file: str = ".env") -> int:
    """Read the heartbeat, and say in one line what is wrong; gives the status to exit with."""
    try:
        variables = read_variables(os.environ, env_file)
        url = variables.secret("DATABASE_URL") or "data/bot.db"
        media = variables.get("MEDIA_URL") or "data/media"
        if media.startswith("s3://"):
            media = variables.get("MEDIA_TEMP_DIR") or "data/media"
        wrong = complaint_here(find_file(url, media))
    except ValueError as error:
        wrong = str(error)
    if wrong:
        sys.stderr.write(f"{wrong}\n")
    return 1 if wrong else 0


def find_file(database_url: str, media_url: str) -> Path:
    """Name the heartbeat's file: beside a SQLite database, else in the pictures' folder.

    The URLs as they are written, or as the settings have them.
    """
    scheme, found, rest = database_url.partition("://")
    if not found:
        return Path(f"{database_url}.heartbeat")
    if scheme.partition("+")[0] == "sqlite":
        return Path(f"{rest[1:]}.heartbeat")
    if media_url.startswith("file://"):
        from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - rarely needed

        media_url = unquote(urlsplit(media_url).path)
    return Path(media_url, SHARED)


def own_file(file: Path) -> Path:
    """Name this process's file: with a Postgres there may be others beside it.

    What the dead have left there is removed.
    """
    if file.name != SHARED:
        return file
    for other in file.parent.glob(f"{SHARED}.*"):
        with suppress(OSError):
            if not _is_alive(other) and time() - other.stat().st_mtime > DEAD_SECONDS:
                other.unlink()
    return file.with_name(f"{_here()}.{os.getpid()}")


def files_here(file: Path) -> list[Path]:
    """List the files of the processes that run on this machine."""
    if file.name != SHARED:
        return [file] if file.exists() else []
    return [one for one in sorted(file.parent.glob(f"{_here()}.*")) if _is_alive(one)]


def complaint_here(file: Path) -> str | None:
    """Tell in one line what is wrong with a process here, or that none runs; None where all is well."""
    files = files_here(file) or [file]
    return next(filter(None, map(complaint, files)), None)


def _here() -> str:
    return f"{SHARED}.{os.uname().nodename}"


def _is_alive(file: Path) -> bool:
    """Whether the process whose file it is runs here."""
    number = file.name.removeprefix(f"{_here()}.")
    if not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def complaint(file: Path) -> str | None:
    """Tell in one line what a heartbeat shows to be wrong; None where all is well."""
    try:
        read = json.loads(file.read_bytes())
        until, every = {part: float(read[part]) for part in PARTS}, float(read.get("every", 0))
    except FileNotFoundError:
        return f"the bot does not run: there is no {file}"
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    except (ValueError, LookupError, TypeError):
        return f"{file} is no heartbeat"
    late = stalled(until)
    # The parts' signs are not of one moment: where one is too old and no other is new, none lives.
    newest = max(until.values()) - MISSED * every
    if late and (len(late) == len(PARTS) or time() - newest > QUIET * every):
        return f"the whole bot has stalled: no sign of life in {file}"
    return f"stalled: {', '.join(late)}" if late else None


def stalled(until: Mapping[str, float]) -> list[str]:
    """Name the parts that are not believed to be alive now."""
    now = time()
    return [part for part in PARTS if not now < until[part] <= now + MISSED * LONGEST + 1]
