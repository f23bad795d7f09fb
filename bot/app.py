"""The composition root: opens outside systems, builds every part once, starts and stops them."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog

from bot.billing.access import Access, Limits
from bot.billing.usage import UsageService
from bot.catalogue.presets import load_presets
from bot.domain import now
from bot.features.admin.alerts import AdminAlerts
from bot.features.albums.handlers import AlbumsFeature
from bot.features.albums.service import AlbumService
from bot.features.commands.handlers import CommandsFeature
from bot.features.enhance.handlers import EnhanceFeature
from bot.features.enhance.service import EnhanceService
from bot.features.groups.handlers import GroupsFeature
from bot.features.groups.service import GroupService
from bot.features.history.handlers import HistoryFeature
from bot.features.history.service import HistoryService
from bot.features.inline.delivery import InlineDelivery
from bot.features.inline.handlers import InlineFeature
from bot.features.inline.messages import InlineSender
from bot.features.inline.results import InlineResults
from bot.features.inline.service import PendingDeletions, PictureSearch
from bot.features.inline.storage_chat import StorageChatDeleter, check_storage_chat
from bot.features.pictures.handlers import PicturesFeature
from bot.features.presets.handlers import PresetsFeature
from bot.features.presets.service import PresetService, checked
from bot.features.privacy.handlers import BotFacts, PrivacyFeature
from bot.features.privacy.service import PrivacyService
from bot.features.prompts.handlers import PromptsFeature
from bot.features.queue.handlers import QueueFeature
from bot.features.settings.handlers import SettingsFeature
from bot.features.voices.handlers import VoicesFeature
from bot.features.voices.service import LARGEST, VoiceService
from bot.gateway.connect import GatewayConnector
from bot.i18n.texts import Texts
from bot.jobs.calls import CallRecorder, ModelCalls
from bot.jobs.cleanup import Cleanup
from bot.jobs.dispatch import LocalDispatch
from bot.jobs.edits import EditService
from bot.jobs.messages import PublishedProfile, SentMessages
from bot.jobs.options import Alternatives, load_options
from bot.jobs.pending import PendingService
from bot.jobs.preferences import PreferenceService
from bot.jobs.queue import Latencies, QueueService
from bot.jobs.resume import resume
from bot.jobs.submit import SubmitService
from bot.jobs.worker import Worker
from bot.media.disk_space import DiskSpace
from bot.media.store import MediaStore
from bot.storage.schema import open_store
from bot.tg import bot_profile
from bot.tg.chat_admins import ChatAdmins
from bot.tg.client import open_application, open_bot, open_files
from bot.tg.delivery import Delivery
from bot.tg.files import Files
from bot.tg.keyboards import Keyboards
from bot.tg.picture_actions import PictureActions
from bot.tg.picture_keyboard import PictureKeyboard
from bot.tg.polling import Polling, greet
from bot.tg.preset_keyboard import PresetKeyboard
from bot.tg.presses import CallbackRouter, Presses
from bot.tg.privacy_mode import PrivacyModeHint
from bot.tg.queue_status import QueueStatus
from bot.tg.replies import Replies
from bot.tg.sender import Sender
from bot.tg.status import StatusMessages
from bot.tg.status_text import StatusText
from bot.tg.submit_replies import SubmitReplies
from bot.tg.tasks import BackgroundTasks, LatestEdit

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    import httpx
    from pydantic import SecretStr

    from bot.config import Settings
    from bot.domain import Job, Wake
    from bot.gateway.client import GatewayClient
    from bot.gateway.text import TextClient
    from bot.jobs.options import ModelOptions
    from bot.jobs.worker import Chat
    from bot.storage.engine import Store
    from bot.tg.client import Connected
    from bot.tg.feature import Feature, Handler

log = structlog.get_logger(__name__)


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
    outside = await _open(settings, credentials, stack)
    parts = _Parts(settings, outside)
    application, process = open_application(outside.bot, parts.handlers, parts.replies)
    await greet(application.initialize, stop)
    stack.push_async_callback(application.shutdown)
    if stop.is_set():
        return
    await check_storage_chat(outside.bot, settings.storage_chat_id)

    parts.dispatch.start(parts.worker.perform)
    stack.push_async_callback(parts.background.drain, settings.shutdown_seconds / 4)
    stack.push_async_callback(_drain, parts, settings.shutdown_seconds)
    stack.push_async_callback(parts.albums.stop)
    await _resume(parts)

    polling = Polling(outside.bot, process, parts.albums.resume)
    model = outside.options.default.id
    log.info("ready", bot=outside.bot.username, model=model, access=settings.access)
    await _until(stop, {"polling": polling.run(), **parts.tasks}, _publish(outside.bot, parts))
    await polling.confirm()


@dataclass(frozen=True, slots=True)
class _Outside:
    """Outside systems, opened; `transcriber` and `enhancer` only where the settings name models."""

    options: ModelOptions
    media: MediaStore
    gateways: Mapping[str, GatewayClient]
    store: Store
    latencies: Latencies
    transcriber: TextClient | None
    enhancer: TextClient | None
    bot: Connected
    downloads: httpx.AsyncClient


async def _open(settings: Settings, credentials: Credentials, stack: AsyncExitStack) -> _Outside:
    """Open everything; `stack` closes it. Raises StartError and the parts' own errors."""
    enter = stack.enter_async_context
    options, media = load_options(settings, now), MediaStore.open(settings.media_url)
    connector = GatewayConnector(options.catalogue, settings, credentials.key, media, stack)
    profiles = options.catalogue.gateways.values()
    gateways = {profile.name: connector.gateway(profile) for profile in profiles}
    store = await enter(open_store(settings.database_url.get_secret_value()))
    token = credentials.token.get_secret_value()
    bot = open_bot(token, settings.telegram_api_url, settings.telegram_max_rate)
    # PTB closes only what was introduced to Telegram; until then this one may be open.
    stack.push_async_callback(bot.request.shutdown)
    return _Outside(
        options=options,
        media=media,
        gateways=gateways,
        store=store,
        latencies=await Latencies.read(store),
        transcriber=connector.transcriber(),
        enhancer=connector.enhancer(),
        bot=bot,
        downloads=await enter(open_files()),
    )


