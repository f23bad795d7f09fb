"""Everybody may have what is kept of him, as a document with pictures, and have it erased."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, TypeVar

import structlog

from bot.domain import Job, PendingErasure, Picture
from bot.jobs.dispatch import Dispatch
from bot.media.archive import Archive
from bot.media.store import MediaStore
from bot.storage.engine import Store
from bot.storage.erasure import Erased
from bot.storage.export import Movement
from bot.storage.notices import Topic
from bot.storage.transaction import Transaction

T = TypeVar("T")
log = structlog.get_logger(__name__)

EXPORT_PAUSE = timedelta(minutes=5)
AT_ONCE = 2  # exports in the making; others wait
PAGE = 50  # jobs in memory, and in one step, at a time
# Jobs that are erased in one transaction: others wait for it, some 20 ms.
ERASED_AT_ONCE = 50
MOST_ERASURES = 100  # that take turns
# Bots may send 50 MB: https://core.telegram.org/bots/api#senddocument
PICTURES_BYTES, WORDS_BYTES = 37_000_000, 12_000_000
# File systems keep time less finely than we do: what is younger than this is not judged by its age.
GRAIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Some jobs, with all that belongs to them."""

    jobs: list[Job]
    pictures: list[Picture]
    ledger: list[Movement]


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A zip file, which whoever has it closes, and what did not fit or is not kept any more."""

    file: BinaryIO
    jobs_left_out: int
    pictures_left_out: int


class UnderWay:
    """An erasure of this account is not done yet."""


@dataclass(frozen=True, slots=True)
class PrivacyService:
    """Exports and erases what is kept of an account."""

    store: Store
    media: MediaStore
    dispatch: Dispatch
    clock: Callable[[], datetime]
    _exports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def may_export(self, account_id: int) -> bool:
        """Begin an export; False if the account's last one began less than EXPORT_PAUSE ago."""
        at = self.clock()
        return await self.store.write(lambda tx: tx.export.begin(account_id, at, at - EXPORT_PAUSE))

    async def export(self, account_id: int) -> ExportFile:
        """Collect everything that is kept of an account in a zip file.

        `data.json` has the words, beside it are the pictures that are still kept, newest first
        until it is full; `data.json` says what was left out.
        """
        async with self._exports:
            archive = await _in_thread(Archive, PICTURES_BYTES, WORDS_BYTES)
            try:
                jobs, pictures = await self._fill(archive, account_id)
                end = f'\n], "left_out": {{"pictures": {pictures}, "jobs": {jobs}}}}}\n'
                file = await _in_thread(archive.finish, "data.json", end)
                return ExportFile(file, jobs, pictures)
            except BaseException:
                await _in_thread(archive.abandon)
                raise

    async def erase(
        self, account_id: int, press_id: str, locale: str, message_id: int
    ) -> Erased | UnderWay | None:
        """Begin to erase what is kept of an account, but for its numbers; `discard` the files.

        Its unfinished jobs are cancelled and erased, its finished ones by `go_on`. None if this
        press was dealt with before.
        """
        return await self.store.write(self._begin, account_id, press_id, locale, message_id)

    async def erasures(self) -> list[PendingErasure]:
        """List what is under way: begun once, it goes on after a restart."""
        return await self.store.read(lambda tx: tx.erasure.under_way(MOST_ERASURES))

    async def left(self, erasure: PendingErasure) -> int:
        """Count the jobs that are still to be erased."""
        return await self.store.read(lambda tx: tx.erasure.left(erasure))

    async def go_on(self, erasure: PendingErasure) -> None:
        """Erase the next ERASED_AT_ONCE jobs, with their files."""
        at = self.clock()
        files = await self.store.write(lambda tx: tx.erasure.go_on(erasure, ERASED_AT_ONCE, at))
        await self.discard(files)

    async def end(self, erasure: PendingErasure) -> None:
        """Note that an account was told of its erasure."""

        def end(tx: Transaction) -> None:
            tx.erasure.end(erasure.account_id)
            tx.notify(Topic.MOVED)

        await self.store.write(end)
        log.info("erased", account=erasure.account_id, stored=erasure.stored)

    async def discard(self, files: Sequence[str]) -> int:
        """Delete those files that are nobody's picture any more; tell how many.

        A file that a job may just have brought or read once more, whose picture has no row yet,
        is left to the cleanup: each job that is running began before it could do so.
        """
        if not files:
            return 0
        at = self.clock()
        since, known = await self.store.read(
            lambda tx: (tx.jobs.running_since(), tx.pictures.known(files))
        )
        unused_since = min(at, since or at) - GRAIN
        return await self.media.drop([one for one in files if one not in known], unused_since)

    def _begin(
        self, tx: Transaction, account_id: int, press_id: str, locale: str, message_id: int
    ) -> Erased | UnderWay | None:
        at = self.clock()
        if not tx.keys.add(f"press:{press_id}", at):
            return None
        erased = tx.erasure.begin(account_id, at, locale, message_id)
        if erased is None:
            return UnderWay()
        tx.notify(Topic.MOVED)
        self.dispatch.interrupt_in(tx, erased.wakes)
        off, files = len(erased.wakes), len(erased.files)
        tx.after_commit(log.info, "erasure begun", jobs_called_off=off, files=files)
        return erased

    async def _fill(self, archive: Archive, account_id: int) -> tuple[int, int]:
        """Write all but the end of the document, and the pictures that fit.

        Tells how many jobs and pictures were left out.
        """
        head = await self.store.read(_read_head, account_id, self.clock())
        await _in_thread(archive.write, head)
        ids = await self.store.read(lambda tx: tx.export.job_ids(account_id))
        written = missing = 0
        for start in range(0, len(ids), PAGE):
            page = await self.store.read(_read_page, account_id, ids[start : start + PAGE])
            text, without_file = await self._pack(archive, page)
            if not await _in_thread(archive.write, (",\n" if written else "") + text):
                break
            written += len(page.jobs)
            missing += without_file
        return len(ids) - written, missing

    async def _pack(self, archive: Archive, page: ExportPage) -> tuple[str, int]:
        """Put a page's pictures into the archive; tell its words and how many were left out."""
        files: dict[int, str | None] = {}
        for picture in page.pictures:
            kind = picture.mime.split("/")[-1].partition("+")[0]
            name = f"pictures/{picture.job_id}-{picture.position + 1}.{kind}"
            files[picture.id] = name if await self._add(archive, picture, name) else None
        words = await _in_thread(_words, page, files)
        return words, sum(name is None for name in files.values())

    async def _add(self, archive: Archive, picture: Picture, name: str) -> bool:
        try:
            async with self.media.local(picture.sha256) as path:
                return await _in_thread(archive.add, path, name)
        except FileNotFoundError:
            return False


