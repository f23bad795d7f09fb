"""What makes pictures of prompts: put together once, and knows nobody who talks with people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

from bot.billing.access import Access
from bot.config import Settings
from bot.domain import Job, now
from bot.jobs.call_recorder import CallRecorder
from bot.jobs.calls import ModelCalls
from bot.jobs.cleanup import Cleanup
from bot.jobs.dispatch import Dispatch, LocalDispatch, unfinished
from bot.jobs.edits import EditService
from bot.jobs.messages import SentMessages
from bot.jobs.pending import PendingService
from bot.jobs.preferences import PreferenceService
from bot.jobs.queue import QueueService
from bot.jobs.submit import SubmitService
from bot.jobs.worker import Chat, Worker
from bot.media.disk_space import DiskSpace
from bot.outside import Outside
from bot.storage.engine import Store
from bot.storage.schema import sqlite_file
from bot.tg.files import Files
from bot.tg.local_files import LocalFiles


class JobParts:
    """From a prompt to its pictures, of so many jobs `at_once`; `chat` tells how a chat is talked to."""

    def __init__(
        self,
        settings: Settings,
        outside: Outside,
        access: Access,
        at_once: int,
        chat: Callable[[Job], Chat],
        follow_migration: Callable[[int], Awaitable[None]],
    ) -> None:
        store, options = outside.store, outside.options
        self._settings, self._outside = settings, outside
        inputs = settings.max_input_images
        self.dispatch = dispatch = _dispatch(settings, store, at_once)
        self.preferences = preferences = PreferenceService(store)
        self.sent = SentMessages(store, now, follow_migration)
        self.pending = PendingService(store, options, preferences, now)
        self.calls = calls = CallRecorder(store, outside.gateways, now)
        self.cleanup = Cleanup(store, outside.media, settings.media_retention_days, now)
        self.space = space = DiskSpace(
            outside.media, settings.min_free_mb, monotonic, self.cleanup.make_room
        )
        limits = outside.limits
        model_calls = ModelCalls(
            options.catalogue,
            outside.gateways,
            *(calls, outside.latencies, options.gone, outside.inputs),
            *(settings.max_input_pixels, settings.max_input_bytes),
            now,
            place=partial(limits.at_gateway, settings.max_concurrency) if limits else None,
        )
        files = self.files(settings.max_input_bytes)
        self.worker = Worker(
            store,
            access.limits,
            model_calls,
            calls,
            dispatch,
            files.fetch,
            space.is_enough,
            chat,
            now,
        )
        self.submit = SubmitService(
            *(store, access.judge, options, preferences, inputs, dispatch),
            self.worker.begin_in,
            now,
        )
        self.queue = QueueService(store, outside.latencies, outside.gateways)
        self.edits = EditService(store, options, preferences, self.submit, dispatch, now)

    def files(self, largest: int) -> Files:
        """Whatever fetches files of Telegram, of up to `largest` bytes."""
        outside, local = self._outside, LocalFiles(self._settings.telegram_files_dir)
        return Files(outside.bot, outside.downloads, local, outside.inputs, largest)


def _dispatch(settings: Settings, store: Store, limit: int) -> Dispatch:
    """Choose who says what runs when; jobs are this process's own on SQLite."""
    url = settings.database_url.get_secret_value()
    if sqlite_file(url):
        return LocalDispatch(limit, partial(unfinished, store))
    from bot.jobs.queue_dispatch import QueueDispatch  # noqa: PLC0415 - an extra

    return QueueDispatch(store, url, limit)