class _Parts:
    """Every part, made once; `features` has one line for each, the first that fits takes an update."""

    def __init__(self, settings: Settings, outside: _Outside) -> None:
        store, media, options = outside.store, outside.media, outside.options
        bot, catalogue, latencies = outside.bot, options.catalogue, outside.latencies
        self.store, self.background, self.texts = store, BackgroundTasks(), Texts.load()
        self.access = access = _access(settings)
        self.dispatch = dispatch = LocalDispatch(settings.max_concurrency, self._unfinished)
        sent, preferences = SentMessages(store, now), PreferenceService(store)
        inputs = settings.max_input_images
        submit = SubmitService(store, access.limits, options, preferences, inputs, dispatch, now)
        self.pending = pending = PendingService(store, options, preferences, now)
        queue, groups = QueueService(store, latencies, outside.gateways), GroupService(store, now)
        edits = EditService(store, options, preferences, submit, dispatch, now)
        calls = CallRecorder(store, outside.gateways, now)
        space = DiskSpace(media.root, settings.min_free_mb, monotonic)

        # What talks with people.
        sender = Sender(bot, sent, ChatAdmins(bot))
        limits = settings.max_input_bytes, settings.max_input_pixels
        self.replies = replies = Replies(
            self.texts, preferences, sender, self.background, access, *limits
        )
        self.presses = presses = Presses(replies)
        latest_edit = LatestEdit(self.background)
        keyboards, alternatives = Keyboards(self.texts), Alternatives(options)
        presets = checked(load_presets(settings.presets_file), options)
        preset_keyboard = PresetKeyboard(self.texts, presets)
        picture_keyboard = PictureKeyboard(self.texts, alternatives)
        text = StatusText(self.texts, catalogue, latencies)
        self.queue_status = QueueStatus(queue, sender, keyboards, text, self.background)
        telling = submit.cancel, dispatch.runs
        status = StatusMessages(
            sender, sent, self.background, text, self.queue_status, keyboards, *telling
        )
        self.submit_replies = answers = SubmitReplies(
            replies, status, pending, keyboards, preset_keyboard
        )
        ping = settings.ready_ping_seconds
        self.delivery = delivery = Delivery(
            replies, status, sent, media, keyboards, picture_keyboard, ping, now
        )
        self.inline_delivery = inline_delivery = InlineDelivery(
            InlineSender(bot), replies, sent, delivery, keyboards, *telling
        )
        self.alerts = AdminAlerts(store, now, replies)
        actions = PictureActions(presses, submit, status, sent, media, delivery)
        privacy_mode = PrivacyModeHint(replies, groups.hint)

        # The features, and what only they need.
        self.albums = AlbumsFeature(
            replies,
            answers,
            AlbumService(store, submit, timedelta(seconds=settings.album_settle_seconds), now),
            sent,
            privacy_mode,
        )
        voices = VoiceService(
            store,
            submit,
            access.limits,
            media,
            Files(bot, outside.downloads, media, LARGEST).fetch,
            space.is_enough,
            outside.transcriber,
            calls,
            now,
        )
        self.voices = VoicesFeature(replies, answers, voices)
        enhancing = EnhanceService(
            store, submit, access.limits, options, preferences, outside.enhancer, calls, now
        )
        self.enhance = EnhanceFeature(replies, presses, answers, enhancing)
        self.enhances = enhancing.on
        storage_chat = settings.storage_chat_id
        deleter = StorageChatDeleter(bot, PendingDeletions(store, now), replies)
        facts = BotFacts(
            gateway_hosts=", ".join(sorted({one.host for one in outside.gateways.values()})),
            retention_days=settings.media_retention_days,
            terms=settings.terms,
            stores_inline=storage_chat is not None,
            hears=voices.on,
        )
        features: list[Feature] = [
            CommandsFeature(replies, submit, UsageService(store, now), enhancing.on),
            SettingsFeature(replies, presses, options, enhancing.on),
            PrivacyFeature(
                replies, presses, PrivacyService(store, media, dispatch, now), facts, deleter.wake
            ),
            QueueFeature(replies, presses, submit, queue, preset_keyboard, text, catalogue),
            HistoryFeature(
                replies,
                presses,
                submit,
                HistoryService(store),
                actions,
                sent,
                media,
                delivery,
                latest_edit,
                preset_keyboard,
                catalogue,
            ),
            PicturesFeature(
                presses,
                submit,
                actions,
                sent,
                delivery,
                latest_edit,
                picture_keyboard,
                alternatives,
                catalogue,
            ),
            PresetsFeature(
                replies,
                presses,
                submit,
                answers,
                status,
                sent,
                pending,
                PresetService(store, submit, options, preferences, now),
                presets,
                preset_keyboard,
                keyboards,
                latest_edit,
            ),
            GroupsFeature(replies, groups, submit, queue, sent),
            InlineFeature(
                replies,
                presses,
                submit,
                PictureSearch(store),
                InlineResults(InlineSender(bot), delivery.upload),
                inline_delivery,
                deleter,
                preset_keyboard,
                storage_chat,
            ),
            self.enhance,
            self.voices,
            self.albums,
        ]
        before_submit = [take for feature in features for take in feature.interceptors()]
        prompts = PromptsFeature(
            replies,
            presses,
            submit,
            answers,
            status,
            edits,
            pending,
            catalogue,
            privacy_mode,
            before_submit,
            voices.on,
        )
        self._features = [*features, prompts]
        self.worker = Worker(
            store,
            access.limits,
            _model_calls(settings, outside, calls),
            calls,
            dispatch,
            Files(bot, outside.downloads, media, settings.max_input_bytes).fetch,
            space.is_enough,
            self._chat,
            now,
        )
        self._cleanup = Cleanup(store, media, settings.media_retention_days, now)

    @property
    def handlers(self) -> list[Handler]:
        """Whatever updates may bring, in the order of asking."""
        callbacks = {v: take for one in self._features for v, take in one.callbacks().items()}
        router = CallbackRouter(self.presses, callbacks).handler()
        return [*(handler for one in self._features for handler in one.handlers()), router]

    @property
    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs while the bot runs."""
        tasks = {"cleanup": self._cleanup.run(), "positions": self.queue_status.run()}
        return tasks | {name: task for one in self._features for name, task in one.tasks().items()}

    def _chat(self, job: Job) -> Chat:
        """Tell how a job's chat is talked to; operators hear of what only they can mend."""
        self.alerts.consider(job)
        return self.inline_delivery if job.inline_message_id else self.delivery

    async def _unfinished(self, limit: int, after: int) -> list[Wake]:
        return await self.store.read(lambda tx: tx.jobs.unfinished(after, limit))


