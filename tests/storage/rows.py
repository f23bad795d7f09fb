"""Rows that tests write: jobs, pictures and moments, plain unless said otherwise."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from bot.domain import (
    AlbumItem,
    Job,
    NewJob,
    PendingErasure,
    PendingPrompt,
    Period,
    Picture,
    Request,
    Source,
    Wake,
)
from bot.storage import Transaction
from bot.storage.erasure import Erased
from bot.storage.tables import ALLOWANCES
from tests.storage.direct import Direct

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANN, BOB, GROUP = 1001, 1002, -2001


def draft(
    message_id: int = 1, *, account_id: int = ANN, chat_id: int = ANN, ordinal: int = 0
) -> NewJob:
    return NewJob(
        account_id=account_id,
        chat_id=chat_id,
        message_id=message_id,
        ordinal=ordinal,
        request=Request(prompt="a cat", model="painter"),
        locale="en",
    )


def picture(position: int = 0, sha256: str = "a" * 64) -> Picture:
    return Picture(
        position=position, sha256=sha256, mime="image/png", width=64, height=48, size=1234
    )


def accepted(tx: Transaction, asked: NewJob | None = None) -> Job:
    job = tx.jobs.add(asked or draft(), NOON)
    assert job is not None
    return job


def running(db: Direct, asked: NewJob | None = None) -> Job:
    """Accept, dispatch and claim a job of an account that has no other waiting."""
    with db.transaction() as tx:
        return running_in(tx, asked)


def running_in(tx: Transaction, asked: NewJob | None = None) -> Job:
    job = accepted(tx, asked)
    assert Wake(job.id, 0) in tx.jobs.admit(job.account_id, 1000)
    claimed = tx.jobs.claim(Wake(job.id, 0), NOON)
    assert claimed is not None
    return claimed


def album_item(message_id: int = 1, at: datetime = NOON) -> AlbumItem:
    return AlbumItem(
        chat_id=GROUP,
        group_id="album",
        message_id=message_id,
        account_id=ANN,
        source=Source(file_id=f"photo {message_id}"),
        prompt="as a watercolour",
        addressed=True,
        locale="en",
        arrived_at=at,
    )


def ask(thread_id: int | None = None, message_id: int = 1, at: datetime = NOON) -> PendingPrompt:
    return PendingPrompt(
        account_id=ANN,
        chat_id=GROUP,
        thread_id=thread_id,
        message_id=message_id,
        sources=(Source(file_id="photo"),),
        asked_at=at,
    )


def allowance_used(tx: Transaction, chat_id: int, account_id: int, at: datetime) -> int:
    """Read how many pictures a member, or with the account 0 everybody, has taken in a day."""
    taken = select(ALLOWANCES.c.used).where(
        ALLOWANCES.c.chat_id == chat_id,
        ALLOWANCES.c.account_id == account_id,
        ALLOWANCES.c.day == Period.DAY.key(at),
    )
    return tx.allowances._sql.execute(taken).scalar() or 0


def erase(tx: Transaction, account_id: int, at: datetime, slice_of: int = 1) -> Erased:
    """Erase an account to the end, `slice_of` jobs at a time."""
    begun = tx.erasure.begin(account_id, at, "en", 9)
    assert begun is not None
    files = list(begun.files)
    while (under_way := of(tx, account_id)).up_to_job_id:
        files += tx.erasure.go_on(under_way, slice_of, at)
    tx.erasure.end(account_id)
    return Erased(begun.wakes, tuple(files))


def of(tx: Transaction, account_id: int) -> PendingErasure:
    """Tell how far the erasure of an account is."""
    (found,) = [one for one in tx.erasure.under_way(100) if one.account_id == account_id]
    return found
