"""Every part of the bot: made once, of outside systems, and put together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import structlog

from bot.billing.access import Access
from bot.billing.usage import UsageService
from bot.config import Settings
from bot.domain import Job, StorageUnavailable, now
from bot.features.admin.alerts import AdminAlerts
from bot.features.admin.broadcast_rules import BroadcastService
from bot.features.admin.broadcasting import BroadcastFeature
from bot.features.admin.checks import Checks
from bot.features.admin.daily_figures import DailyFigures
from bot.features.admin.dashboard import DashboardFeature
from bot.features.admin.from_outside import FromOutside
from bot.features.admin.handlers import AdminFeature
from bot.features.admin.logins import Logins
from bot.features.admin.lookup import AdminLookup
from bot.features.admin.owner_link import OwnerLink
from bot.features.admin.service import AdminService
from bot.features.albums.handlers import AlbumsFeature
from bot.features.albums.service import AlbumService
from bot.features.commands.handlers import CommandsFeature
from bot.features.enhance.handlers import EnhanceFeature
from bot.features.enhance.service import EnhanceService
from bot.features.groups.handlers import GroupsFeature
from bot.features.groups.service import GroupService
from bot.features.history.handlers import HistoryFeature
from bot.features.history.service import HistoryService
from bot.features.inline.handlers import InlineFeature
from bot.features.inline.inline_delivery import InlineDelivery
from bot.features.inline.query_results import QueryResults
from bot.features.inline.service import PendingDeletions, PictureSearch
from bot.features.inline.storage_chat import StorageChatDeleter
from bot.features.pictures.handlers import PicturesFeature
from bot.features.presets.handlers import PresetsFeature
from bot.features.presets.service import PresetService
from bot.features.privacy.erasures import Erasures
from bot.features.privacy.handlers import BotFacts, PrivacyFeature
from bot.features.privacy.service import PrivacyService
from bot.features.prompts.handlers import PromptsFeature
from bot.features.queue.handlers import QueueFeature
from bot.features.settings.handlers import SettingsFeature
from bot.features.voices.handlers import VoicesFeature
from bot.features.voices.service import LARGEST, VoiceService
from bot.i18n.texts import Texts
from bot.job_parts import JobParts
from bot.jobs.alternatives import Alternatives
from bot.jobs.dispatch import resume
from bot.jobs.options import load_presets_for
from bot.jobs.submit import QueuedJob
from bot.jobs.worker import Chat
from bot.outside import Outside
from bot.storage.erasure import Erased
from bot.storage.notices import Topic
from bot.tg.chat_admins import ChatAdmins
from bot.tg.chat_turns import ChatTurns
from bot.tg.delivery import Delivery
from bot.tg.feature import CallbackRouter, CommandRouter, Feature, Handler
from bot.tg.keyboards import Keyboards, PictureKeyboard, PresetKeyboard
from bot.tg.picture_actions import PictureActions
from bot.tg.presses import Presses
from bot.tg.privacy_mode import PrivacyModeHint
from bot.tg.queue_status import QueueStatus
from bot.tg.replies import Replies, SubmitReplies
from bot.tg.sender import Sender
from bot.tg.status import StatusMessages
from bot.tg.status_text import StatusText
from bot.tg.tasks import BackgroundTasks, LatestEdit

SWEEP_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Parts:
    """Every part, made once; `features` has one line for each, the first that fits takes an update."""

    def __init__(self, settings: Settings, outside: Outside, at_once: int) -> None:
        store, media, options = outside.store, outside.media, outside.options
        bot, catalogue, latencies = outside.bot, options.catalogue, outside.latencies
        self._access = access = Access.of(settings)
        self._store, self.leader = store, store.leader

        # From a prompt to its pictures.
        self._jobs = jobs = JobParts(
            settings, outside, access, at_once, self._chat, self._follow_migration
        )
        self.dispatch, self.worker, submit = jobs.dispatch, jobs.worker, jobs.submit
        preferences, sent, pending = jobs.preferences, jobs.sent, jobs.pending
        queue, edits, dispatch = jobs.queue, jobs.edits, jobs.dispatch
        groups = GroupService(store, submit.people, now)

        # What talks with people.
        self.texts, self.background, self.logins = (
            Texts.load(),
            BackgroundTasks(),
            Logins(store, now),
        )
        turns = ChatTurns(outside.limits.alone if outside.limits else None)
        sender = Sender(bot, sent, ChatAdmins(bot), turns)
        self.replies = replies = Replies(
            self.texts,
            preferences,
            sender,
            self.background,
            access,
            settings.max_input_bytes,
            settings.max_input_pixels,
            lambda prompt: self.alerts.knocked(prompt),  # noqa: PLW0108 - it is made below
        )
        self.presses = presses = Presses(replies)
        latest_edit = LatestEdit(self.background)
        keyboards, alternatives = Keyboards(self.texts), Alternatives(options)
        presets = load_presets_for(options, settings.presets_file)
        preset_keyboard = PresetKeyboard(self.texts, presets)
        text = StatusText(self.texts, catalogue, latencies)
        picture_keyboard = PictureKeyboard(self.texts, alternatives, text.typical)
        self._queue_status = QueueStatus(queue, sender, keyboards, text, self.background)
        job_control = submit.cancel, dispatch.runs
        self._status = status = StatusMessages(
            sender, sent, self.background, text, self._queue_status, keyboards, *job_control
        )
        self._submit_replies = answers = SubmitReplies(
            replies, status, pending, keyboards, preset_keyboard
        )
        self._delivery = delivery = Delivery(
            replies,
            status,
            sent,
            media,
            keyboards,
            picture_keyboard,
            settings.ready_ping_seconds,
            now,
        )
        self._inline_delivery = inline_delivery = InlineDelivery(
            bot, replies, sent, delivery, keyboards, *job_control
        )
        self.figures, self.alerts = (
            DailyFigures(store, now),
            AdminAlerts(store, now, replies, options),
        )
        self.admin = AdminService(
            store,
            access,
            options,
            submit,
            dispatch,
            self._announce,
            self._explain,
            self._erase,
            self._disowned,
            self.alerts.operated,
            now,
        )
        actions, privacy_mode, self.owner_link, self.checks = (
            PictureActions(presses, submit, status, sent, media, delivery),
            PrivacyModeHint(replies, groups.hint),
            OwnerLink(self.admin, replies),
            Checks(self.alerts, store, outside.gateways, settings, media),
        )

        # The features, and what only they need.
        self.albums = AlbumsFeature(
            replies,
            answers,
            AlbumService(store, submit, timedelta(seconds=settings.album_settle_seconds), now),
            sent,
            privacy_mode,
            edits,
            lambda message: self._prompts.draw(message),  # noqa: PLW0108 - it is made below
        )
        voices = VoiceService(
            store,
            submit,
            access.judge,
            media,
            jobs.files(LARGEST).fetch,
            jobs.space.is_enough,
            outside.transcriber,
            jobs.calls,
            now,
        )
        self._voices = VoicesFeature(replies, answers, voices, sent)
        enhancing = EnhanceService(
            store, submit, access.judge, options, preferences, outside.enhancer, jobs.calls, now
        )
        self._enhance = EnhanceFeature(replies, presses, answers, enhancing, sent)
        self.commands = ("enhance",) if enhancing.on else ()  # beside those of every bot
        self._deleter = deleter = StorageChatDeleter(bot, PendingDeletions(store, now), replies)
        facts = BotFacts(
            gateway_hosts=", ".join(sorted({one.host for one in outside.gateways.values()})),
            retention_days=settings.media_retention_days,
            terms=settings.terms,
            stores_inline=settings.storage_chat_id is not None,
            hears=voices.on,
            backup_days=settings.backup_days,
        )
        features: list[Feature] = [
            CommandsFeature(
                replies, presses, UsageService(store, now), enhancing.on, self.owner_link.open
            ),
            broadcasts := BroadcastFeature(replies, presses, BroadcastService(store, now)),
            AdminFeature(
                replies, presses, self.admin, AdminLookup(store, access, self.figures, now)
            ),
            SettingsFeature(replies, presses, options, text.typical, enhancing.on),
            PrivacyFeature(
                replies,
                presses,
                privacy := PrivacyService(store, media, dispatch, now),
                erasures := Erasures(replies, privacy, self._forget),
                facts,
                self._forget,
            ),
            QueueFeature(
                replies, presses, submit, queue, delivery, preset_keyboard, text, catalogue
            ),
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
                actions,
                pending,
                PresetService(store, submit, options, preferences, now),
                presets,
                preset_keyboard,
                keyboards,
                latest_edit,
            ),
            GroupsFeature(replies, groups, submit, queue, sent),
            DashboardFeature(replies, self.logins, settings.web_reached_at),
            InlineFeature(
                replies,
                presses,
                submit,
                PictureSearch(store),
                QueryResults(bot, delivery.upload),
                inline_delivery,
                deleter,
                preset_keyboard,
                settings.storage_chat_id,
            ),
            self._enhance,
            self._voices,
            self.albums,
        ]
        before_submit = [take for feature in features for take in feature.interceptors()]
        self._prompts = prompts = PromptsFeature(
            replies,
            presses,
            submit,
            answers,
            status,
            edits,
            pending,
            catalogue,
            privacy_mode,
            self.albums.keep_first,
            before_submit,
            voices.on,
        )
        self._features, self._erasures = [*features, prompts], erasures
        self._broadcasts = broadcasts
        store.notices.on(Topic.MOVED, self._moved_elsewhere)

    @property
    def handlers(self) -> list[Handler]:
        """Whatever updates may bring, in the order of asking."""
        callbacks = {v: take for one in self._features for v, take in one.callbacks().items()}
        commands = {name: take for one in self._features for name, take in one.commands().items()}
        messages = [handler for one in self._features for handler in one.handlers()]
        return [CommandRouter(commands), *messages, CallbackRouter(self.presses, callbacks)]

    @property
    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What the leader does, without end; a new one goes on with it."""
        tasks = {"cleanup": self._jobs.cleanup.run(), "positions": self._queue_status.run()}
        return tasks | {name: task for one in self._features for name, task in one.tasks().items()}

    @property
    def own_tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What each process does: its gateways and its memory are its own."""
        tasks = {"checks": self.checks.run(), "operators": FromOutside(self.admin).run()}
        if not self.leader.is_sole:
            tasks["voices"] = self._voices.recovery.keep()
            tasks["enhancements"] = self._enhance.recovery.keep()
        return tasks

    async def resume(self) -> None:
        """Go on with what an earlier leader has left."""
        await self.admin.load()
        await resume(self._store, self.dispatch, self._access.limits)
        await self._recover()
        await self.albums.load()

    async def _recover(self) -> None:
        """Go on with what waits for a word of the bot's, and is in nobody's hands."""
        for one in await self._jobs.pending.unasked():
            asking = self._submit_replies.ask(one, again=True)
            self.background.run_once(("question", one.chat_id, one.message_id), asking, "question")
        await self._voices.recovery.start()
        await self._enhance.recovery.start()

    async def sweep(self) -> None:
        """Take up, now and then, what other processes have begun or left behind."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._erasures.wake()
            self._deleter.wake()
            self._broadcasts.wake()
            try:
                await self.albums.resume(grace=SWEEP_SECONDS)
                await self._recover()
            except StorageUnavailable:
                log.warning("what other processes left is not looked for now")

    def _erase(self, erased: Erased) -> None:
        """Go on with what an operator has begun to erase."""
        self._forget()
        discarding = self._erasures.privacy.discard(erased.files)
        self.background.run(discarding, "files of cancelled jobs")
        self._erasures.wake()

    def _disowned(self, user_id: int) -> None:
        """Somebody operates the bot no longer: his menu is as everybody's."""
        if publish := self.owner_link.on_owned:
            self.background.run(publish(user_id, "en"), "menu of the operator")

    async def _moved_elsewhere(self, _payload: str | None) -> None:
        self._forget()
        self._erasures.wake()

    def _forget(self) -> None:
        """An account was erased: what is remembered of its rows is void."""
        self._jobs.preferences.forget()
        self._jobs.submit.people.forget()
        self._deleter.wake()

    async def _follow_migration(self, chat_id: int) -> None:
        """Go on with what waits in a chat that has another id now; what runs has the earlier one."""
        self._jobs.preferences.forget()
        self._jobs.submit.people.forget()
        await self._voices.recovery.start()
        await self._enhance.recovery.start()
        await self.albums.resume(chat_id)

    async def drain(self, seconds: float) -> None:
        """Finish what runs within one deadline."""
        running = (self.dispatch, self._voices.recovery, self._enhance.recovery)
        await asyncio.gather(*(one.drain(seconds) for one in running))

    def _announce(self, queued: QueuedJob) -> None:
        inline = queued.job.inline_message_id is not None
        (self._inline_delivery if inline else self._status).announce(queued)

    def _explain(self, ended: Sequence[Job]) -> None:
        self.background.run(self._delivery.explain_ended(ended), "cancelled by an operator")

    def _chat(self, job: Job) -> Chat:
        """Tell how a job's chat is talked to; operators hear of what only they can mend."""
        self.alerts.consider(job)
        return self._inline_delivery if job.inline_message_id else self._delivery