def _access(settings: Settings) -> Access:
    limits = Limits(
        day=settings.user_images_per_day,
        month=settings.user_images_per_month,
        concurrency=settings.user_concurrency,
    )
    return Access(settings.access == "open", settings.admin_ids, settings.allowed_ids, limits)


def _model_calls(settings: Settings, outside: _Outside, recorder: CallRecorder) -> ModelCalls:
    return ModelCalls(
        outside.options.catalogue,
        outside.gateways,
        recorder,
        outside.latencies,
        outside.media,
        settings.max_input_pixels,
        settings.max_input_bytes,
        now,
    )


async def _resume(parts: _Parts) -> None:
    """Take up what an earlier process left unfinished."""
    await resume(parts.store, parts.dispatch, parts.access.limits)
    for pending in await parts.pending.unasked():
        parts.background.run(parts.submit_replies.ask(pending, again=True), "question")
    await parts.voices.start()
    await parts.enhance.start()


async def _drain(parts: _Parts, seconds: float) -> None:
    """Finish what runs, jobs and calls for words at the same time, within one deadline."""
    await asyncio.gather(
        parts.dispatch.drain(seconds), parts.voices.drain(seconds), parts.enhance.drain(seconds)
    )


async def _publish(bot: Connected, parts: _Parts) -> None:
    """Tell Telegram what the bot is; a failure is logged, and the next start tries again."""
    more = ("enhance",) if parts.enhances else ()
    try:
        await bot_profile.publish(
            bot, parts.texts, PublishedProfile(parts.store), parts.access.admins, more=more
        )
    except Exception:  # the task's edge
        log.exception("what the bot is was not published")


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
