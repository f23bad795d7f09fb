"""Where the bot's messages stand: what must be known to finish, repeat or find them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Picture
    from bot.storage.engine import Store


class SentMessages:
    """Commits message ids as soon as Telegram has named them."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def status(self, job_id: int) -> int | None:
        """Tell the id of a job's status message, None if none is known."""
        async with self._store.reading() as tx:
            job = await tx.jobs.get(job_id)
        return job.status_message_id if job else None

    async def status_placed(self, job_id: int, message_id: int) -> bool:
        """Note a job's status message; False if it has one already, and this one is surplus."""
        async with self._store.transaction() as tx:
            return await tx.jobs.set_status_message(job_id, message_id)

    async def status_lost(self, job_id: int) -> None:
        """Forget a status message that is gone, so that a new one can be noted."""
        async with self._store.transaction() as tx:
            await tx.jobs.clear_status_message(job_id)

    async def inline(self, job_id: int) -> str | None:
        """Tell a job's inline message, or the guest query that asks for one."""
        async with self._store.reading() as tx:
            job = await tx.jobs.get(job_id)
        return job.inline_message_id if job else None

    async def inline_placed(self, job_id: int, message_id: str) -> None:
        """Note the inline message in which a job's picture will stand."""
        async with self._store.transaction() as tx:
            await tx.jobs.set_inline_message(job_id, message_id)

    async def picture_placed(self, picture: Picture, chat_id: int, message_id: int) -> None:
        """Note the message that a picture is about to be put into."""
        async with self._store.transaction() as tx:
            await tx.pictures.placed(picture.id, chat_id, message_id)

    async def delivered(
        self, picture: Picture, chat_id: int, message_id: int, file_id: str
    ) -> None:
        """Note that a picture has arrived: where, and under which name at Telegram."""
        async with self._store.transaction() as tx:
            await tx.pictures.placed(picture.id, chat_id, message_id)
            await tx.pictures.delivered(picture.id, file_id)

    async def original_sent(self, picture: Picture, file_id: str) -> None:
        """Note Telegram's name for a picture's untouched bytes."""
        async with self._store.transaction() as tx:
            await tx.pictures.original(picture.id, file_id)

    async def removed(self, chat_id: int, message_id: int) -> None:
        """Forget a picture's place: its message was deleted."""
        async with self._store.transaction() as tx:
            await tx.pictures.unplace(chat_id, message_id)

    async def deleted(self, chat_id: int, message_id: int) -> None:
        """Note that somebody has deleted a picture: galleries pass it over."""
        async with self._store.transaction() as tx:
            await tx.pictures.delete(chat_id, message_id)

    async def sent(self, chat_id: int, message_id: int) -> None:
        """Note a message that belongs to no job, so that it is never taken for a lost status."""
        async with self._store.transaction() as tx:
            await tx.outgoing.add(chat_id, message_id, self._clock())

    async def known(self, chat_id: int, low: int, high: int) -> set[int]:
        """List the ids between `low` and `high` that are not those of a lost message."""
        async with self._store.reading() as tx:
            return await tx.outgoing.known(chat_id, low, high)

    async def questioned(self, chat_id: int, message_id: int, question_id: int) -> None:
        """Note the message, sent just now, in which the bot asks what to do with a picture."""
        async with self._store.transaction() as tx:
            await tx.outgoing.add(chat_id, question_id, self._clock())
            await tx.asks.questioned(chat_id, message_id, question_id)

    async def chat_moved(self, old: int, new: int) -> None:
        """A group became a supergroup: everything of it goes along."""
        async with self._store.transaction() as tx:
            await tx.jobs.move_chat(old, new)

    async def broken_off(self, job_id: int) -> bool:
        """Tell whether a gateway was at work on a job when it was called off: that may be billed."""
        async with self._store.reading() as tx:
            return await tx.attempts.broken_off(job_id)

    async def first_time(self, key: str) -> bool:
        """Tell whether something that must be done once is done for the first time."""
        async with self._store.transaction() as tx:
            return await tx.handled.add(key, self._clock())
