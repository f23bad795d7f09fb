"""The assembly: every part is made here, once, and given what it needs; no rules, no I/O."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.accounts import Accounts, Limits
from bot.albums import Albums
from bot.asking import Asking
from bot.calls import Calls
from bot.catalogue.presets import load_presets
from bot.changes import Changes
from bot.clearances import Clearances
from bot.dispatch.local import LocalDispatch
from bot.domain import Wake, now
from bot.drawing import Drawing
from bot.edits import Edits
from bot.errands import ErrandBook
from bot.gallery import Gallery
from bot.generation import Generation
from bot.i18n.texts import Texts
from bot.latest import LatestPictures
from bot.media.room import Room
from bot.memberships import Memberships
from bot.operators import Operators
from bot.own_data import OwnData
from bot.places import Places
from bot.preferences import Chosen
from bot.queue import Queue
from bot.ready import Ready, checked
from bot.rewrites import Rewrites
from bot.tg.alarms import Alarms
from bot.tg.albums import AlbumTimers
from bot.tg.clearing import Clearing
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
from bot.tg.statuses import Statuses
from bot.tg.talk import Talk
from bot.tg.turns import Turns
from bot.tg.wording import Wording
from bot.usage import UsageReports
from bot.voices import LARGEST, Voices
from bot.worker import Worker

if TYPE_CHECKING:
    import httpx

    from bot.config import Settings
    from bot.ground import Ground
    from bot.tg.connection import Connected


@dataclass(frozen=True, slots=True)
class Parts:
    """What is started and stopped; everything else is reached through the desk."""

    desk: Desk
    dispatch: LocalDispatch
    worker: Worker


@dataclass(frozen=True, slots=True)
class _Rules:
    """The product's rules, which know no Telegram."""

    accounts: Accounts
    calls: Calls
    queue: Queue
    dispatch: LocalDispatch
    generation: Generation
    albums: Albums
    voices: Voices
    rewrites: Rewrites
    room: Room


@dataclass(frozen=True, slots=True)
class _Speech:
    """What talks with people."""

    talk: Talk
    texts: Texts
    wording: Wording
    keyboards: Keyboards
    places: Places
    changes: Changes
    panels: Panels
    limits: InputLimits
    messages: Messages
    statuses: Statuses
    preferences: Chosen
    delivery: Delivery
    inline: InlinePlaces
    inline_results: InlineResults
    clearing: Clearing


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
    generation = Generation(
        store=store,
        accounts=accounts,
        choices=ground.choices,
        max_inputs=settings.max_input_images,
        dispatch=dispatch,
        clock=now,
    )
    room = Room(ground.media.root, settings.min_free_mb, time.monotonic)
    errands = ErrandBook(store, now)
    return _Rules(
        accounts=accounts,
        calls=Calls(store, ground.gateways, now),
        queue=Queue(store, ground.latencies, ground.gateways),
        dispatch=dispatch,
        generation=generation,
        albums=Albums(
            store=store,
            generation=generation,
            settle_seconds=settings.album_settle_seconds,
            clock=now,
        ),
        voices=Voices(
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
        rewrites=Rewrites(
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
    texts, talk, places = Texts.load(), Talk(), Places(ground.store, now)
    keyboards, changes = Keyboards(texts), Changes(ground.choices)
    wording = Wording(texts, ground.choices.catalogue, ground.latencies)
    panels = Panels(texts, keyboards, changes)
    limits = InputLimits(texts, settings.max_input_bytes, settings.max_input_pixels)
    messages, preferences = Messages(bot, places), Chosen(ground.store)
    statuses = Statuses(
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
        call_off=rules.generation.cancel,
    )
    clearances = Clearances(ground.store, now)
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
        inline_results=InlineResults(InlineMessages(bot), delivery.upload),
        clearing=Clearing(bot=bot, clearances=clearances, messages=messages, texts=texts),
    )


def _alarms(ground: Ground, speech: _Speech) -> Alarms:
    return Alarms(
        deliver=speech.inline.deliver,
        operators=Operators(ground.settings.admin_ids, ground.store, now),
        messages=speech.messages,
        talk=speech.talk,
        texts=speech.texts,
        preferences=speech.preferences,
    )


def _drawing(ground: Ground, rules: _Rules, speech: _Speech, files: Files) -> Drawing:
    settings = ground.settings
    asking = Asking(
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
        edits=Edits(
            store=store, choices=choices, generation=generation, dispatch=dispatch, clock=now
        ),
        queue=rules.queue,
        albums=AlbumTimers(rules.albums, clock=now),
        voices=rules.voices,
        listening=Following(rules.voices),
        rewrites=rules.rewrites,
        enhancing=Following(rules.rewrites),
        preferences=speech.preferences,
        choices=choices,
        usage=UsageReports(store, now),
        clearing=speech.clearing,
        own_data=OwnData(store=store, media=ground.media, dispatch=dispatch, clock=now),
        places=speech.places,
        memberships=Memberships(store, now),
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
        facts=Facts(
            ground.hosts, settings.media_retention_days, settings.terms, settings.storage_chat_id
        ),
        inline=speech.inline,
        inline_results=speech.inline_results,
        latest=LatestPictures(store),
        presets=checked(load_presets(settings.presets_file), choices),
        ready=Ready(store=store, generation=generation, choices=choices, clock=now),
        changes=speech.changes,
        panels=speech.panels,
        gallery=Gallery(store, now),
        turns=Turns(speech.talk),
        asking=set(),
    )


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
