"""What a doctor looks at on this machine: settings, database, pictures, disk and backups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from stat import S_IROTH, S_IXOTH

from bot import descriptors
from bot.config import ConfigError, Settings
from bot.domain import BotError, MediaUnavailable, now
from bot.features.admin.backup_place import here
from bot.features.admin.findings import Finding, Level
from bot.features.admin.missing_pictures import BATCH, has_pictures, missing_pictures
from bot.features.admin.places import nearest, unwritable
from bot.features.admin.thresholds import newest_backup, room_in
from bot.gateway.connect import check_gateways
from bot.healthcheck import complaint_here, files_here
from bot.heartbeat import heartbeat_file
from bot.jobs.options import instead_of_default, load_options, load_presets_for
from bot.media.kept_files import S3, KeptFiles, open_files
from bot.storage import saved_database, sqlite_copy, state
from bot.storage.schema import REVISION, SchemaTooNew, sqlite_file
from bot.storage.transaction import Transaction

MOST_NAMED = 5
STRAY = timedelta(days=2)  # by then a bot that runs has deleted what is nobody's
SETTINGS, BOT, DATABASE, MEDIA, DISK = "settings", "bot", "database", "media", "disk"
BACKUPS, DESCRIPTORS, PROCESSES = "backups", "descriptors", "processes"
OPERATORS = "operators"


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Read all that a start reads, as it does."""
    try:
        options = load_options(settings, now)
        load_presets_for(options, settings.presets_file)
        if settings.telegram_bot_token:  # without one the sandbox starts, with a key of its own
            check_gateways(options.catalogue, settings)
    except ConfigError as error:
        yield Finding(SETTINGS, Level.WRONG, " ".join(str(error).split()))
    else:
        yield Finding(SETTINGS, Level.OK, "all can be read (`config` prints them)")
        if (instead := instead_of_default(options)) is not None:
            said = f"DEFAULT_MODEL, {options.default.id}, is no longer offered; try {instead or 'none'}"
            yield Finding(SETTINGS, Level.WARNING, said)
    for name, meant in settings.misspelt():
        yield Finding(SETTINGS, Level.WARNING, f"{name} is no setting; is {meant} meant?")
    for name in settings.quoted():
        yield Finding(SETTINGS, Level.NOTE, f"{name} came in quotes, which are taken off")


def check_descriptors(settings: Settings) -> Iterator[Finding]:
    """Ask for as many as the bot will, for this process alone; raises StartError as a start does."""
    descriptors.reserve(settings.max_concurrency)
    yield Finding(DESCRIPTORS, Level.OK, f"enough for MAX_CONCURRENCY={settings.max_concurrency}")


def check_bot(settings: Settings) -> Iterator[Finding]:
    file = heartbeat_file(settings)
    if not files_here(file):
        yield Finding(BOT, Level.NOTE, "it does not run here")
    elif wrong := complaint_here(file):
        yield Finding(BOT, Level.WRONG, wrong)
    else:
        yield Finding(BOT, Level.OK, "it runs, and nothing has stalled")


def check_processes(settings: Settings) -> Iterator[Finding]:
    """Look who is on a Postgres; a file has one process, which tells of itself."""
    url = settings.database_url.get_secret_value()
    if sqlite_file(url):
        return
    with suppress(BotError):  # which is told of the database
        if state.is_current(url):
            yield _who_is_there(url)


def _who_is_there(url: str) -> Finding:
    from bot.storage.postgres_leader import presence  # noqa: PLC0415 - most bots are alone

    with state.reading(url) as sql:
        there = presence(sql)
    if not there.processes:
        return Finding(PROCESSES, Level.NOTE, "none is on the database")
    here = f"on the database: {there.processes};"
    if there.led and there.worked_on:
        return Finding(PROCESSES, Level.OK, f"{here} one of them leads, and jobs are worked on")
    missing = "none of them draws: start a `picturebot worker`"
    if not there.led:
        missing = "none of them leads, so nothing new is taken: start a `picturebot run`"
    return Finding(PROCESSES, Level.WRONG, f"{here} {missing}")


