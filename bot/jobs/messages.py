"""Sent messages: what must be known of them to finish, repeat or find them again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain import Arrival, Job, Picture
from bot.domain.jobs import GUEST
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

SOONEST, LATEST = 0.05, 1.0  # seconds between two looks at what another process is about to send


@dataclass(frozen=True, slots=True)
class SentMessages:
    """Commits message ids as soon as Telegram has named them.

    `on_migration` is told a chat's new id once its rows have it: what is known of them is void.
    """

    store: Store
    clock: Callable[[], datetime]
    on_migration: Callable[[int], Awaitable[None]]

    async def status(self, job_id: int) -> int | None:
        """Tell a job's status message, also where another process is about to send it."""
        job = await self._announced(job_id, lambda job: job.status_message_id is not None)
        return job.status_message_id if job else None

    async def unannounced(self, job_id: int) -> None:
        """Note that nobody is about to announce a job: whoever wants it announced does it."""
        await self.store.write(lambda tx: tx.jobs.unannounced(job_id))

    async def _announced(self, job_id: int, stands: Callable[[Job], bool]) -> Job | None:
        pause = SOONEST
        while True:
            job = await self.store.read(lambda tx: tx.jobs.announced(job_id))
            if job is None or job.announced_until is None or stands(job):
                return job
            await asyncio.sleep(pause)
            pause = min(2 * pause, LATEST)

    async def status_placed(self, job_id: int, message_id: int) -> bool:
        """Note a job's status message; False if it has one already, and this one is surplus."""
        return await self.store.write(lambda tx: tx.jobs.set_status_message(job_id, message_id))

    async def status_lost(self, job_id: int) -> None:
        await self.store.write(lambda tx: tx.jobs.clear_status_message(job_id))

    async def status_replaced(self, job_id: int, message_id: int) -> None:
        def replace(tx: Transaction) -> None:
            tx.jobs.clear_status_message(job_id)
            tx.jobs.set_status_message(job_id, message_id)

        await self.store.write(replace)

    async def inline(self, job_id: int, *, answering: bool = True) -> str | None:
        """A job's inline message, or the guest query that asks for one.

        Where this process is not `answering` itself, another one that is about to is waited for.
        """

        def stands(job: Job) -> bool:
            return answering or not (job.inline_message_id or "").startswith(GUEST)

        job = await self._announced(job_id, stands)
        return job.inline_message_id if job else None

    async def inline_placed(self, job_id: int, message_id: str) -> None:
        await self.store.write(lambda tx: tx.jobs.set_inline_message(job_id, message_id))

    async def picture_placed(self, picture: Picture, chat_id: int, message_id: int) -> None:
        """Note the message that a picture is about to be put into."""
        await self.store.write(lambda tx: tx.pictures.placed(picture.id, chat_id, message_id))

    async def arrived(self, arrival: Arrival) -> None:
        await self.store.write(lambda tx: tx.pictures.arrive(arrival))

    async def original_sent(self, picture: Picture, file_id: str) -> None:
        await self.store.write(lambda tx: tx.pictures.original(picture.id, file_id))

    async def picture_removed(self, chat_id: int, message_id: int) -> None:
        """Forget where a picture is: its message was deleted by us."""
        await self.store.write(lambda tx: tx.pictures.unplace(chat_id, message_id))

    async def picture_deleted(self, chat_id: int, message_id: int) -> None:
        """Somebody has deleted a picture: the history passes it over."""
        await self.store.write(lambda tx: tx.pictures.delete(chat_id, message_id))

    async def linked(self, chat_id: int, message_id: int, picture_id: int) -> None:
        """Note a message that was sent just now and stands for a picture."""

        def note(tx: Transaction) -> None:
            tx.messages.add(chat_id, message_id, self.clock())
            tx.pictures.link(chat_id, message_id, picture_id)

        await self.store.write(note)

    async def link(self, chat_id: int, message_id: int, picture_id: int) -> None:
        await self.store.write(lambda tx: tx.pictures.link(chat_id, message_id, picture_id))

    async def sent(self, chat_id: int, message_id: int) -> None:
        """Note a message that belongs to no job, so that it is never taken for a lost status."""
        await self.store.write(lambda tx: tx.messages.add(chat_id, message_id, self.clock()))

    async def known(self, chat_id: int, low: int, high: int) -> set[int]:
        """List the ids between `low` and `high` that are not those of a lost message."""
        return await self.store.read(lambda tx: tx.messages.known(chat_id, low, high))

    async def chat_migrated(self, old: int, new: int) -> None:
        await self.store.write(lambda tx: tx.migrate_chat(old, new))
        await self.on_migration(new)

    async def in_channel(self, job: Job) -> bool:
        """Whether a job's picture is a channel's post; only chats that ask themselves are looked up."""
        if job.account_id != job.chat_id or job.private:
            return False
        return await self.store.read(lambda tx: tx.people.kind(job.chat_id)) == "channel"

    async def first_time(self, key: str) -> bool:
        """Whether something that must be done once is done for the first time."""
        return await self.store.write(lambda tx: tx.keys.add(key, self.clock()))


@dataclass(frozen=True, slots=True)
class PublishedProfile:
    """Remembers what Telegram was told of the bot itself, by a digest each."""

    store: Store

    async def of(self, bot_id: int) -> dict[str, str]:
        return await self.store.read(lambda tx: tx.profile.of(bot_id))

    async def set(self, what: str, digest: str) -> None:
        await self.store.write(lambda tx: tx.profile.set(what, digest))
