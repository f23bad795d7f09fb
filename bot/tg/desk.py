"""The desk: everything that the handlers work with, made once at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.accounts import Accounts
    from bot.catalogue.models import Catalogue
    from bot.catalogue.presets import Presets
    from bot.changes import Changes
    from bot.domain import Rewrite, Voice
    from bot.edits import Edits
    from bot.gallery import Gallery
    from bot.generation import Generation
    from bot.i18n.texts import Texts
    from bot.latest import LatestPictures
    from bot.media.store import MediaStore
    from bot.memberships import Memberships
    from bot.options import Choices
    from bot.own_data import OwnData
    from bot.places import Places
    from bot.preferences import Chosen
    from bot.queue import Queue
    from bot.ready import Ready
    from bot.rewrites import Rewrites
    from bot.tg.albums import AlbumTimers
    from bot.tg.clearing import Clearing
    from bot.tg.delivery import Delivery
    from bot.tg.following import Following
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
    from bot.voices import Voices


@dataclass(frozen=True, slots=True)
class Facts:
    """What the bot tells about itself: settings that users may know."""

    gateway_host: str
    retention_days: int
    terms: str
    storage_chat: int | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers' collaborators."""

    accounts: Accounts
    generation: Generation
    edits: Edits
    queue: Queue
    albums: AlbumTimers
    voices: Voices
    listening: Following[Voice]
    rewrites: Rewrites
    enhancing: Following[Rewrite]
    preferences: Chosen
    choices: Choices
    usage: UsageReports
    own_data: OwnData
    places: Places
    memberships: Memberships
    media: MediaStore
    clearing: Clearing
    catalogue: Catalogue
    texts: Texts
    keyboards: Keyboards
    limits: InputLimits
    messages: Messages
    statuses: Statuses
    wording: Wording
    delivery: Delivery
    talk: Talk
    facts: Facts
    presets: Presets
    ready: Ready
    changes: Changes
    panels: Panels
    gallery: Gallery
    turns: Turns
    asking: set[tuple[int | str, ...]]  # what is asked below which message, on its way
    inline: InlinePlaces
    inline_results: InlineResults
    latest: LatestPictures
