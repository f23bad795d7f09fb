"""The composition root: builds everything, starts it in order and stops it in reverse; no rules."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog
from telegram.error import InvalidToken, TelegramError

from bot import catalogue, presets
from bot.accounts import Accounts, Limits
from bot.albums import Albums
from bot.asking import Asking
from bot.calls import Calls
from bot.changes import Changes
from bot.clearances import Clearances
from bot.dispatch.local import LocalDispatch
from bot.domain import BotError, Wake, now
from bot.drawing import Drawing
from bot.edits import Edits
from bot.gallery import Gallery
from bot.generation import Generation
from bot.housekeeping import Housekeeping
from bot.i18n import Texts
from bot.latencies import Latencies
from bot.latest import LatestPictures
from bot.media.room import Room
from bot.media.store import MediaStore
from bot.memberships import Memberships
from bot.options import Choices
from bot.own_data import OwnData
from bot.places import Places
from bot.preferences import Chosen
from bot.publishing import Publishing
from bot.queue import Queue
from bot.ready import Ready
from bot.rewrites import Rewrites
from bot.storage import schema
from bot.storage.engine import Store
from bot.storage.sole import sole_user
from bot.tg import album_replies, enhance, menu, storage_chat
from bot.tg import voices as spoken
from bot.tg.albums import AlbumTimers
from bot.tg.clearing import Clearing
from bot.tg.connection import open_application, open_bot, open_files
from bot.tg.delivery import Delivery
from bot.tg.desk import Desk, Facts
from bot.tg.files import Files
from bot.tg.following import Following
from bot.tg.inline_messages import InlineMessages
from bot.tg.inline_places import InlinePlaces
from bot.tg.inline_results import InlineResults
from bot.tg.keyboards import Keyboards
from bot.tg.limits import InputLimits
from bot.tg.messages import Messages
from bot.tg.panels import Panels
from bot.tg.polling import Polling
from bot.tg.prompts import put_question
from bot.tg.statuses import Statuses
from bot.tg.talk import Talk
from bot.tg.turns import Turns
from bot.tg.wording import Wording
from bot.upstream.gateways import open_errands, open_gateways
from bot.upstream.rewrite import Rewriter
from bot.upstream.transcribe import Transcriber
from bot.usage import UsageReports
from bot.voices import LARGEST, Voices
from bot.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping

    from pydantic import SecretStr
    from telegram.ext import ExtBot

    from bot.catalogue import Catalogue
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
    store = await stack.enter_async_context(_store(settings.database_url.get_secret_value()))

    bot = open_bot(
        credentials.token.get_secret_value(), settings.telegram_api_url, settings.telegram_max_rate
    )
    # PTB closes only what was introduced to Telegram; until then this one may be open.
    stack.push_async_callback(bot.request.shutdown)
    files_client = await stack.enter_async_context(open_files())
    calls, latencies = Calls(store, gateways, now), await Latencies.read(store)
    queue = Queue(store, latencies, gateways)

    async def unfinished(limit: int, after: int) -> list[Wake]:
        async with store.reading() as tx:
            return await tx.jobs.unfinished(after, limit)

    dispatch = LocalDispatch(settings.max_concurrency, unfinished)
    accounts = _accounts(settings)
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

    voices = Voices(
        store=store,
        generation=generation,
        accounts=accounts,
        media=media,
        fetch=Files(bot, files_client, media, LARGEST).fetch,
        transcriber=_transcriber(stack, settings, models, credentials.key, media),
        clock=now,
    )
    rewrites = Rewrites(
        store=store,
        generation=generation,
        accounts=accounts,
        choices=choices,
        rewriter=_rewriter(stack, settings, models, credentials.key, media),
        clock=now,
    )

    texts, talk = Texts.load(), Talk()
    wording, keyboards = Wording(texts, models, latencies), Keyboards(texts)
    places = Places(store, now)
    changes = Changes(choices)
    panels = Panels(texts, keyboards, changes)
    limits = InputLimits(texts, settings.max_input_bytes, settings.max_input_pixels)
    messages = Messages(bot, places)
    statuses = Statuses(
        messages=messages,
        places=places,
        talk=talk,
        wording=wording,
        queue=queue,
        keyboards=keyboards,
        call_off=generation.cancel,
    )
    preferences = Chosen(store)
    delivery = Delivery(
        messages=messages,
        statuses=statuses,
        places=places,
        media=media,
        talk=talk,
        texts=texts,
        keyboards=keyboards,
        panels=panels,
        limits=limits,
        preferences=preferences,
        ping_seconds=settings.ready_ping_seconds,
        clock=now,
    )
    inline = InlinePlaces(
        inline=InlineMessages(bot),
        messages=messages,
        places=places,
        statuses=statuses,
        delivery=delivery,
        talk=talk,
        texts=texts,
        keyboards=keyboards,
        preferences=preferences,
        call_off=generation.cancel,
    )
    drawing = Drawing(
        asking=Asking(
            catalogue=models,
            gateways=gateways,
            calls=calls,
            latencies=latencies,
            media=media,
            max_pixels=settings.max_input_pixels,
            max_bytes=settings.max_input_bytes,
            clock=now,
        ),
        calls=calls,
        fetch=Files(bot, files_client, media, settings.max_input_bytes).fetch,
        accompany=inline.accompany,
        room=Room(media.root, settings.min_free_mb, time.monotonic).enough,
        clock=now,
    )
    worker = Worker(
        store=store,
        accounts=accounts,
        drawing=drawing,
        calls=calls,
        dispatch=dispatch,
        deliver=inline.deliver,
        clock=now,
    )
    desk = Desk(
        accounts=accounts,
        generation=generation,
        edits=Edits(
            store=store, choices=choices, generation=generation, dispatch=dispatch, clock=now
        ),
        queue=queue,
        albums=albums,
        voices=voices,
        listening=Following(voices),
        rewrites=rewrites,
        enhancing=Following(rewrites),
        preferences=preferences,
        choices=choices,
        usage=UsageReports(store, now),
        clearing=Clearing(
            bot=bot, clearances=Clearances(store, now), messages=messages, texts=texts
        ),
        own_data=OwnData(store=store, media=media, dispatch=dispatch, clock=now),
        places=places,
        memberships=Memberships(store, now),
        media=media,
        catalogue=models,
        texts=texts,
        keyboards=keyboards,
        limits=limits,
        messages=messages,
        statuses=statuses,
        wording=wording,
        delivery=delivery,
        talk=talk,
        facts=Facts(
            _hosts(gateways),
            settings.media_retention_days,
            settings.terms,
            settings.storage_chat_id,
        ),
        inline=inline,
        inline_results=InlineResults(InlineMessages(bot), delivery.upload),
        latest=LatestPictures(store),
        presets=presets.load(settings.presets_file),
        ready=Ready(store=store, generation=generation, choices=choices, clock=now),
        changes=changes,
        panels=panels,
        gallery=Gallery(store),
        turns=Turns(talk),
        asking=set(),
    )
    application, process = open_application(bot, desk)
    await _greet(application.initialize, stop)
    stack.push_async_callback(application.shutdown)
    if stop.is_set():
        return
    await _check_storage(bot, settings.storage_chat_id)

    dispatch.start(worker.perform)
    stack.push_async_callback(talk.drain, settings.shutdown_seconds / 4)
    stack.push_async_callback(dispatch.drain, settings.shutdown_seconds)
    albums.start(*album_replies.speakers(desk))
    stack.push_async_callback(albums.stop)
    await _resume(store, dispatch, desk)
    await stack.enter_async_context(_following(desk))
    housekeeping = Housekeeping(store, media, settings.media_retention_days, now)

    polling = Polling(bot, process, albums.resume)
    log.info("ready", bot=bot.username, model=choices.default.id, access=settings.access)
    lasting = {
        "polling": polling.run(),
        "housekeeping": housekeeping.run(),
        "clearing": desk.clearing.run(),
        "places in the queue": statuses.waiting.run(),
    }
    await _until(stop, lasting, _publish(bot, desk, store))
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
    for task in (*tasks, passing_):
        with suppress(asyncio.CancelledError):
            await _ended(task)


def _spare_the_collector() -> None:
    """Keep the collector off what lives for ever, and from looking at each few hundred objects.

    Measured: 1 to 2 ms of CPU for each picture under load (docs/decisions/0010).
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _publish(bot: ExtBot[None], desk: Desk, store: Store) -> None:
    """Tell Telegram what the bot is; a failure is logged, and the next start tries again."""
    try:
        more = ("enhance",) if desk.rewrites.on else ()
        book, operators = Publishing(store), desk.accounts.admins
        await menu.publish(bot, desk.texts, book, operators, more=more)
    except Exception:  # the task's edge
        log.exception("what the bot is was not published")


