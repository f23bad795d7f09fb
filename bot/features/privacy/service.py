"""Own data: everybody may have what is kept of him, and have it erased."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

import structlog

from bot.media.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.domain import Job, Picture, Wake
    from bot.media.store import MediaStore
    from bot.storage.engine import Store
    from bot.storage.erasure import Erased
    from bot.storage.export import Movement

log = structlog.get_logger(__name__)

EXPORT_PAUSE = timedelta(minutes=5)
AT_ONCE = 2  # exports in the making; others wait
PAGE = 50  # jobs in memory, and in one step, at a time
# Bots may send 50 MB: https://core.telegram.org/bots/api#senddocument
PICTURES_BYTES, WORDS_BYTES = 37_000_000, 12_000_000
# File systems keep time less finely than we do: what is younger than this is not judged by its age.
GRAIN = timedelta(seconds=1)
T = TypeVar("T")


class Stop(Protocol):
    """Has jobs that were called off ended: told and released."""

    def wake(self, wakes: Iterable[Wake], *, first: bool = False) -> None:
        """Have jobs run, `first` before all others."""

    def interrupt(self, job_id: int) -> None:
        """Stop working on a job."""


@dataclass(slots=True)
class _LeftOut:
    pictures: int = 0
    jobs: int = 0


class PrivacyService:
    """Exports and erases what is kept of an account."""

    def __init__(
        self, *, store: Store, media: MediaStore, dispatch: Stop, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._media = media
        self._dispatch = dispatch
        self._clock = clock
        self._exports = asyncio.Semaphore(AT_ONCE)

    async def may_export(self, account_id: int) -> bool:
        """Begin an export; False if the account's last one began less than EXPORT_PAUSE ago."""
        at = self._clock()
        async with self._store.transaction() as tx:
            return await tx.own_data.begin_export(account_id, at, at - EXPORT_PAUSE)

    async def export(self, account_id: int) -> BinaryIO:
        """Collect everything that is kept of an account in a zip file, which the caller closes.

        `data.json` has the words, beside it are the pictures that are still kept, newest first
        until it is full; `data.json` says what was left out.
        """
        async with self._exports:
            archive = await _in_thread(Archive, PICTURES_BYTES, WORDS_BYTES)
            try:
                left_out = await self._fill(archive, account_id)
                end = f'\n], "left_out": {_json(asdict(left_out))}}}\n'
                return await _in_thread(archive.finish, "data.json", end)
            except BaseException:
                await _in_thread(archive.abandon)
                raise

    async def erase(self, account_id: int, press_id: str, locale: str) -> Erased | None:
        """Erase what is kept of an account, but for its numbers; `discard` its files afterwards.

        What of it is `stored` in the storage chat waits to be cleared; what cannot be is told in
        `locale`.

        Its unfinished jobs are called off. None if this press was dealt with before.
        """
        at = self._clock()
        async with self._store.transaction() as tx:
            if not await tx.handled.add(f"press:{press_id}", at):
                return None
            erased = await tx.own_data.erase(account_id, at, locale)
        for wake in erased.wakes:
            self._dispatch.interrupt(wake.job_id)
        self._dispatch.wake(erased.wakes, first=True)
        log.info("erased", jobs_called_off=len(erased.wakes), files=len(erased.files))
        return erased

    async def discard(self, files: Iterable[str]) -> int:
        """Delete those files that are nobody's picture any more; tell how many.

        A file that a job may just have brought or read once more, whose picture has no row yet,
        is left to housekeeping: each job that is running began before it could do so.
        """
        at = self._clock()
        async with self._store.reading() as tx:
            since = await tx.own_data.running_since()
        unused_since = min(at, since or at) - GRAIN
        return sum([await self._discard(sha256, unused_since) for sha256 in files])

    async def _discard(self, sha256: str, unused_since: datetime) -> bool:
        async with self._store.reading() as tx:
            if await tx.own_data.shown(sha256):
                return False
        return await self._media.drop(sha256, unused_since)

    async def _fill(self, archive: Archive, account_id: int) -> _LeftOut:
        """Write all but the end of the document, and the pictures that fit."""
        await _in_thread(archive.write, await self._head(account_id))
        left_out = _LeftOut()
        async with self._store.reading() as tx:
            ids = await tx.own_data.job_ids(account_id)
        written = 0
        for start in range(0, len(ids), PAGE):
            page = await self._page(account_id, ids[start : start + PAGE])
            text, missing = await _in_thread(self._pack, archive, page)
            if not await _in_thread(archive.write, (",\n" if written else "") + text):
                break
            written += len(page)
            left_out.pictures += missing
        left_out.jobs = len(ids) - written
        return left_out

    async def _head(self, account_id: int) -> str:
        async with self._store.reading() as tx:
            person = await tx.own_data.person(account_id)
            head = {
                "account": account_id,
                "exported_at": self._clock(),
                "profile": asdict(person) if person else None,
                "preferences": asdict(await tx.preferences.get(account_id)),
                "usage": {
                    period: asdict(totals)
                    for period, totals in (
                        await tx.ledger.totals(account_id, self._clock())
                    ).items()
                },
                "waiting": [asdict(waiting) for waiting in await tx.own_data.waiting(account_id)],
            }
        return _json(head).removesuffix("}") + ', "jobs": [\n'

    async def _page(
        self, account_id: int, ids: list[int]
    ) -> list[tuple[Job, list[Picture], list[Movement]]]:
        async with self._store.reading() as tx:
            jobs = await tx.own_data.jobs(ids)
            pictures = await tx.own_data.pictures(ids)
            ledger = await tx.own_data.movements(account_id, ids)
        return [
            (
                job,
                [picture for picture in pictures if picture.job_id == job.id],
                [movement for movement in ledger if movement.job_id == job.id],
            )
            for job in jobs
        ]

    def _pack(
        self, archive: Archive, page: list[tuple[Job, list[Picture], list[Movement]]]
    ) -> tuple[str, int]:
        """Put a page's pictures into the archive; tell its words and how many were left out."""
        missing, rows = 0, []
        for job, pictures, ledger in page:
            described = []
            for picture in pictures:
                kind = picture.mime.split("/")[-1].partition("+")[0]
                name = f"pictures/{job.id}-{picture.position + 1}.{kind}"
                there = archive.add(self._media.path(picture.sha256), name)
                missing += not there
                described.append(_picture(picture, name if there else None))
            rows.append(_json(_job(job, described, ledger)))
        return ",\n".join(rows), missing


def _picture(picture: Picture, name: str | None) -> dict[str, object]:
    return {
        "file": name,
        "mime": picture.mime,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.size,
        "chat": picture.chat_id,
        "message": picture.message_id,
    }


def _job(job: Job, pictures: list[dict[str, object]], ledger: list[Movement]) -> dict[str, object]:
    return {
        "id": job.id,
        "chat": job.chat_id,
        "topic": job.thread_id,
        "message": job.message_id,
        "request": asdict(job.request),
        "language": job.locale,
        "state": job.state,
        "outcome": job.outcome,
        "words_of_the_model": job.text,
        "detail": job.detail,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "rendered_at": job.rendered_at,
        "ended_at": job.ended_at,
        "pictures": pictures,
        "ledger": [
            {"kind": row.kind, "reserved": row.reserved, "settled": row.settled, "at": row.at}
            for row in ledger
        ],
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_moment)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    raise TypeError(type(value).__name__)


async def _in_thread(call: Callable[..., T], *args: object) -> T:
    """Wait for a thread, even while being cancelled: the next step must not run beside it."""
    step = asyncio.ensure_future(asyncio.to_thread(call, *args))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.wait([step])
        raise
