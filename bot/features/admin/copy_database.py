"""Copying the database: from SQLite to Postgres or back, as it is asked for on the command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from rich.console import Console
from rich.progress import TaskProgressColumn

from bot import log
from bot.domain import CommandFailed, StartError
from bot.features.admin.backup import one_line
from bot.features.admin.progress import show_progress
from bot.storage import schema, state, transfer
from bot.storage.engine import normalised
from bot.storage.lock import InUse, alone
from bot.storage.schema import REVISION
from bot.values import database_url, passwords


async def copy_database(source: str, target: str, console: Console) -> None:
    """Copy all rows into a database that has none, and tell what was compared.

    Raises StartError where the URLs are wrong, and CommandFailed where nothing was changed, or in
    the end where the books do not agree.
    """
    source, target = _url("FROM", source), _url("TO", target)
    log.configure(secrets=(*passwords(source), *passwords(target)))
    await asyncio.to_thread(_check, source, target)
    async with _unused("FROM", source), _unused("TO", target):
        with one_line("not copied"):
            done = await show_progress(
                partial(transfer.transfer, source, target), console, TaskProgressColumn()
            )
    there = schema.display_name(normalised(target))
    told = "had been copied already" if done.before else "copied"
    sys.stdout.write(f"{done.rows} rows {told} to {there}, and each compared\n")
    if done.differences:
        raise CommandFailed(f"the books do not agree, as in FROM: {'; '.join(done.differences)}")
    sys.stdout.write("the books agree: set DATABASE_URL, and start no bot on FROM any more\n")


def _url(name: str, written: str) -> str:
    try:
        return database_url(written)
    except ValueError as error:
        raise StartError(f"{name} {error}") from None


def _check(source: str, target: str) -> None:
    with one_line("FROM cannot be copied"):
        found = state.look(source)
    if found is None or found.revision is None:
        raise CommandFailed("FROM cannot be copied: there is no database of the bot's")
    if found.is_newer:
        raise CommandFailed(f"FROM cannot be copied: {schema.SchemaTooNew(found.revision)}")
    if not found.is_current:
        old = f"it has schema {found.revision}, not {REVISION}"
        raise CommandFailed(f"FROM cannot be copied: {old}: run `picturebot migrate` on it first")
    with one_line("TO cannot be used"):
        state.look(target)
        same = transfer.is_same(source, target)
    if same:
        raise StartError("FROM and TO are the same database")


@asynccontextmanager
async def _unused(name: str, url: str) -> AsyncIterator[None]:
    """Keep bots off a database."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(alone(normalised(url)))
        except InUse:
            raise CommandFailed(f"{name} is in use: stop the bot that runs on it") from None
        yield
