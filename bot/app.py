"""The composition root: builds everything, starts it in order and stops it in reverse; no rules."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from telegram.error import InvalidToken, TelegramError

from bot import catalogue
from bot.accounts import Accounts, Limits
from bot.albums import Albums
from bot.asking import Asking
from bot.calls import Calls
from bot.dispatch.local import LocalDispatch
from bot.domain import BotError, Wake, now
from bot.drawing import Drawing
from bot.generation import Generation
from bot.housekeeping import Housekeeping
from bot.i18n import Texts
from bot.media.room import Room
from bot.media.store import MediaStore
from bot.options import Choices
from bot.own_data import OwnData
from bot.places import Places
from bot.preferences import Chosen
from bot.storage import schema
from bot.storage.engine import Store
from bot.storage.sole import sole_user
from bot.tg import album_replies, menu
from bot.tg.albums import AlbumTimers
from bot.tg.connection import open_application, open_bot, open_files
from bot.tg.delivery import Delivery
from bot.tg.desk import Desk, Facts
from bot.tg.files import Files
from bot.tg.keyboards import Keyboards
from bot.tg.limits import InputLimits
from bot.tg.messages import Messages
from bot.tg.polling import Polling
from bot.tg.prompts import put_question
from bot.tg.statuses import Statuses
from bot.tg.talk import Talk
from bot.upstream.gateways import open_gateways
from bot.usage import UsageReports
from bot.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from pydantic import SecretStr

    from bot.settings import Settings
    from bot.upstream.client import Gateway

    Initialize = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)

START_PAUSE = 5.0
PAGE = 500


class StartError(BotError):
    """The bot cannot start: one line for its operator."""


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
    choices = _choices(settings)
    models = choices.catalogue
    media = _media(settings.media_url)
    gateways = await stack.enter_async_context(
        open_gateways(models.gateways.values(), settings, credentials.key, media)
    )
    url = settings.database_url.get_secret_value()
    store = await stack.enter_async_context(_store(url))

    bot = open_bot(
        credentials.token.get_secret_value(), settings.telegram_api_url, settings.telegram_max_rate
    )
    # PTB closes only what was introduced to Telegram; until then this one may be open.
    stack.push_async_callback(bot.request.shutdown)
    files_client = await stack.enter_async_context(open_files())
    calls = Calls(store, gateways, now)

    async def unfinished(limit: int, after: int) -> list[Wake]:
        async with store.reading() as tx:
            return await tx.jobs.unfinished(after, limit)

    dispatch = LocalDispatch(settings.max_concurrency, unfinished)
    accounts = Accounts(
        open=settings.access == "open",
        admins=settings.admin_ids,
        allowed=settings.allowed_ids,
        limits=Limits(
            day=settings.user_images_per_day,
            month=settings.user_images_per_month,
            concurrency=settings.user_concurrency,
        ),
    )
    generation = Generation(
        store=store,
        accounts=accounts,
        choices=choices,
        max_inputs=settings.max_input_images,
        dispatch=dispatch,
        clock=now,
    )
    albums = AlbumTimers(
        Albums(
            store=store,
            generation=generation,
            settle_seconds=settings.album_settle_seconds,
            clock=now,
        ),
        clock=now,
    )

    texts, talk = Texts.load(), Talk()
    places, keyboards = Places(store, now), Keyboards(texts)
    limits = InputLimits(texts, settings.max_input_bytes, settings.max_input_pixels)
    messages = Messages(bot, places)
    statuses = Statuses(
        messages=messages,
        places=places,
        talk=talk,
        texts=texts,
        keyboards=keyboards,
        catalogue=models,
        call_off=generation.cancel,
    )
    delivery = Delivery(
        messages=messages,
        statuses=statuses,
        places=places,
        media=media,
        talk=talk,
        texts=texts,
        keyboards=keyboards,
        limits=limits,
        ping_seconds=settings.ready_ping_seconds,
        clock=now,
    )
    drawing = Drawing(
        asking=Asking(
            catalogue=models,
            gateways=gateways,
            calls=calls,
            media=media,
            max_pixels=settings.max_input_pixels,
            max_bytes=settings.max_input_bytes,
            clock=now,
        ),
        calls=calls,
        fetch=Files(bot, files_client, media, settings.max_input_bytes).fetch,
        accompany=statuses.accompany,
        room=Room(media.root, settings.min_free_mb, time.monotonic).enough,
        clock=now,
    )
    worker = Worker(
        store=store,
        accounts=accounts,
        drawing=drawing,
        calls=calls,
        dispatch=dispatch,
        deliver=delivery.deliver,
        clock=now,
    )
    desk = Desk(
        accounts=accounts,
        generation=generation,
        albums=albums,
        preferences=Chosen(store),
        choices=choices,
        usage=UsageReports(store, now),
        own_data=OwnData(store=store, media=media, dispatch=dispatch, clock=now),
        places=places,
        media=media,
        catalogue=models,
        texts=texts,
        keyboards=keyboards,
        limits=limits,
        messages=messages,
        statuses=statuses,
        delivery=delivery,
        talk=talk,
        facts=Facts(_hosts(gateways), settings.media_retention_days, settings.terms),
    )
    application, process = open_application(bot, desk)
    await _greet(application.initialize, stop)
    stack.push_async_callback(application.shutdown)
    if stop.is_set():
        return

    dispatch.start(worker.perform)
    stack.push_async_callback(talk.drain, settings.shutdown_seconds / 4)
    stack.push_async_callback(dispatch.drain, settings.shutdown_seconds)
    albums.start(*album_replies.speakers(desk))
    stack.push_async_callback(albums.stop)
    await _resume(store, dispatch, accounts)
    for ask in await generation.unasked():
        talk.start(put_question(desk, ask, again=True), "question")
    talk.start(menu.publish(bot, texts), "menu of commands")
    housekeeping = Housekeeping(store, media, settings.media_retention_days, now)

    polling = Polling(bot, process, albums.resume)
    log.info("ready", bot=bot.username, model=choices.default.id, access=settings.access)
    tasks = [
        asyncio.create_task(polling.run(), name="polling"),
        asyncio.create_task(housekeeping.run(), name="housekeeping"),
    ]
    stopped = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, stopped):
        task.cancel()
    log.info("stopping")
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await _ended(task)
    await polling.confirm()


def _spare_the_collector() -> None:
    """Keep the collector off what lives for ever, and from looking at each few hundred objects.

    Measured: 1 to 2 ms of CPU for each picture under load (docs/decisions/0010).
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _ended(task: asyncio.Task[None]) -> None:
    try:
        await task
    except InvalidToken as refused:
        raise StartError("TELEGRAM_BOT_TOKEN is not accepted by Telegram") from refused


