"""Export: what is kept of one account, read for its owner.

The jobs that an account pays for are found by their reservations in the ledger, which are indexed
by account; a row that says where they were counted as well is not the account's own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Job, Picture
from bot.storage.columns import LedgerKind, PendingKind
from bot.storage.repository import Repository
from bot.storage.tables import IDEMPOTENCY_KEYS, JOBS, LEDGER, PENDING, PICTURES, USERS

_J, _P, _L = JOBS.c, PICTURES.c, LEDGER.c
_ACCOUNT = bindparam("of_account", type_=_J.account_id.type)
_THESE: BindParameter[list[int]] = bindparam("of_jobs", expanding=True)
OWN_JOBS = select(_L.job_id).where(_L.account_id == _ACCOUNT, _L.kind == LedgerKind.RESERVE)
_NEW_EXPORT = insert(IDEMPOTENCY_KEYS)


@dataclass(frozen=True, slots=True)
class Person:
    """How Telegram last described a user."""

    id: int
    name: str
    username: str | None
    language: str | None
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Movement:
    """A row of the ledger: pictures reserved and charged for a job."""

    job_id: int
    kind: LedgerKind
    reserved: int
    settled: int
    at: datetime


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that waits, or waited, for its prompt, its album, its words or better ones.

    `better` is what a text model made of the prompt, `caption` what stood below a voice.
    """

    at: datetime
    prompt: str
    flags: str
    better: str = ""
    caption: str = ""


class Export(Repository):
    """One account's data, and no one else's."""

    _PERSON = select(USERS).where(USERS.c.id == _ACCOUNT)

    def person(self, account_id: int) -> Person | None:
        return self._one(Person, self._PERSON, of_account=account_id)

    _IDS = OWN_JOBS.order_by(_L.job_id.desc())

    def job_ids(self, account_id: int) -> list[int]:
        return list(self._run(self._IDS, of_account=account_id).scalars())

    _JOBS = select(JOBS).where(_J.id.in_(_THESE)).order_by(_J.id.desc())

    def jobs(self, job_ids: Sequence[int]) -> list[Job]:
        return self._all(Job, self._JOBS, of_jobs=job_ids)

    _PICTURES = (
        select(PICTURES).where(_P.job_id.in_(_THESE)).order_by(_P.job_id.desc(), _P.position)
    )

    def pictures(self, job_ids: Sequence[int]) -> list[Picture]:
        return self._all(Picture, self._PICTURES, of_jobs=job_ids)

    _LEDGER = (
        select(_L.job_id, _L.kind, _L.reserved_delta, _L.settled_delta, _L.at)
        .where(_L.job_id.in_(_THESE), _L.account_id == _ACCOUNT)
        .order_by(_L.id)
    )

    def movements(self, account_id: int, job_ids: Sequence[int]) -> list[Movement]:
        rows = self._run(self._LEDGER, of_account=account_id, of_jobs=job_ids)
        return [Movement(*row) for row in rows]

    _PENDING = select(PENDING).where(PENDING.c.account_id == _ACCOUNT, PENDING.c.payload != "")

    def waiting(self, account_id: int) -> list[WaitingMessage]:
        """List the messages that wait for a prompt or an album, or did within the last week."""
        rows = self._run(self._PENDING, of_account=account_id)
        return [
            _waiting(row.kind, row.at, row.words or "", json.loads(row.payload)) for row in rows
        ]

    _BEGIN = _NEW_EXPORT.on_conflict_do_update(
        index_elements=[IDEMPOTENCY_KEYS.c.key],
        set_={"at": _NEW_EXPORT.excluded.at},
        where=IDEMPOTENCY_KEYS.c.at <= bindparam("not_after", type_=IDEMPOTENCY_KEYS.c.at.type),
    ).returning(IDEMPOTENCY_KEYS.c.key)

    def begin(self, account_id: int, at: datetime, not_after: datetime) -> bool:
        """Note that an export begins; False if the last one began after `not_after`."""
        return self._any(self._BEGIN, key=f"export:{account_id}", at=at, not_after=not_after)


def _waiting(
    kind: PendingKind, at: datetime, words: str, payload: dict[str, Any]
) -> WaitingMessage:
    if kind is PendingKind.ENHANCEMENT:
        return WaitingMessage(at, payload["words"], payload["flags"], better=words)
    return WaitingMessage(at, words, payload.get("flags", ""), caption=payload.get("caption", ""))
