"""The assembly: every part is made here, once, and given what it needs; no rules, no I/O."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import presets
from bot.billing.access import Access, Limits
from bot.billing.usage import UsageService
from bot.domain import Wake, now
from bot.features.admin.alerts import AdminAlerts, AlertingDelivery
from bot.features.albums.handlers import AlbumTimers
from bot.features.albums.service import AlbumService
from bot.features.desk import BotFacts, Desk
from bot.features.enhance.service import EnhanceService
from bot.features.groups.service import GroupService
from bot.features.history.service import HistoryService
from bot.features.inline.delivery import InlineDelivery
from bot.features.inline.erasure import PendingDeletions, StorageChatDeleter
from bot.features.inline.messages import InlineSender
from bot.features.inline.results import InlineResults
from bot.features.inline.service import PictureSearch
from bot.features.presets.service import PresetService, checked
from bot.features.privacy.service import PrivacyService
from bot.features.voices.service import LARGEST, VoiceService
from bot.i18n.texts import Texts
from bot.jobs.calls import CallRecorder, ModelCalls, TextCalls
from bot.jobs.dispatch import LocalDispatch
from bot.jobs.edits import EditService
from bot.jobs.messages import SentMessages
from bot.jobs.options import Alternatives
from bot.jobs.preferences import PreferenceService
from bot.jobs.queue import QueueService
from bot.jobs.submit import SubmitService
from bot.jobs.worker import Drawing, Worker
from bot.media.disk_space import DiskSpace
from bot.tg.delivery import Delivery
from bot.tg.files import Files
from bot.tg.keyboards import Keyboards
from bot.tg.picture_keyboard import PictureKeyboard
from bot.tg.replies import InputLimits
from bot.tg.sender import Sender
from bot.tg.status import StatusMessages
from bot.tg.status_text import StatusText
from bot.tg.tasks import BackgroundTasks, LatestEdit, RecoverableTasks

if TYPE_CHECKING:
    import httpx

    from bot.config import Settings
    from bot.ground import Ground
    from bot.tg.client import Connected


@dataclass(frozen=True, slots=True)
class Parts:
    """What is started and stopped; everything else is reached through the desk."""

    desk: Desk
    dispatch: LocalDispatch
    worker: Worker


@dataclass(frozen=True, slots=True)
class _Rules:
    """The product's rules, which know no Telegram."""

    accounts: Access
    calls: CallRecorder
    queue: QueueService
    dispatch: LocalDispatch
    generation: SubmitService
    albums: AlbumService
    voices: VoiceService
    rewrites: EnhanceService
    room: DiskSpace


@dataclass(frozen=True, slots=True)
class _Speech:
    """What talks with people."""

    talk: BackgroundTasks
    texts: Texts
    wording: StatusText
    keyboards: Keyboards
    places: SentMessages
    changes: Alternatives
    panels: PictureKeyboard
    limits: InputLimits
    messages: Sender
    statuses: StatusMessages
    preferences: PreferenceService
    delivery: Delivery
    inline: InlineDelivery
    inline_results: InlineResults
    clearing: StorageChatDeleter


def assemble(ground: Ground, bot: Connected, files: httpx.AsyncClient) -> Parts:
    """Put the bot together; `files` is the client that downloads what people send."""
    rules = _rules(ground, Files(bot, files, ground.media, LARGEST))
    speech = _speech(ground, rules, bot)
    fetched = Files(bot, files, ground.media, ground.settings.max_input_bytes)
    worker = Worker(
        store=ground.store,
        accounts=rules.accounts,
        drawing=_drawing(ground, rules, speech, fetched),
        calls=rules.calls,
        dispatch=rules.dispatch,
        deliver=_alarms(ground, speech).deliver,
        clock=now,
    )
    return Parts(_desk(ground, rules, speech), rules.dispatch, worker)


def _rules(ground: Ground, spoken: Files) -> _Rules:
    settings, store = ground.settings, ground.store
    accounts = _accounts(settings)

    async def unfinished(limit: int, after: int) -> list[Wake]:
        async with store.reading() as tx:
            return await tx.jobs.unfinished(after, limit)

    dispatch = LocalDispatch(settings.max_concurrency, unfinished)
    generation = SubmitService(
        store=store,
        accounts=accounts,
        choices=ground.choices,
        max_inputs=settings.max_input_images,
        dispatch=dispatch,
        clock=now,
    )
    room = DiskSpace(ground.media.root, settings.min_free_mb, time.monotonic)
    errands = TextCalls(store, now)
    return _Rules(
        accounts=accounts,
        calls=CallRecorder(store, ground.gateways, now),
        queue=QueueService(store, ground.latencies, ground.gateways),
        dispatch=dispatch,
        generation=generation,
        albums=AlbumService(
            store=store,
            generation=generation,
            settle_seconds=settings.album_settle_seconds,
            clock=now,
        ),
        voices=VoiceService(
            store=store,
            generation=generation,
            limits=accounts.limits,
            media=ground.media,
            fetch=spoken.fetch,
            room=room.enough,
            transcriber=ground.transcriber,
            errands=errands,
            clock=now,
        ),
        rewrites=EnhanceService(
            store=store,
            generation=generation,
            limits=accounts.limits,
            choices=ground.choices,
            rewriter=ground.rewriter,
            errands=errands,
            clock=now,
        ),
        room=room,
    )