async def _in_thread(call: Callable[..., T], *args: object) -> T:
    """Wait for a thread, even while being cancelled: the next step must not run beside it."""
    step = asyncio.ensure_future(asyncio.to_thread(call, *args))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.wait([step])
        raise


def _read_head(tx: Transaction, account_id: int, at: datetime) -> str:
    """Write the document's beginning, up to the list of jobs."""
    person = tx.export.person(account_id)
    head = {
        "account": account_id,
        "exported_at": at,
        "profile": asdict(person) if person else None,
        "preferences": asdict(tx.preferences.get(account_id)),
        "usage": {
            period: asdict(totals) for period, totals in tx.ledger.totals(account_id, at).items()
        },
        "waiting": [asdict(waiting) for waiting in tx.export.waiting(account_id)],
    }
    return _json(head).removesuffix("}") + ', "jobs": [\n'


def _read_page(tx: Transaction, account_id: int, ids: list[int]) -> ExportPage:
    export = tx.export
    return ExportPage(export.jobs(ids), export.pictures(ids), export.movements(account_id, ids))


def _words(page: ExportPage, files: Mapping[int, str | None]) -> str:
    rows = []
    for job in page.jobs:
        ours = [one for one in page.pictures if one.job_id == job.id]
        pictures = [_picture(one, files[one.id]) for one in ours]
        ledger = [row for row in page.ledger if row.job_id == job.id]
        rows.append(_json(_job(job, pictures, ledger)))
    return ",\n".join(rows)


def _picture(picture: Picture, file: str | None) -> dict[str, object]:
    return {
        "file": file,
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
