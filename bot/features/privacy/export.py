"""What an export says: the document, page by page, and the pictures beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain import Job, Picture
    from bot.media.archive import Archive
    from bot.media.store import MediaStore
    from bot.storage.export import Movement
    from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ExportedJob:
    """A job with all that belongs to it."""

    job: Job
    pictures: list[Picture]
    ledger: list[Movement]


def read_head(tx: Transaction, account_id: int, at: datetime) -> str:
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


def read_page(tx: Transaction, account_id: int, ids: list[int]) -> list[ExportedJob]:
    pictures, ledger = tx.export.pictures(ids), tx.export.movements(account_id, ids)
    return [
        ExportedJob(
            job,
            [picture for picture in pictures if picture.job_id == job.id],
            [movement for movement in ledger if movement.job_id == job.id],
        )
        for job in tx.export.jobs(ids)
    ]


def pack(archive: Archive, media: MediaStore, page: list[ExportedJob]) -> tuple[str, int]:
    """Put a page's pictures into the archive; tell its words and how many were left out."""
    missing, rows = 0, []
    for exported in page:
        pictures = []
        for picture in exported.pictures:
            kind = picture.mime.split("/")[-1].partition("+")[0]
            name = f"pictures/{exported.job.id}-{picture.position + 1}.{kind}"
            added = archive.add(media.path(picture.sha256), name)
            missing += not added
            pictures.append(_picture(picture, name if added else None))
        rows.append(_json(_job(exported.job, pictures, exported.ledger)))
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
