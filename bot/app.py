"""The composition root: opens outside systems, builds every part once, starts and stops them."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property
from datetime import timedelta
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
from bot.gateway.connect import open_enhancer, open_gateways, open_transcriber
from bot.i18n.texts import Texts
from bot.jobs.calls import CallRecorder, ModelCalls, TextCalls
from bot.jobs.cleanup import Cleanup
from bot.jobs.dispatch import LocalDispatch
from bot.jobs.edits import EditService
from bot.jobs.messages import PublishedProfile, SentMessages
from bot.jobs.options import Alternatives, load_options
from bot.jobs.pending import PendingService
from bot.jobs.preferences import PreferenceService
from bot.jobs.queue import Latencies, QueueService
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
    from bot.gateway.text import PromptEnhancer, Transcriber
    from bot.jobs.options import ModelOptions
    from bot.jobs.worker import Chat
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction
    from bot.tg.client import Connected
    from bot.tg.feature import Feature, Handler

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
    await _until(stop, {"polling": polling.run(), **parts.tasks()}, _publish(parts))
    await polling.confirm()


@dataclass(frozen=True, slots=True)
class _Outside:
    """Outside systems, opened; `transcriber` and `enhancer` only where the settings name models."""

    options: ModelOptions
    media: MediaStore
    gateways: Mapping[str, GatewayClient]
    store: Store
    latencies: Latencies
    transcriber: Transcriber | None
    enhancer: PromptEnhancer | None
    bot: Connected
    downloads: httpx.AsyncClient


async def _open(
    settings: Settings, credentials: Credentials, stack: AsyncExitStack
) -> _Outside:
    """Open everything; `stack` closes it. Raises StartError and the parts' own errors."""
    enter, key = stack.enter_async_context, credentials.key
    options, media = load_options(settings, now), MediaStore.open(settings.media_url)
    gateways = await enter(open_gateways(options.catalogue.gateways.values(), settings, key, media))
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
        transcriber=await enter(open_transcriber(options.catalogue, settings, key, media)),
        enhancer=await enter(open_enhancer(options.catalogue, settings, key, media)),
        bot=bot,
        downloads=await enter(open_files()),
    )


class _Parts:
    """Every part, made once, when it is first asked for."""

    def __init__(self, settings: Settings, outside: _Outside) -> None:
        self.settings = settings
        self.outside = outside
        self.store, self.media, self.options = outside.store, outside.media, outside.options
        self.catalogue = outside.options.catalogue
        self.texts, self.background = Texts.load(), BackgroundTasks()
        self.keyboards = Keyboards(self.texts)
        self.sent = SentMessages(self.store, now)
        self.preferences = PreferenceService(self.store)
        self.space = DiskSpace(self.media.root, settings.min_free_mb, time.monotonic)
        self.latest_edit = LatestEdit(self.background)
        self.dispatch = LocalDispatch(settings.max_concurrency, self._unfinished)
        self.access = Access(
            open=settings.access == "open",
            admins=settings.admin_ids,
            allowed=settings.allowed_ids,
            limits=Limits(
                day=settings.user_images_per_day,
                month=settings.user_images_per_month,
                concurrency=settings.user_concurrency,
            ),
        )
        self.submit = SubmitService(
            self.store,
            self.access.limits,
            self.options,
            self.preferences,
            settings.max_input_images,
            self.dispatch,
            now,
        )
        self.pending = PendingService(self.store, self.options, self.preferences, now)
        self.queue = QueueService(self.store, outside.latencies, outside.gateways)
        self.groups = GroupService(self.store, now)
        self.sender = Sender(outside.bot, self.sent, ChatAdmins(outside.bot))
        self.replies = Replies(
            self.texts,
            self.preferences,
            self.sender,
            self.background,
            self.access,
            settings.max_input_bytes,
            settings.max_input_pixels,
        )
        self.presses = Presses(self.replies)
        self.privacy_mode = PrivacyModeHint(self.replies, self.groups.hint)
        self.status_text = StatusText(self.texts, self.catalogue, outside.latencies)
        self.queue_status = QueueStatus(
            self.queue, self.sender, self.keyboards, self.status_text, self.background
        )
        self.status = StatusMessages(
            self.sender,
            self.sent,
            self.background,
            self.status_text,
            self.queue_status,
            self.keyboards,
            self.submit.cancel,
            self.dispatch.runs,
        )
        self.submit_replies = SubmitReplies(
            self.replies,
            self.status,
            self.pending,
            self.keyboards,
            self.preset_keyboard,
        )
        self.picture_keyboard = PictureKeyboard(self.texts, Alternatives(self.options))
        self.delivery = Delivery(
            self.replies,
            self.status,
            self.sent,
            self.media,
            self.keyboards,
            self.picture_keyboard,
            settings.ready_ping_seconds,
            now,
        )
        self.inline_sender = InlineSender(outside.bot)
        self.inline_delivery = InlineDelivery(
            self.inline_sender,
            self.replies,
            self.sent,
            self.delivery,
            self.keyboards,
            self.submit.cancel,
            self.dispatch.runs,
        )
        self.actions = PictureActions(
            self.presses, self.submit, self.status, self.sent, self.media, self.delivery
        )