def _choices(settings: Settings) -> Choices:
    models = catalogue.load(settings.models_file)
    default = catalogue.default_model(models, settings.default_model)
    today = now().date()
    if not default.offered(today):
        heir = catalogue.successor(models, default, today)
        instead = heir.id if heir else "none"
        log.warning("DEFAULT_MODEL is no longer offered", model=default.id, try_instead=instead)
    return Choices(catalogue=models, default=default, max_count=settings.max_count, clock=now)


def _hosts(gateways: Mapping[str, Gateway]) -> str:
    return ", ".join(sorted({gateway.host for gateway in gateways.values()}))


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[Store]:
    """Open the database, brought up to date, for this process alone where it is a file."""
    await schema.prepare(url)
    with sole_user(url):
        store = await Store.open(url)
        try:
            yield store
        finally:
            await store.close()


def _media(url: str) -> MediaStore:
    try:
        return MediaStore.open(url)
    except (OSError, ValueError) as error:
        raise StartError(f"MEDIA_URL cannot be used: {error}") from error


async def _greet(initialize: Initialize, stop: asyncio.Event) -> None:
    """Introduce the bot to Telegram, unless it is stopped before Telegram answers."""
    greeting = asyncio.create_task(_introduce(initialize), name="greeting")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({greeting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not greeting.done():
        greeting.cancel()
    with suppress(asyncio.CancelledError):
        await greeting


async def _introduce(initialize: Initialize) -> None:
    """Try until Telegram answers: what cannot be reached now may be in a while."""
    while True:
        try:
            return await initialize()
        except InvalidToken as refused:
            raise StartError("TELEGRAM_BOT_TOKEN is not accepted by Telegram") from refused
        except TelegramError as error:
            log.warning("Telegram does not answer yet", error=type(error).__name__)
            await asyncio.sleep(START_PAUSE)


async def _resume(store: Store, dispatch: LocalDispatch, accounts: Accounts) -> None:
    """Take up what an earlier process left unfinished."""
    async with store.reading() as tx:
        cut = await tx.attempts.unknown(PAGE)
    if cut:
        log.warning("calls without an end, perhaps billed: python -m bot audit", calls=len(cut))
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
            admitted += await tx.jobs.admit(account, accounts.limits.concurrency)
    dispatch.wake(admitted)
