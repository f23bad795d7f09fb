"""The desk: everything that the handlers work with, made once at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.billing.access import Access
    from bot.billing.usage import UsageService
    from bot.catalogue.models import Catalogue
    from bot.catalogue.presets import Presets
    from bot.domain import Enhancement, Voice
    from bot.features.albums.handlers import AlbumTimers
    from bot.features.enhance.service import EnhanceService
    from bot.features.groups.service import GroupService
    from bot.features.history.service import HistoryService
    from bot.features.inline.delivery import InlineDelivery
    from bot.features.inline.erasure import StorageChatDeleter
    from bot.features.inline.results import InlineResults
    from bot.features.inline.service import PictureSearch
    from bot.features.presets.service import PresetService
    from bot.features.privacy.service import PrivacyService
    from bot.features.voices.service import VoiceService
    from bot.i18n.texts import Texts
    from bot.jobs.edits import EditService
    from bot.jobs.messages import SentMessages
    from bot.jobs.options import Alternatives, ModelOptions
    from bot.jobs.preferences import PreferenceService
    from bot.jobs.queue import QueueService
    from bot.jobs.submit import SubmitService
    from bot.media.store import MediaStore
    from bot.tg.delivery import Delivery
    from bot.tg.keyboards import Keyboards
    from bot.tg.picture_keyboard import PictureKeyboard
    from bot.tg.replies import InputLimits
    from bot.tg.sender import Sender
    from bot.tg.status import StatusMessages
    from bot.tg.status_text import StatusText
    from bot.tg.tasks import BackgroundTasks, LatestEdit, RecoverableTasks


@dataclass(frozen=True, slots=True)
class BotFacts:
    """What the bot tells about itself: settings that users may know."""

    gateway_host: str
    retention_days: int
    terms: str
    storage_chat: int | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers' collaborators."""

    accounts: Access
    submit: SubmitService
    edits: EditService
    queue: QueueService
    albums: AlbumTimers
    voices: VoiceService
    listening: RecoverableTasks[Voice]
    rewrites: EnhanceService
    enhancing: RecoverableTasks[Enhancement]
    preferences: PreferenceService
    choices: ModelOptions
    usage: UsageService
    own_data: PrivacyService
    sent: SentMessages
    memberships: GroupService
    media: MediaStore
    clearing: StorageChatDeleter
    catalogue: Catalogue
    texts: Texts
    keyboards: Keyboards
    limits: InputLimits
    sender: Sender
    status: StatusMessages
    wording: StatusText
    delivery: Delivery
    background: BackgroundTasks
    facts: BotFacts
    presets: Presets
    ready: PresetService
    changes: Alternatives
    panels: PictureKeyboard
    gallery: HistoryService
    turns: LatestEdit
    asking: set[tuple[int | str, ...]]  # what is asked below which message, on its way
    inline: InlineDelivery
    inline_results: InlineResults
    latest: PictureSearch