def _speech(ground: Ground, rules: _Rules, bot: Connected) -> _Speech:
    settings = ground.settings
    texts, talk, places = Texts.load(), BackgroundTasks(), SentMessages(ground.store, now)
    keyboards, changes = Keyboards(texts), Alternatives(ground.choices)
    wording = StatusText(texts, ground.choices.catalogue, ground.latencies)
    panels = PictureKeyboard(texts, keyboards, changes)
    limits = InputLimits(texts, settings.max_input_bytes, settings.max_input_pixels)
    messages, preferences = Sender(bot, places), PreferenceService(ground.store)
    statuses = StatusMessages(
        messages=messages,
        places=places,
        talk=talk,
        wording=wording,
        queue=rules.queue,
        keyboards=keyboards,
        call_off=rules.generation.cancel,
    )
    delivery = Delivery(
        messages=messages,
        statuses=statuses,
        places=places,
        media=ground.media,
        talk=talk,
        texts=texts,
        keyboards=keyboards,
        panels=panels,
        limits=limits,
        preferences=preferences,
        ping_seconds=settings.ready_ping_seconds,
        clock=now,
    )
    inline = InlineDelivery(
        inline=InlineSender(bot),
        messages=messages,
        places=places,
        statuses=statuses,
        delivery=delivery,
        talk=talk,
        texts=texts,
        keyboards=keyboards,
        preferences=preferences,
        call_off=rules.generation.cancel,
    )
    clearances = PendingDeletions(ground.store, now)
    return _Speech(
        talk=talk,
        texts=texts,
        wording=wording,
        keyboards=keyboards,
        places=places,
        changes=changes,
        panels=panels,
        limits=limits,
        messages=messages,
        statuses=statuses,
        preferences=preferences,
        delivery=delivery,
        inline=inline,
        inline_results=InlineResults(InlineSender(bot), delivery.upload),
        clearing=StorageChatDeleter(bot=bot, clearances=clearances, messages=messages, texts=texts),
    )


def _alarms(ground: Ground, speech: _Speech) -> AlertingDelivery:
    return AlertingDelivery(
        deliver=speech.inline.deliver,
        operators=AdminAlerts(ground.settings.admin_ids, ground.store, now),
        messages=speech.messages,
        talk=speech.talk,
        texts=speech.texts,
        preferences=speech.preferences,
    )


def _drawing(ground: Ground, rules: _Rules, speech: _Speech, files: Files) -> Drawing:
    settings = ground.settings
    asking = ModelCalls(
        catalogue=ground.choices.catalogue,
        gateways=ground.gateways,
        calls=rules.calls,
        latencies=ground.latencies,
        media=ground.media,
        max_pixels=settings.max_input_pixels,
        max_bytes=settings.max_input_bytes,
        clock=now,
    )
    return Drawing(
        asking=asking,
        calls=rules.calls,
        fetch=files.fetch,
        accompany=speech.inline.accompany,
        room=rules.room.enough,
        clock=now,
    )


def _desk(ground: Ground, rules: _Rules, speech: _Speech) -> Desk:
    settings, store, choices = ground.settings, ground.store, ground.choices
    dispatch, generation = rules.dispatch, rules.generation
    return Desk(
        accounts=rules.accounts,
        generation=generation,
        edits=EditService(
            store=store, choices=choices, generation=generation, dispatch=dispatch, clock=now
        ),
        queue=rules.queue,
        albums=AlbumTimers(rules.albums, clock=now),
        voices=rules.voices,
        listening=RecoverableTasks(rules.voices),
        rewrites=rules.rewrites,
        enhancing=RecoverableTasks(rules.rewrites),
        preferences=speech.preferences,
        choices=choices,
        usage=UsageService(store, now),
        clearing=speech.clearing,
        own_data=PrivacyService(store=store, media=ground.media, dispatch=dispatch, clock=now),
        places=speech.places,
        memberships=GroupService(store, now),
        media=ground.media,
        catalogue=choices.catalogue,
        texts=speech.texts,
        keyboards=speech.keyboards,
        limits=speech.limits,
        messages=speech.messages,
        statuses=speech.statuses,
        wording=speech.wording,
        delivery=speech.delivery,
        talk=speech.talk,
        facts=BotFacts(
            ground.hosts, settings.media_retention_days, settings.terms, settings.storage_chat_id
        ),
        inline=speech.inline,
        inline_results=speech.inline_results,
        latest=PictureSearch(store),
        presets=checked(presets.load(settings.presets_file), choices),
        ready=PresetService(store=store, generation=generation, choices=choices, clock=now),
        changes=speech.changes,
        panels=speech.panels,
        gallery=HistoryService(store, now),
        turns=LatestEdit(speech.talk),
        asking=set(),
    )


def _accounts(settings: Settings) -> Access:
    return Access(
        open=settings.access == "open",
        admins=settings.admin_ids,
        allowed=settings.allowed_ids,
        limits=Limits(
            day=settings.user_images_per_day,
            month=settings.user_images_per_month,
            concurrency=settings.user_concurrency,
        ),
    )
