"""Erasure: what an account has written, got and chosen goes; its books stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.domain import (
    JobState,
    OutcomeKind,
    PendingDeletion,
    PendingErasure,
    Request,
    Undeletable,
    Wake,
)
from bot.storage import tables
from bot.storage.columns import PendingState
from bot.storage.export import OWN_JOBS
from bot.storage.pending import LIVE
from bot.storage.repository import Repository

ERASED = Request(prompt="", model="")  # what stays of a request: no job begins without words

_J, _P, _D, _W = tables.JOBS.c, tables.PICTURES.c, tables.PENDING_DELETIONS.c, tables.PENDING.c
_E, _L = tables.ERASURES.c, tables.LEDGER.c
_NEW = upsert(tables.ERASURES)
_MOST_AT_ONCE = 500  # jobs that one statement names
_ACCOUNT = bindparam("of_account", type_=_J.account_id.type)
_OWN_ALBUMS = select(_W.chat_id, _W.group_id).where(
    _W.account_id == _ACCOUNT, _W.group_id.is_not(None), LIVE
)
_PENDING_AT_ONCE = 500
_THESE: BindParameter[list[int]] = bindparam("of_jobs", expanding=True)
_THIS_ERASURE = _E.account_id == _ACCOUNT
_UNTRIED: ColumnElement[bool] = _D.refused.is_(False)
_THIS = (_D.chat_id == bindparam("of_chat")) & (_D.message_id == bindparam("of_message"))


@dataclass(frozen=True, slots=True)
class Erased:
    """What the beginning of an erasure leaves to do: jobs to end, files that may be nobody's now."""

    wakes: tuple[Wake, ...]
    files: tuple[str, ...]


