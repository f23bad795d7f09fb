"""Delivery: the status message becomes the picture, or says why there is none.

Called again after a crash, a timeout or a flood it ends with the same messages in the chat: ids
are committed before anything is put into them, and putting is an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from bot.domain import (
    LASTING,
    Arrival,
    CaptionLine,
    ChannelButtons,
    InputProblem,
    Job,
    OutcomeKind,
    Picture,
    Preferences,
    SendAs,
    TryLater,
    Unreachable,
)
from bot.jobs.calls import ProgressView
from bot.jobs.messages import SentMessages
from bot.media.inspect import is_animated
from bot.media.store import MediaStore
from bot.tg.errors import Moved, Rejected, Uncertain
from bot.tg.files import Upload
from bot.tg.keyboards import Keyboards, PictureKeyboard
from bot.tg.new_picture import NewPicture
from bot.tg.replies import Replies
from bot.tg.sender import Lost, Target, target_of
from bot.tg.sending import Priority, watched
from bot.tg.status import StatusMessages
from bot.tg.status_text import lines
from bot.tg.text_limits import fit, with_line, without_codes

log = structlog.get_logger(__name__)

RENEWALS = 3  # how often a message may vanish under our hands before we wait
NOTES = 512  # UTF-16 units of a caption, at most: the model's words need room, too
EDITED = 2  # tries that only edit; then a new message is sent where the edit fails

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
# What was not handed out now may be later; the others stay what they are.
_FATAL = _PROBLEMS - {InputProblem.GONE, InputProblem.NOT_FETCHED, InputProblem.NOT_READABLE}


@dataclass(frozen=True, slots=True)
class _Look:
    """How a job's pictures are shown: what ends their captions, and the first's, their buttons, their form."""

    line: str
    below: str
    buttons: ChannelButtons
    as_file: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """Brings results into chats; who waited for `ping_seconds` is told of it (0: nobody)."""

    replies: Replies
    status: StatusMessages
    sent: SentMessages
    media: MediaStore
    keyboards: Keyboards
    picture_keyboard: PictureKeyboard
    ping_seconds: float
    clock: Callable[[], datetime]

    def accompany(self, job: Job) -> AbstractAsyncContextManager[ProgressView]:
        return self.status.accompany(job)

    async def deliver(self, job: Job, pictures: list[Picture], *, again: bool) -> Arrival | None:
        """Put a job's result into its chat; `again` says that an earlier try may have begun it.

        Tells where the last picture stands, which is to be noted yet. Raises Unreachable where
        that is impossible and TryLater where it is now.
        """
        await self.status.settle(job)
        try:
            with watched(Priority.PICTURE):
                if pictures:
                    return await self._show(job, pictures, again=again)
                await self.explain(job)
        except Moved as moved:
            await self.sent.chat_migrated(job.chat_id, moved.chat_id)
            raise TryLater(0) from moved
        except Rejected as refused:
            log.error("Telegram refuses a result", job=job.id, reason=refused.reason)  # noqa: TRY400 - expected, no traceback
            await self._tell_in_private(job)
            raise Unreachable(refused.reason) from refused
        except Unreachable:
            await self._tell_in_private(job)
            raise
        return None

    async def explain(self, job: Job) -> None:
        text = self._told(job)
        keyboard = None if hopeless(job) else self.keyboards.retry(job.locale, job.id)
        message_id = await self.status.message_of(job)
        try:
            await self.replies.sender.edit(job.chat_id, message_id, text, keyboard)
        except Lost:
            message_id = await self.status.renew(job)
            await self.replies.sender.edit(job.chat_id, message_id, text, keyboard)
        except Uncertain:
            if job.delivery_tries < EDITED:
                raise
            again = job.delivery_tries > EDITED
            await self.status.replace(job, text, keyboard, uncertain=again)
            await self._withdraw(job, message_id)

    async def explain_ended(self, jobs: Sequence[Job]) -> None:
        """Explain jobs that ended while they waited where something was said of them, and has room."""
        with watched(Priority.WAITING):
            async for job, message_id in self.status.of_ended(jobs):
                keyboard = self.keyboards.retry(job.locale, job.id)
                with suppress(Rejected):
                    text = self._told(job)
                    await self.replies.sender.edit(job.chat_id, message_id, text, keyboard)

    def _told(self, job: Job) -> str:
        """Explain in a chat; to an operator in private also what only he can mend."""
        text = self.explanation(job)
        if job.outcome in LASTING and self.replies.access.is_admin(job.chat_id):
            return f"{text}\n\n{self.replies.texts(job.locale, f'operator.{job.outcome}')}"
        return text

    def explanation(self, job: Job) -> str:
        """Explain why there is no picture, in words that anybody may read."""
        if job.outcome is OutcomeKind.BAD_INPUT and job.detail in _PROBLEMS:
            return self.replies.input_problem_text(job.locale, InputProblem(job.detail))
        if job.outcome is not OutcomeKind.REFUSED:
            return self.replies.texts(job.locale, f"outcome.{job.outcome}", detail=job.detail)
        reason = without_codes(job.detail)
        key = "outcome.refused" if reason else "outcome.refused_silent"
        return self.replies.texts(job.locale, key, detail=reason)

    def upload(self, picture: Picture) -> Upload:
        return Upload(
            local=partial(self.media.local, picture.sha256),
            name=f"picture-{picture.job_id}-{picture.position + 1}.{SUFFIXES[picture.mime]}",
            mime=picture.mime,
            width=picture.width,
            height=picture.height,
            size=picture.size,
        )

    async def _tell_in_private(self, job: Job) -> None:
        """Tell who asked in a group that nothing can be shown there: once, if he can be reached."""
        if job.private or job.account_id < 0:
            return
        if await self.sent.first_time(f"undelivered:{job.id}"):
            own = await self.replies.preferences.of(job.account_id)  # the group's choice is not his
            text = self.replies.texts(own.language or job.locale, "rights.private")
            sending = self.replies.sender.send(Target(job.account_id), text)
            self.replies.background.run(sending, "word in private")

    async def _show(self, job: Job, pictures: list[Picture], *, again: bool) -> Arrival | None:
        arrival = None
        status_id = await self.status.message_of(job)
        preferences = await self.replies.preferences.at(job.account_id, job.chat_id, job.thread_id)
        look = await self._look(job, preferences)
        try:
            for picture in pictures:
                if arrival:
                    await self.sent.arrived(arrival)
                    arrival = None
                if picture.file_id is None:
                    status_id, arrival = await self._show_one(
                        job, picture, status_id, look, again=again
                    )
                if preferences.send_as == SendAs.BOTH:
                    await self._add_file(job, picture)
        except Rejected:
            text = self.replies.texts(job.locale, f"outcome.{OutcomeKind.UNDELIVERABLE}")
            await self.replies.sender.edit(job.chat_id, status_id, text, None)
            raise
        first = pictures[0]
        if first.file_id is not None and first.message_id not in {None, status_id}:
            await self._withdraw(job, status_id)  # a crash came before it
        if preferences.ready_ping:
            await self._ping(job)
        return arrival

    async def _look(self, job: Job, preferences: Preferences) -> _Look:
        buttons = ChannelButtons.ALL
        if await self.sent.in_channel(job):
            buttons = ChannelButtons(preferences.buttons or ChannelButtons.ROW)
        as_file = preferences.send_as == SendAs.FILE
        line = self.made_by(job, preferences)
        return _Look(line, self.below(job, line), buttons, as_file=as_file)

    def made_by(self, job: Job, preferences: Preferences) -> str:
        """Say how a job's pictures were made, where that is wanted: model, ratio and size."""
        request, model = job.request, job.drawn_by or job.request.model
        changed = request.changed or model != request.model
        wanted = CaptionLine(preferences.caption or CaptionLine.CHANGES)
        if wanted is CaptionLine.NEVER or (wanted is CaptionLine.CHANGES and not changed):
            return ""
        return self.picture_keyboard.alternatives.described(request, model)

    def below(self, job: Job, made_by: str) -> str:
        """Say below the first picture what its status said otherwise, what is missing, how it was made."""
        missing = job.missing and self.replies.texts(
            job.locale, "caption.missing", count=job.missing
        )
        notes = fit(self.status.text.notes(job), NOTES)
        return lines(notes, missing or "", made_by)

    async def _show_one(
        self, job: Job, picture: Picture, status_id: int, look: _Look, *, again: bool
    ) -> tuple[int, Arrival]:
        """Put one picture into its message; tells the status message, which may be a new one."""
        with self.media.recent(picture.sha256) as data:
            upload = self.upload(picture)
            if data is None:
                async with upload.local() as path:
                    moves = await is_animated(path, upload.mime)
            else:
                moves = await is_animated(data, upload.mime)
            upload = replace(upload, moves=moves, data=data)
            return await self._put(job, picture, upload, status_id, look, again=again)

    async def _put(
        self,
        job: Job,
        picture: Picture,
        upload: Upload,
        status_id: int,
        look: _Look,
        *,
        again: bool,
    ) -> tuple[int, Arrival]:
        first = picture.position == 0
        caption = with_line(job.text, look.below) if first else look.line
        keyboard = self.picture_keyboard.main(job.locale, picture, job.request, look.buttons)
        for _ in range(RENEWALS):
            message_id = await self._place(job, picture, status_id, again=again)
            try:
                file_id = await self.replies.sender.put_picture(
                    job.chat_id, message_id, upload, caption, keyboard, as_file=look.as_file
                )
            except Uncertain:
                if job.delivery_tries < EDITED:
                    raise
                new = NewPicture(target_of(job), upload, caption, keyboard, look.as_file)
                arrival = await new.send(
                    self.replies.sender,
                    partial(self._arrived, job, picture),
                    above=max(status_id, message_id),
                    uncertain=job.delivery_tries > EDITED,
                )
                await self._withdraw(job, message_id)
                return status_id, arrival
            except Lost:
                await self.sent.picture_removed(job.chat_id, message_id)
                picture = replace(picture, chat_id=None, message_id=None)
                if picture.position == 0:
                    status_id = await self.status.renew(job)
            else:
                return status_id, Arrival(picture.id, job.chat_id, message_id, file_id)
        raise TryLater

    async def _arrived(self, job: Job, picture: Picture, message_id: int, file_id: str) -> Arrival:
        """Commit where a picture stands at once: its sending cannot be repeated."""
        arrival = Arrival(picture.id, job.chat_id, message_id, file_id)
        await self.sent.arrived(arrival)
        return arrival

    async def _withdraw(self, job: Job, message_id: int) -> None:
        """Delete a message that cannot be edited: what stands in it is no longer true."""
        try:
            await self.replies.sender.delete(job.chat_id, message_id)
        except (Rejected, TryLater) as error:  # what it was for stands in the chat
            log.warning("an old status stays", job=job.id, reason=str(error))

    async def _place(self, job: Job, picture: Picture, status_id: int, *, again: bool) -> int:
        """Find the message that a picture goes into: the status, or a placeholder of its own."""
        if picture.position == 0:
            return status_id
        if picture.message_id is not None:
            return picture.message_id

        return await self.replies.sender.send_once(
            target_of(job),
            self.replies.texts(job.locale, "status.more"),
            remember=partial(self.sent.picture_placed, picture, job.chat_id),
            above=status_id,
            uncertain=again,
        )

    async def _add_file(self, job: Job, picture: Picture) -> None:
        """Send a picture's untouched bytes, too: once, or by its button where that went wrong."""
        if picture.original_file_id or not await self.sent.first_time(f"file:{picture.id}"):
            return
        self.replies.background.run(self._send_file(job, picture), "file beside a photo")

    async def _send_file(self, job: Job, picture: Picture) -> None:
        content = self.upload(picture)
        if file_id := await self.replies.sender.send_original(target_of(job), content):
            await self.sent.original_sent(picture, file_id)

    async def _ping(self, job: Job) -> None:
        """Reply to the prompt after a long wait: an edit alone rings no bell."""
        waited = (self.clock() - job.created_at).total_seconds()
        if not self.ping_seconds or waited < self.ping_seconds:
            return
        if await self.sent.first_time(f"ready:{job.id}"):
            text = self.replies.texts(job.locale, "ready")
            sending = self.replies.sender.send(target_of(job), text)
            self.replies.background.run(sending, "ready ping")


def hopeless(job: Job) -> bool:
    """Whether the same request cannot end differently, or is not known any more."""
    unfit = job.outcome is OutcomeKind.BAD_INPUT and job.detail in _FATAL
    return unfit or job.request.erased
