"""The composition root: builds everything, starts it in order and stops it in reverse; no rules."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.assembly import assemble
from bot.domain import Wake, now
from bot.features.albums import handlers as albums_handlers
from bot.features.enhance import handlers as enhance_handlers
from bot.features.voices import handlers as voices_handlers
from bot.ground import open_ground
from bot.jobs.cleanup import Cleanup
from bot.tg import bot_profile
from bot.tg.bot_profile import PublishedProfile
from bot.tg.client import open_application, open_bot, open_files
from bot.tg.polling import Polling, check_storage, greet
from bot.tg.submit_replies import put_question

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from pydantic import SecretStr

    from bot.config import Settings
    from bot.features.desk import Desk
    from bot.jobs.dispatch import LocalDispatch
    from bot.storage.engine import Store
    from bot.tg.client import Connected

log = structlog.get_logger(__name__)

PAGE = 500


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the real bot needs and the sandbox makes up; `key` is the main gateway's."""

    token: SecretStr
    key: SecretStr | None


async def run(settings: Settings, credentials: Credentials, stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set, then finish or hand back what runs.

    Raises StartError and the settings', catalogue's and schema's own errors before anything runs.
    """
    _spare_the_collector()
    async with AsyncExitStack() as stack:
        await _run(settings, credentials, stop, stack)


async def _run(
    settings: Settings, credentials: Credentials, stop: asyncio.Event, stack: AsyncExitStack
) -> None:
    ground = await open_ground(settings, credentials.key, stack)
    bot = open_bot(
        credentials.token.get_secret_value(), settings.telegram_api_url, settings.telegram_max_rate
    )
    # PTB closes only what was introduced to Telegram; until then this one may be open.
    stack.push_async_callback(bot.request.shutdown)
    files = await stack.enter_async_context(open_files())
    parts = assemble(ground, bot, files)
    desk, dispatch = parts.desk, parts.dispatch

    application, process = open_application(bot, desk)
    await greet(application.initialize, stop)
    stack.push_async_callback(application.shutdown)
    if stop.is_set():
        return
    await check_storage(bot, settings.storage_chat_id)

    dispatch.start(parts.worker.perform)
    stack.push_async_callback(desk.talk.drain, settings.shutdown_seconds / 4)
    stack.push_async_callback(_drain, dispatch, desk, settings.shutdown_seconds)
    desk.albums.start(*albums_handlers.speakers(desk))
    stack.push_async_callback(desk.albums.stop)
    await _resume(ground.store, dispatch, desk)
    await desk.listening.start(voices_handlers.listener(desk))
    await desk.enhancing.start(enhance_handlers.enhancer(desk))

    housekeeping = Cleanup(ground.store, ground.media, settings.media_retention_days, now)
    polling = Polling(bot, process, desk.albums.resume)
    model = ground.choices.default.id
    log.info("ready", bot=bot.username, model=model, access=settings.access)
    lasting = {
        "polling": polling.run(),
        "housekeeping": housekeeping.run(),
        "clearing": desk.clearing.run(),
        "places in the queue": desk.statuses.waiting.run(),
    }
    await _until(stop, lasting, _publish(bot, desk, ground.store))
    await polling.confirm()


async def _until(
    stop: asyncio.Event,
    lasting: Mapping[str, Coroutine[Any, Any, None]],
    passing: Coroutine[Any, Any, None],
) -> None:
    """Do what lasts until `stop` is set, or one of it fails; `passing` may end before."""
    tasks = [asyncio.create_task(work, name=name) for name, work in lasting.items()]
    stopped = asyncio.create_task(stop.wait(), name="stop")
    passing_ = asyncio.create_task(passing, name="passing")
    await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, stopped, passing_):
        task.cancel()
    log.info("stopping")
    ends = await asyncio.gather(*tasks, passing_, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def _spare_the_collector() -> None:
    """Keep the collector off what lives for ever, and from looking at each few hundred objects.

    Measured: 1 to 2 ms of CPU for each picture under load (docs/decisions/0010).
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _publish(bot: Connected, desk: Desk, store: Store) -> None:
    """Tell Telegram what the bot is; a failure is logged, and the next start tries again."""
    try:
        more = ("enhance",) if desk.rewrites.on else ()
        book, operators = PublishedProfile(store), desk.accounts.admins
        await bot_profile.publish(bot, desk.texts, book, operators, more=more)
    except Exception:  # the task's edge
        log.exception("what the bot is was not published")


async def _drain(dispatch: LocalDispatch, desk: Desk, seconds: float) -> None:
    """Finish what runs, jobs and calls for words at the same time, within one deadline."""
    await asyncio.gather(
        dispatch.drain(seconds), desk.listening.drain(seconds), desk.enhancing.drain(seconds)
    )


async def _resume(store: Store, dispatch: LocalDispatch, desk: Desk) -> None:
    """Take up what an earlier process left unfinished."""
    async with store.reading() as tx:
        cut = [call.started_at for call in await tx.attempts.unknown(PAGE)]
        cut += [call.started_at for call in await tx.errands.unknown(PAGE)]
    if cut:
        newest = max(cut)  # tells an operator whether he has seen them all
        words = "calls without an end, perhaps billed: python -m bot audit"
        log.warning(words, calls=len(cut), newest=newest.isoformat(timespec="seconds"))
    after = 0
    while True:
        async with store.reading() as tx:
            wakes = await tx.jobs.unfinished(after, PAGE)
        dispatch.wake(wakes)
        if len(wakes) < PAGE:
            break
        after = wakes[-1].job_id
    admitted: list[Wake] = []
    async with store.transaction() as tx:
        for account in await tx.jobs.undispatched_accounts():
            admitted += await tx.jobs.admit(account, desk.accounts.limits.concurrency)
    dispatch.wake(admitted)
    for ask in await desk.generation.unasked():
        desk.talk.start(put_question(desk, ask, again=True), "question")