def check_operators(settings: Settings) -> Iterator[Finding]:
    """Tell whether anybody operates the bot; nobody's number is told."""
    url, operators = settings.database_url.get_secret_value(), set(settings.admin_ids)
    with suppress(BotError):  # which is told of the database
        if state.is_current(url):
            rules = state.read(url, lambda tx: tx.decisions.rules())
            operators |= {one.account_id for one in rules if one.owner}
    if operators:
        yield Finding(OPERATORS, Level.OK, f"they are {len(operators)}")
    else:
        said = "nobody hears of what is wrong: set ADMIN_IDS, or open the link in the bot's log"
        yield Finding(OPERATORS, Level.NOTE, said)


def check_database(settings: Settings) -> Iterator[Finding]:
    """Look at pages and books; indexes are looked at in each backup."""
    url = settings.database_url.get_secret_value()
    file = sqlite_file(url)
    if file and (problem := unwritable(file.parent) or _read_only(file)):
        yield Finding(DATABASE, Level.WRONG, f"DATABASE_URL cannot be used: {problem}")
        return
    try:
        found = state.look(url)
    except BotError as error:
        yield Finding(DATABASE, Level.WRONG, " ".join(str(error).split()))
        return
    if found is None:
        yield Finding(DATABASE, Level.NOTE, f"there is none at {file}: a start makes it")
        return
    yield _schema(found, on_server=file is None)
    if file and file.stat().st_mode & S_IROTH and file.parent.stat().st_mode & S_IXOTH:
        said = f"everybody on this machine can read {file}: chmod -R go= {file.parent}"
        yield Finding(DATABASE, Level.WARNING, said)
    for difference in found.differences:
        yield Finding(DATABASE, Level.WRONG, f"the books do not agree: {difference}")
    if found.journal not in {None, "wal"} and heartbeat_file(settings).exists():  # a start sets it
        said = f"its journal mode is {found.journal}, not wal: is it on a disk of this machine?"
        yield Finding(DATABASE, Level.WARNING, said)
    if found.journal and sqlite_copy.may_lose_writes():
        said = (
            f"{found.server} may lose writes (its WAL-reset fault is mended in"
            f" {sqlite_copy.FIXED_IN}, perhaps in your distribution's, too)"
        )
        yield Finding(DATABASE, Level.WARNING, said)


def _read_only(file: Path) -> str | None:
    return f"{file} cannot be written" if file.exists() and not os.access(file, os.W_OK) else None


def _schema(found: state.DatabaseState, *, on_server: bool) -> Finding:
    if found.is_newer and found.suitable:
        newer = f"schema {found.revision}, of a newer version, which works with this one"
        return Finding(DATABASE, Level.NOTE, f"it has {newer}")
    if found.is_newer:
        return Finding(DATABASE, Level.WRONG, str(SchemaTooNew(str(found.revision))))
    if not found.is_current:
        what = f"schema {found.revision}" if found.revision else "no tables"
        if on_server:
            return Finding(DATABASE, Level.WRONG, f"it has {what}: run `migrate`")
        return Finding(
            DATABASE, Level.NOTE, f"it has {what}: the next start brings it to {REVISION}"
        )
    said = f"{found.server}, schema {REVISION}, whole, {{}}"
    return Finding(
        DATABASE,
        Level.OK,
        said.format("but for its books" if found.differences else "the books agree"),
    )


