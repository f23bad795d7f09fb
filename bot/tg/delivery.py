"""Delivery: the status message becomes the picture, or says why there is none.

Called again after a crash, a timeout or a flood it ends with the same messages in the chat: ids
are committed before anything is put into them, and putting is an edit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from bot.domain import InputProblem, OutcomeKind, SendAs, TryLater, Unreachable
from bot.media.inspect import is_animated
from bot.tg.errors import Moved, Rejected
from bot.tg.sender import Lost, Target, target_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from bot.domain import Job, Picture
    from bot.i18n.texts import Texts
    from bot.jobs.messages import SentMessages
    from bot.jobs.preferences import PreferenceService
    from bot.media.store import MediaStore
    from bot.tg.keyboards import Keyboards
    from bot.tg.picture_keyboard import PictureKeyboard
    from bot.tg.replies import InputLimits
    from bot.tg.sender import Sender
    from bot.tg.status import StatusMessages
    from bot.tg.tasks import BackgroundTasks


log = structlog.get_logger(__name__)

RENEWALS = 3  # how often a message may vanish under our hands before we wait

SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/avif": "avif",
    "image/svg+xml": "svg",
}

_PROBLEMS = frozenset(problem.value for problem in InputProblem)
# What Telegram did not hand out now it may hand out later; the others stay what they are.
_FATAL = _PROBLEMS - {InputProblem.GONE, InputProblem.NOT_FETCHED}


class Delivery:
    """Brings results into chats."""

    def __init__(
        self,
        *,
        sender: Sender,
        status: StatusMessages,
        sent: SentMessages,
        media: MediaStore,
        background: BackgroundTasks,
        texts: Texts,
        keyboards: Keyboards,
        panels: PictureKeyboard,
        limits: InputLimits,
        preferences: PreferenceService,
        ping_seconds: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._sender = messages
        self._status = statuses
        self._sent = places
        self._media = media
        self._background = talk
        self._texts = texts
        self._keyboards = keyboards
        self._panels = panels
        self._limits = limits
        self._preferences = preferences
        self._ping_seconds = ping_seconds
        self._clock = clock
        self.originals: set[int] = set()  # pictures whose untouched bytes are on their way

    async def deliver(self, job: Job, pictures: list[Picture], *, again: bool) -> None:
        """Put a job's result into its chat; `again` says that an earlier try may have begun it.

        Raises Unreachable where that is impossible and TryLater where it is now.
        """
        await self._status.quiet(job)
        try:
            if pictures:
                await self._show(job, pictures, again=again)
            else:
                await self.explain(job)
        except Moved as moved:
            await self._sent.chat_moved(job.chat_id, moved.chat_id)
            self._preferences.forget()
            raise TryLater(0) from moved
        except Rejected as refused:
            log.error("Telegram refuses a result", job=job.id, reason=refused.reason)  # noqa: TRY400 - expected, no traceback
            await self._tell_in_private(job)
            raise Unreachable(refused.reason) from refused
        except Unreachable:
            await self._tell_in_private(job)
            raise

    async def _tell_in_private(self, job: Job) -> None:
        """Tell who asked in a group that nothing can be shown there: once, if he can be reached."""
        if job.private or job.account_id < 0:
            return
        if await self._sent.first_time(f"undelivered:{job.id}"):
            own = await self._preferences.of(job.account_id)  # the group's choice is not his
            text = self._texts(own.language or job.locale, "rights.private")
            self._background.run(self._sender.say(Target(job.account_id), text), "word in private")

    async def _show(self, job: Job, pictures: list[Picture], *, again: bool) -> None:
        status = await self._status.message_of(job)
        chosen = await self._preferences.at(job.account_id, job.chat_id, job.thread_id)
        as_file = chosen.send_as == SendAs.FILE
        try:
            for picture in pictures:
                if picture.file_id is None:
                    status = await self._show_one(job, picture, status, again=again, file=as_file)
                if chosen.send_as == SendAs.BOTH:
                    await self._add_file(job, picture)
        except Rejected:
            text = self._texts(job.locale, f"outcome.{OutcomeKind.UNDELIVERABLE}")
            await self._sender.edit(job.chat_id, status, text, None)
            raise
        if chosen.ready_ping:
            await self._ping(job)

    async def _show_one(
        self, job: Job, picture: Picture, status: int, *, again: bool, file: bool
    ) -> int:
        """Put one picture into its message; tells the status message, which may be a new one."""
        caption = job.text if picture.position == 0 else ""
        keyboard = self._panels.top(job.locale, picture, job.request)
        upload = self.upload(picture)
        upload = replace(upload, moves=await is_animated(upload.path, upload.mime))
        for _ in range(RENEWALS):
            message_id = await self._place(job, picture, status, again=again)
            try:
                file_id = await self._sender.put_picture(
                    job.chat_id, message_id, upload, caption, keyboard, as_file=file
                )
            except Lost:
                await self._sent.removed(job.chat_id, message_id)
                picture = _unplaced(picture)
                if picture.position == 0:
                    status = await self._status.renew(job)
            else:
                await self._sent.delivered(picture, job.chat_id, message_id, file_id)
                return status
        raise TryLater

    async def _add_file(self, job: Job, picture: Picture) -> None:
        """Send a picture's untouched bytes, too: once, or by its button where that went wrong."""
        if picture.original_file_id or not await self._sent.first_time(f"file:{picture.id}"):
            return
        self._background.run(self._send_file(job, picture), "file beside a photo")

    async def _send_file(self, job: Job, picture: Picture) -> None:
        file_id = await self._sender.send_original(target_of(job), self.upload(picture))
        if file_id:
            await self._sent.original_sent(picture, file_id)

    async def _place(self, job: Job, picture: Picture, status: int, *, again: bool) -> int:
        """Find the message that a picture goes into: the status, or a placeholder of its own."""
        if picture.position == 0:
            return status
        if picture.message_id is not None:
            return picture.message_id

        async def remember(message_id: int) -> None:
            await self._sent.picture_placed(picture, job.chat_id, message_id)

        return await self._sender.send_once(
            target_of(job),
            self._texts(job.locale, "status.more"),
            None,
            remember=remember,
            above=status,
            uncertain=again,
        )

    async def explain(self, job: Job) -> None:
        """Tell in a job's status why it brought no picture."""
        text = self.explanation(job)
        if job.outcome is OutcomeKind.CANCELLED and await self._sent.broken_off(job.id):
            text = self._texts(job.locale, "outcome.cancelled_begun")
        keyboard = None if hopeless(job) else self._keyboards.retry(job.locale, job.id)
        message_id = await self._status.message_of(job)
        try:
            await self._sender.edit(job.chat_id, message_id, text, keyboard)
        except Lost:
            message_id = await self._status.renew(job)
            await self._sender.edit(job.chat_id, message_id, text, keyboard)

    def explanation(self, job: Job) -> str:
        """Tell why a job brought no picture."""
        if job.outcome is OutcomeKind.BAD_INPUT and job.detail in _PROBLEMS:
            return self._limits.explain(job.locale, InputProblem(job.detail))
        if job.outcome is OutcomeKind.REFUSED and not job.detail:
            return self._texts(job.locale, "outcome.refused_silent")
        return self._texts(job.locale, f"outcome.{job.outcome}", detail=job.detail)

    async def _ping(self, job: Job) -> None:
        """Reply to the prompt after a long wait: an edit alone rings no bell."""
        waited = (self._clock() - job.created_at).total_seconds()
        if not self._ping_seconds or waited < self._ping_seconds:
            return
        if await self._sent.first_time(f"ready:{job.id}"):
            text = self._texts(job.locale, "ready")
            self._background.run(self._sender.say(target_of(job), text), "ready ping")

    def upload(self, picture: Picture) -> Upload:
        """Name a picture's bytes as a file for Telegram."""
        return Upload(
            path=self._media.path(picture.sha256),
            name=f"picture-{picture.job_id}-{picture.position + 1}.{SUFFIXES[picture.mime]}",
            mime=picture.mime,
            width=picture.width,
            height=picture.height,
            size=picture.size,
        )


def hopeless(job: Job) -> bool:
    """Whether the same request cannot end differently: its picture is what it is."""
    return job.outcome is OutcomeKind.BAD_INPUT and job.detail in _FATAL


def _unplaced(picture: Picture) -> Picture:
    return replace(picture, chat_id=None, message_id=None)


PHOTO_BYTES, PHOTO_SIDES, PHOTO_RATIO = 10 * 1024 * 1024, 10_000, 20
PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture's bytes as Telegram gets them; what `moves` would stand still as a photo."""

    path: Path
    name: str
    mime: str
    width: int
    height: int
    size: int
    moves: bool = False

    @property
    def fits_photo(self) -> bool:
        """Whether Telegram takes it as a photo; else it goes as a document.

        https://core.telegram.org/bots/api#sendphoto
        """
        long, short = max(self.width, self.height), max(1, min(self.width, self.height))
        return (
            self.mime in PHOTO_TYPES
            and not self.moves
            and self.size <= PHOTO_BYTES
            and self.width + self.height <= PHOTO_SIDES
            and long <= PHOTO_RATIO * short
        )
