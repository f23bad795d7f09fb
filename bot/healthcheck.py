"""A healthcheck: reads what the heartbeat wrote. Asked for all day, so it loads no more than that.

With the checked settings it would cost six times as much. A bot whose settings are wrong does not
run: then there is no file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from time import time

from bot.environment import read_variables

PARTS = ("polling", "dispatcher", "writer")
MISSED = 6  # beats in a row that a part may miss
QUIET = 2  # beats; a sign that is older is not new
# Seconds between two beats; what is farther ahead than they allow is a clock's mistake.
LONGEST = 20


def healthcheck(env_file: str = ".env") -> int:
    """Read the heartbeat, and say in one line what is wrong; gives the status to exit with."""
    try:
        variables = read_variables(os.environ, env_file)
        url = variables.secret("DATABASE_URL") or "data/bot.db"
        media = variables.get("MEDIA_URL") or "data/media"
        wrong = complaint(find_file(url, media))
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
    return Path(media_url, ".heartbeat")


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
