"""The desk: everything that the handlers work with, made once at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.accounts import Accounts
    from bot.catalogue import Catalogue
    from bot.generation import Generation
    from bot.i18n import Texts
    from bot.latest import LatestPictures
    from bot.media.store import MediaStore
    from bot.options import Choices
    from bot.own_data import OwnData
    from bot.places import Places
    from bot.preferences import Chosen
    from bot.tg.albums import AlbumTimers
    from bot.tg.delivery import Delivery
    from bot.tg.inline_places import InlinePlaces
    from bot.tg.keyboards import Keyboards
    from bot.tg.limits import InputLimits
    from bot.tg.messages import Messages
    from bot.tg.statuses import Statuses
    from bot.tg.talk import Talk
    from bot.usage import UsageReports


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
    albums: AlbumTimers
    preferences: Chosen
    choices: Choices
    usage: UsageReports
    own_data: OwnData
    places: Places
    media: MediaStore
    catalogue: Catalogue
    texts: Texts
    keyboards: Keyboards
    limits: InputLimits
    messages: Messages
    statuses: Statuses
    delivery: Delivery
    talk: Talk
    facts: Facts
    inline: InlinePlaces
    latest: LatestPictures