class Erasure(Repository):
    """The erasure of one account: begun at once, then gone on with from its newest job backwards.

    What is under way is a row of its own, so that another process can go on with it.
    """

    _BEGIN = _NEW.on_conflict_do_nothing().returning(_E.account_id)
    _LAST_JOB = select(func.max(_L.job_id)).where(_L.account_id == _ACCOUNT)
    # Whoever works on one of them loses his claim, and with it the chance to write anything back.
    _CANCEL = (
        update(tables.JOBS)
        .where(_J.account_id == _ACCOUNT, _J.ended_at.is_(None))
        .values(
            state=JobState.RENDERED,
            outcome=OutcomeKind.CANCELLED,
            claim=_J.claim + 1,
            dispatched=True,
            rendered_at=bindparam("moment", type_=_J.rendered_at.type),
        )
        .returning(_J.id, _J.claim)
    )
    _FILES = select(_P.sha256).where(_P.job_id.in_(_THESE)).distinct()
    # What was drawn for an inline message was uploaded to the storage chat.
    _DELETE_STORED = (
        upsert(tables.PENDING_DELETIONS)
        .from_select(
            ["chat_id", "message_id", "account_id", "locale", "at", "refused"],
            select(
                _P.chat_id,
                _P.message_id,
                _J.account_id,
                bindparam("speaks", type_=tables.PENDING_DELETIONS.c.locale.type),
                bindparam("moment", type_=tables.PENDING_DELETIONS.c.at.type),
                literal(value=False),
            )
            .join(tables.JOBS, _J.id == _P.job_id)
            .where(
                _J.id.in_(_THESE),
                _J.inline_message_id.is_not(None),
                _P.chat_id.is_not(None),
                _P.message_id.is_not(None),
            ),
        )
        .on_conflict_do_nothing()
        .returning(tables.PENDING_DELETIONS.c.message_id)
    )
    # A search for a lost message must go on leaving these messages alone.
    _LEAVE_ALONE = (
        upsert(tables.SENT_MESSAGES)
        .from_select(
            ["chat_id", "message_id", "at"],
            select(
                _P.chat_id, _P.message_id, bindparam("moment", type_=tables.SENT_MESSAGES.c.at.type)
            ).where(_P.job_id.in_(_THESE), _P.chat_id.is_not(None), _P.message_id.is_not(None)),
        )
        .on_conflict_do_nothing()
    )
    _ERASE_JOBS = (
        delete(tables.MESSAGE_LINKS).where(
            tables.MESSAGE_LINKS.c.picture_id.in_(select(_P.id).where(_P.job_id.in_(_THESE)))
        ),
        delete(tables.PICTURES).where(_P.job_id.in_(_THESE)),
        # One that was accepted beside us has no outcome yet: it is no longer ours to erase.
        update(tables.JOBS)
        .where(_J.id.in_(_THESE), _J.outcome.is_not(None))
        .values(request=ERASED, text="", detail="", parent_picture_id=None),
        # The model's own words can repeat the prompt.
        update(tables.CALLS).where(tables.CALLS.c.job_id.in_(_THESE)).values(detail=""),
    )
    _ERASE_OTHERS = (
        # Closed, not deleted: what comes late of an album is no new one.
        update(tables.PENDING)
        .where(tuple_(_W.chat_id, _W.group_id).in_(_OWN_ALBUMS), LIVE)
        .values(state=PendingState.CLOSED),
        delete(tables.PENDING).where(_W.account_id == _ACCOUNT, _W.group_id.is_(None), LIVE),
        delete(tables.PREFERENCES).where(tables.PREFERENCES.c.account_id == _ACCOUNT),
        update(tables.CHATS).where(tables.CHATS.c.added_by == _ACCOUNT).values(added_by=None),
        delete(tables.USERS).where(tables.USERS.c.id == _ACCOUNT),
        delete(tables.CHATS).where(tables.CHATS.c.id == _ACCOUNT),
    )

    # What comes after the beginning is no longer ours to erase.
    _OWN_PENDING = (
        select(*tables.PENDING.primary_key)
        .where(
            _W.account_id == _ACCOUNT,
            _W.at <= select(_E.at).where(_THIS_ERASURE).scalar_subquery(),
        )
        .limit(bindparam("at_most"))
    )
    _ERASE_PENDING = (
        update(tables.PENDING)
        .where(
            tuple_(*tables.PENDING.primary_key).in_(
                _OWN_PENDING.where(_W.group_id.is_not(None), _W.payload.is_not(None))
            )
        )
        .values(words=None, payload=None),
        delete(tables.PENDING).where(
            tuple_(*tables.PENDING.primary_key).in_(_OWN_PENDING.where(_W.group_id.is_(None)))
        ),
    )

    def begin(self, account_id: int, at: datetime, locale: str, message_id: int) -> Erased | None:
        """Cancel what is unfinished and erase it, with what was chosen; None while one runs.

        Ids, states, times, calls, ledger and counters stay: the books agree as before. `locale` and
        `message_id` say in which words, and where, the end is told.
        """
        this = {"of_account": account_id}
        last = self._value(self._LAST_JOB, **this) or 0
        row = {"message_id": message_id, "locale": locale, "at": at}
        if not self._any(self._BEGIN, account_id=account_id, up_to_job_id=last, stored=0, **row):
            return None
        wakes = [Wake(*row) for row in self._run(self._CANCEL, moment=at, **this)]
        for step in self._ERASE_OTHERS:
            self._run(step, **this)
        ids, files, stored = [wake.job_id for wake in wakes], list[str](), 0
        for start in range(0, len(ids), _MOST_AT_ONCE):
            some, found = self._erase_jobs(ids[start : start + _MOST_AT_ONCE], at, locale)
            files, stored = files + some, stored + found
        more = self._erase_pending(account_id)
        self._run(self._PROGRESS, **this, up_to=max(last, int(more)), found=stored)
        return Erased(tuple(wakes), tuple(files))

    _UNDER_WAY = (
        select(_E.account_id, _E.message_id, _E.locale, _E.up_to_job_id, _E.stored)
        .order_by(_E.at, _E.account_id)
        .limit(bindparam("at_most"))
    )

    def under_way(self, limit: int) -> list[PendingErasure]:
        """List the erasures that are not done or not told, the oldest first."""
        return self._all(PendingErasure, self._UNDER_WAY, at_most=limit)

    _NEXT = (
        OWN_JOBS.where(_L.job_id <= bindparam("up_to"))
        .order_by(_L.job_id.desc())
        .limit(bindparam("at_most"))
    )
    _PROGRESS = (
        update(tables.ERASURES)
        .where(_THIS_ERASURE)
        .values(up_to_job_id=bindparam("up_to"), stored=_E.stored + bindparam("found"))
    )

    def go_on(self, erasure: PendingErasure, jobs: int, at: datetime) -> list[str]:
        """Erase the next of what waited and of the jobs; tells the files that may be nobody's now.

        What of it stands in the storage chat is noted in the pending deletions.
        """
        this = {"of_account": erasure.account_id}
        up_to = erasure.up_to_job_id
        ids = list(self._run(self._NEXT, **this, up_to=up_to, at_most=jobs).scalars())
        files, stored = self._erase_jobs(ids, at, erasure.locale)
        more = self._erase_pending(erasure.account_id)
        last = max(ids[-1] - 1 if len(ids) == jobs else 0, int(more))
        self._run(self._PROGRESS, **this, up_to=last, found=stored)
        return files

    _LEFT = select(func.count()).select_from(
        OWN_JOBS.where(_L.job_id <= bindparam("up_to")).subquery()
    )

    def left(self, erasure: PendingErasure) -> int:
        """Count the jobs that are still to be erased."""
        this = {"of_account": erasure.account_id, "up_to": erasure.up_to_job_id}
        return int(self._value(self._LEFT, **this))

    _END = delete(tables.ERASURES).where(_THIS_ERASURE)

    def end(self, account_id: int) -> None:
        """Forget an erasure: its owner was told."""
        self._run(self._END, of_account=account_id)

    def _erase_pending(self, account_id: int) -> bool:
        """Erase some of what waited for words or answers; tells whether more may be left."""
        slice_ = {"of_account": account_id, "at_most": _PENDING_AT_ONCE}
        erased = [self._run(step, **slice_).rowcount for step in self._ERASE_PENDING]
        return max(erased) == _PENDING_AT_ONCE

    def _erase_jobs(self, ids: Sequence[int], at: datetime, locale: str) -> tuple[list[str], int]:
        """Erase some jobs; tells their files, and how many pictures are in the storage chat."""
        these = {"of_jobs": ids}
        files = list(self._run(self._FILES, **these).scalars())
        stored = len(self._run(self._DELETE_STORED, moment=at, speaks=locale, **these).all())
        self._run(self._LEAVE_ALONE, moment=at, **these)
        for step in self._ERASE_JOBS:
            self._run(step, **these)
        return files, stored


