"""The doctor: looks at everything that may be wrong, beside a bot that runs, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from bot import log
from bot.config import BLANK, ConfigError, Settings, load_settings
from bot.domain import BotError
from bot.features.admin import inside_checks, outside_checks
from bot.features.admin.cli import aligned, print_rows
from bot.features.admin.findings import Finding, Level
from bot.features.admin.version import program_version

PATIENCE = 40.0  # seconds for each of those who are asked over the network
_STYLES = {Level.OK: "green", Level.NOTE: "", Level.WARNING: "yellow", Level.WRONG: "bold red"}
_OUTSIDE = {
    outside_checks.TELEGRAM: outside_checks.check_telegram,
    outside_checks.GATEWAY: outside_checks.check_gateways,
    outside_checks.CLOCK: outside_checks.check_clock,
}
_INSIDE: dict[str, Callable[[Settings], Iterable[Finding]]] = {
    inside_checks.SETTINGS: inside_checks.check_settings,
    inside_checks.BOT: inside_checks.check_bot,
    inside_checks.PROCESSES: inside_checks.check_processes,
    inside_checks.OPERATORS: inside_checks.check_operators,
    inside_checks.DATABASE: inside_checks.check_database,
    inside_checks.MEDIA: inside_checks.check_media,
    inside_checks.DISK: inside_checks.check_disk,
    inside_checks.DESCRIPTORS: inside_checks.check_descriptors,
    inside_checks.BACKUPS: inside_checks.check_backups,
}


async def examine(console: Console, *, as_json: bool) -> int:
    """Look, print what was found, and give the status to exit with.

    0 all is well, 1 something is wrong, 2 the settings are, so that nothing else was looked at.
    """
    try:
        settings = load_settings()
    except ConfigError as error:
        lines = str(error).splitlines()
        found = [Finding(inside_checks.SETTINGS, Level.WRONG, line) for line in lines]
        _print(found, console, as_json=as_json)
        return 2
    log.configure("CRITICAL", secrets=settings.secrets())  # what is wrong is told by the findings
    found = await diagnose(settings)
    _print(found, console, as_json=as_json)
    return int(any(one.level is Level.WRONG for one in found))


async def diagnose(settings: Settings) -> list[Finding]:
    """Look at everything, each for itself: what fails hides nothing of the others."""
    outside = (_asked(subject, settings) for subject in _OUTSIDE)
    subjects = (one for one in _INSIDE if one != inside_checks.SETTINGS)
    inside = (asyncio.to_thread(_looked_at, subject, settings) for subject in subjects)
    found = await asyncio.gather(*outside, *inside)
    # Keys that a catalogue names are known by now, and are no misspelt settings.
    last = await asyncio.to_thread(_looked_at, inside_checks.SETTINGS, settings)
    secrets = settings.secrets()
    return [_blanked(one, secrets) for one in (*last, *(one for some in found for one in some))]


async def _asked(subject: str, settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await _OUTSIDE[subject](settings)
    except TimeoutError:
        return [Finding(subject, Level.WRONG, f"no answer came in {PATIENCE:.0f} seconds")]
    except Exception as error:  # noqa: BLE001 - the others are looked at all the same
        return [_unlooked(subject, error)]


def _looked_at(subject: str, settings: Settings) -> list[Finding]:
    try:
        return list(_INSIDE[subject](settings))
    except Exception as error:  # noqa: BLE001 - as above
        return [_unlooked(subject, error)]


def _unlooked(subject: str, error: Exception) -> Finding:
    """Tell of what could not be looked at: ours in its words, another by its name and the system's."""
    if isinstance(error, BotError | OSError):
        return Finding(subject, Level.WRONG, " ".join(str(error).split()))
    return Finding(subject, Level.WRONG, f"it could not be looked at: {type(error).__name__}")


def _blanked(finding: Finding, secrets: tuple[str, ...]) -> Finding:
    """Take secrets out, whoever has repeated them."""
    text = log.blanked(finding.text)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, BLANK)
    return Finding(finding.subject, finding.level, text)


def _print(found: list[Finding], console: Console, *, as_json: bool) -> None:
    version, python = program_version(), platform.python_version()
    if as_json:
        well = all(one.level is not Level.WRONG for one in found)
        told = {"version": version, "python": python, "well": well}
        json.dump(told | {"findings": [asdict(one) for one in found]}, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    console.print(Text(f"picturebot {version}, Python {python}"))
    rows = [
        [Text(one.level, style=_STYLES[one.level]), Text(one.subject), Text(one.text)]
        for one in found
    ]
    print_rows(aligned(rows), console)