async def _ended(task: asyncio.Task[None]) -> None:
    try:
        await task
    except InvalidToken as refused:
        raise StartError("TELEGRAM_BOT_TOKEN is not accepted by Telegram") from refused


def _accounts(settings: Settings) -> Accounts:
    return Accounts(
        open=settings.access == "open",
        admins=settings.admin_ids,
        allowed=settings.allowed_ids,
        limits=Limits(
            day=settings.user_images_per_day,
            month=settings.user_images_per_month,
            concurrency=settings.user_concurrency,
        ),
    )


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


def _transcriber(
    stack: AsyncExitStack,
    settings: Settings,
    models: Catalogue,
    main_key: SecretStr | None,
    media: MediaStore,
) -> Transcriber | None:
    """Open what writes voices down, if the settings name a model that does."""
    if not settings.transcription_model:
        return None
    name = settings.transcription_gateway
    errands = open_errands(name, "TRANSCRIPTION_GATEWAY", models, settings, main_key, media)
    stack.push_async_callback(errands.aclose)
    minute = Decimal(str(settings.transcription_usd_per_minute))
    return Transcriber(errands, media, settings.transcription_model, minute)


def _rewriter(
    stack: AsyncExitStack,
    settings: Settings,
    models: Catalogue,
    main_key: SecretStr | None,
    media: MediaStore,
) -> Rewriter | None:
    """Open what makes prompts better, if the settings name a model that does."""
    if not settings.enhance_model:
        return None
    name = settings.enhance_gateway
    errands = open_errands(name, "ENHANCE_GATEWAY", models, settings, main_key, media)
    stack.push_async_callback(errands.aclose)
    return Rewriter(errands, settings.enhance_model)


@asynccontextmanager
async def _following(desk: Desk) -> AsyncIterator[None]:
    """Go on with voices and prompts that wait for words."""
    async with (
        desk.listening.by(spoken.listener(desk)),
        desk.enhancing.by(enhance.enhancer(desk)),
    ):
        yield


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


async def _check_storage(bot: ExtBot[None], chat_id: int | None) -> None:
    """Refuse to start where pictures for inline messages could not be stored."""
    if chat_id is None:
        return
    if problem := await storage_chat.problem(bot, chat_id):
        raise StartError(f"STORAGE_CHAT_ID {problem}")


async def _resume(store: Store, dispatch: LocalDispatch, desk: Desk) -> None:
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
            admitted += await tx.jobs.admit(account, desk.accounts.limits.concurrency)
    dispatch.wake(admitted)
    for ask in await desk.generation.unasked():
        desk.talk.start(put_question(desk, ask, again=True), "question")