class Deletions(Repository):
    """Messages that an erasure has to take out of the storage chat; empty but after one."""

    _WAITING = (
        select(_D.chat_id, _D.message_id, _D.at)
        .where(_UNTRIED)
        .order_by(_D.at, _D.chat_id, _D.message_id)
        .limit(bindparam("at_most"))
    )

    def waiting(self, limit: int) -> list[PendingDeletion]:
        """List the oldest messages that nobody has tried to take out."""
        return self._all(PendingDeletion, self._WAITING, at_most=limit)

    _DONE = delete(tables.PENDING_DELETIONS).where(_THIS)

    def done(self, deletion: PendingDeletion) -> None:
        self._run(self._DONE, of_chat=deletion.chat_id, of_message=deletion.message_id)

    _REFUSED = update(tables.PENDING_DELETIONS).where(_THIS).values(refused=True)

    def refused(self, deletion: PendingDeletion) -> None:
        self._run(self._REFUSED, of_chat=deletion.chat_id, of_message=deletion.message_id)

    _UNDELETABLE = (
        select(_D.account_id, func.min(_D.locale).label("locale"), func.count().label("messages"))
        .where(_D.account_id.not_in(select(_E.account_id)))  # more may come
        .group_by(_D.account_id)
        .having(func.sum(case((_UNTRIED, 1), else_=0)) == 0)
    )

    def undeletable(self) -> list[Undeletable]:
        """Count what stays, of each account of which everything was tried."""
        return self._all(Undeletable, self._UNDELETABLE)

    _FORGET = delete(tables.PENDING_DELETIONS).where(
        _D.account_id == bindparam("of_account"), _D.refused.is_(True)
    )

    def forget(self, account_id: int) -> None:
        """Forget what stays of an account: it was told."""
        self._run(self._FORGET, of_account=account_id)