def check_media(settings: Settings) -> Iterator[Finding]:
    folder, what = settings.media_folder, settings.media_url
    if problem := unwritable(folder) or unwritable(folder / "partial"):
        name = "MEDIA_TEMP_DIR" if what.startswith(S3) else "MEDIA_URL"
        yield Finding(MEDIA, Level.WRONG, f"{name} cannot be used: {problem}")
    if not what.startswith(S3) and not folder.is_dir():
        if not problem:
            yield _without_folder(settings)
        return
    url = settings.database_url.get_secret_value()
    try:
        with closing(open_files(settings)) as files:
            next(files.all(), None)
            current = state.is_current(url)
            missing = missing_pictures(url, files, settings.media_retention_days) if current else []
            strays = _strays(url, files) if current else 0
    except MediaUnavailable as error:
        yield Finding(MEDIA, Level.WRONG, f"MEDIA_URL cannot be used: {error}")
        return
    except BotError:
        said = "not compared with the database, which cannot be read"
        yield Finding(MEDIA, Level.NOTE, said)
        return
    if missing:
        names = ", ".join(missing[:MOST_NAMED])
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        yield Finding(MEDIA, Level.WRONG, f"pictures are missing in {what}: {names}{more}")
    elif current:
        yield Finding(MEDIA, Level.OK, "every picture of the database is there")
    if strays:
        said = f"old files that are no picture's: {strays} (a bot that runs deletes them)"
        yield Finding(MEDIA, Level.NOTE, said)


def _without_folder(settings: Settings) -> Finding:
    """Say that there is no folder: at a first start it is right, else a disk may not be mounted."""
    folder, url = settings.media_folder, settings.database_url.get_secret_value()
    with suppress(BotError):  # which is told of the database
        if state.is_current(url) and has_pictures(url, settings.media_retention_days):
            said = f"there is no {folder}, in which the database has pictures"
            mend = "is its disk mounted, and MEDIA_URL right?"
            return Finding(MEDIA, Level.WRONG, f"{said}: {mend}")
    return Finding(MEDIA, Level.NOTE, f"there is no {folder}: a start makes it")


def _known(files: list[str], tx: Transaction) -> set[str]:
    return tx.pictures.known(files)


def _strays(url: str, files: KeptFiles) -> int:
    until, strays = (now() - STRAY).timestamp(), 0
    old = (file.sha256 for file in files.all() if file.used < until)
    while batch := list(islice(old, BATCH)):
        known = state.read(url, partial(_known, batch))
        strays += len(set(batch) - known)
    return strays


def check_disk(settings: Settings) -> Iterator[Finding]:
    folders = {"pictures": settings.media_folder, "backups": here(settings)}
    if file := sqlite_file(settings.database_url.get_secret_value()):
        folders["the database"] = file.parent
    for what, folder in folders.items():
        if unwritable(folder):  # which is told where it belongs
            continue
        room = room_in(nearest(folder), settings)
        said, least = f"{room.free} MB are free for {what}", f"MIN_FREE_MB, {room.least}"
        if room.full:
            yield Finding(DISK, Level.WRONG, f"{said}, less than {least}")
        elif room.low:
            yield Finding(DISK, Level.WARNING, f"{said}, less than twice {least}")
        else:
            yield Finding(DISK, Level.OK, said)


def check_backups(settings: Settings) -> Iterator[Finding]:
    if problem := unwritable(here(settings)):
        level = Level.WRONG if settings.backup_every else Level.WARNING
        yield Finding(BACKUPS, level, f"BACKUP_DIR cannot be used: {problem}")
    with suppress(BotError):  # which is told of the database
        if lacks := saved_database.obstacle(settings.database_url.get_secret_value()):
            yield Finding(BACKUPS, Level.WRONG if settings.backup_every else Level.NOTE, lacks)
            if settings.backup_every:
                return
    newest = newest_backup(settings, now())
    at = newest.made_at
    age = f"the newest in {settings.backup_dir} is of {at:%Y-%m-%d %H:%M} UTC" if at else ""
    if not settings.backup_every:
        said = age or "BACKUP_EVERY is off, and there is none in BACKUP_DIR"
        yield Finding(BACKUPS, Level.NOTE, said)
    elif not newest.late:
        yield Finding(BACKUPS, Level.OK, age)
    else:
        said = age or f"there is none in {settings.backup_dir}"
        if files_here(heartbeat_file(settings)):
            yield Finding(BACKUPS, Level.WRONG, f"{said}: the log says why")
        else:
            yield Finding(BACKUPS, Level.WARNING, f"{said}: the bot makes them, and runs not here")
