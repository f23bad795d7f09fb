"""Jobs: each step is one conditional statement, so that only one worker can take it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, DateTime, bindparam, case, func, not_, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Drawn, Job, JobState, NewJob, Outcome, OutcomeKind, Picture, Request, Wake
from bot.domain.jobs import ANNOUNCED_WITHIN
from bot.storage.job_queue import JobQueue
from bot.storage.pictures import StoredPictures
from bot.storage.tables import JOBS

_C = JOBS.c
_SHARED_CLOCK = func.clock_timestamp(type_=DateTime(timezone=True))
_UNFINISHED = _C.ended_at.is_(None)
_THIS = _C.id == bindparam("job_id")
_THIS_CLAIM = _C.claim == bindparam("of_claim")
_THIS_ACCOUNT = _C.account_id == bindparam("of_account")
_THIS_MESSAGE = (_C.chat_id == bindparam("of_chat")) & (_C.message_id == bindparam("of_message"))

_ADMITTED = (
    select(func.count())
    .select_from(JOBS)
    # What only waits for Telegram is drawn: it keeps nobody's next picture from being begun.
    .where(_THIS_ACCOUNT, _UNFINISHED, _C.dispatched, _C.delivery_tries == 0)
    .scalar_subquery()
)
_HAS_ROOM = (
    select(func.count())
    .select_from(
        select(_C.id).where(_THIS_ACCOUNT, _UNFINISHED).limit(bindparam("slots")).subquery()
    )
    .scalar_subquery()
) < bindparam("slots")
_BEGINS = _HAS_ROOM & bindparam("begin", type_=_C.dispatched.type)
_ACCEPTED: dict[str, Any] = {"state": JobState.ACCEPTED, "claim": 0}
_FREE = case((bindparam("slots") > _ADMITTED, bindparam("slots") - _ADMITTED), else_=0)
_NEXT = (
    select(_C.id)
    .where(_THIS_ACCOUNT, _UNFINISHED, not_(_C.dispatched))
    .order_by(_C.id)
    .limit(_FREE)
    # Someone who is just cancelling one must not make us wait for him (nor him for us).
    .with_for_update(skip_locked=True)
    # Taken once: as a subquery Postgres may run it again for each job, and take others each time.
    .cte("next")
    .prefix_with("MATERIALIZED")
)


class Jobs(JobQueue):
    """The jobs; a step that finds its job elsewhere changes nothing and returns None or False."""

    def __init__(self, sql: Connection) -> None:
        super().__init__(sql)
        self._turns: set[int] = set()  # of accounts, which this transaction has

    # What the account's other jobs leave room for is dispatched, and may begin, as it is added.
    _ADD = (
        insert(JOBS)
        .values(
            dispatched=_HAS_ROOM,
            state=case((_BEGINS, JobState.RUNNING), else_=JobState.ACCEPTED),
            claim=case((_BEGINS, 1), else_=0),
            started_at=case((_BEGINS, bindparam("moment", type_=_C.started_at.type))),
        )
        .on_conflict_do_nothing()
        .returning(_C.id, _C.dispatched, _C.announced_until)
    )

    # By the clock that all processes share.
    _ADD_SHARED = _ADD.values(announced_until=_SHARED_CLOCK + ANNOUNCED_WITHIN)

    def add(self, new: NewJob, at: datetime, slots: int = 0, *, begin: bool = False) -> Job | None:
        """Accept a job; None if that chat, message and ordinal has one: a repeated update.

        It is dispatched where the account has fewer than `slots` unfinished jobs; to `begin` is to
        claim it, too.
        """
        self.take_turn(new.account_id)
        row = _accepted(new, at)
        given = {"of_account": new.account_id, "slots": slots, "begin": begin, "moment": at}
        add = self._ADD_SHARED if self._has_others else self._ADD
        added = self._run(add, **given, **row).mappings().first()
        if added is None:
            return None
        job = Job(**added, **_ACCEPTED, **row)
        if begin and job.dispatched:
            return replace(job, state=JobState.RUNNING, claim=1, started_at=at)
        return job

    _GET = select(JOBS).where(_THIS)

    def get(self, job_id: int) -> Job | None:
        return self._one(Job, self._GET, job_id=job_id)

    _ANNOUNCED = select(
        *(column for column in _C if column is not _C.announced_until),
        case((_C.announced_until > _SHARED_CLOCK, _C.announced_until)).label("announced_until"),
    ).where(_THIS)

    def announced(self, job_id: int) -> Job | None:
        """Look a job up, whose `announced_until` is None as soon as that is over for all processes."""
        return self._one(Job, self._ANNOUNCED if self._has_others else self._GET, job_id=job_id)

    _FIND = select(JOBS).where(_THIS_MESSAGE, _C.ordinal == bindparam("of_ordinal"))

    def find(self, chat_id: int, message_id: int, ordinal: int) -> Job | None:
        return self._one(
            Job, self._FIND, of_chat=chat_id, of_message=message_id, of_ordinal=ordinal
        )

    _LAST_ORDINAL = select(func.max(_C.ordinal)).where(_THIS_MESSAGE)

    def next_ordinal(self, chat_id: int, message_id: int) -> int:
        """Tell the number of a further job of a message; `add` says so if another took the number."""
        last: int | None = self._value(self._LAST_ORDINAL, of_chat=chat_id, of_message=message_id)
        return 0 if last is None else last + 1

    _OPEN_AT = select(JOBS).where(_THIS_MESSAGE, _UNFINISHED).order_by(_C.id).limit(100)

    def open_at(self, chat_id: int, message_id: int) -> list[Job]:
        return self._all(Job, self._OPEN_AT, of_chat=chat_id, of_message=message_id)

    _OF_MESSAGE = select(JOBS).where(_THIS_MESSAGE).order_by(_C.ordinal).limit(bindparam("at_most"))

    def of_message(self, chat_id: int, message_id: int, limit: int) -> list[Job]:
        return self._all(
            Job, self._OF_MESSAGE, of_chat=chat_id, of_message=message_id, at_most=limit
        )

    _OF_ACCOUNT = (
        select(JOBS).where(_THIS_ACCOUNT, _UNFINISHED).order_by(_C.id).limit(bindparam("at_most"))
    )

    def of_account(self, account_id: int, limit: int) -> list[Job]:
        return self._all(Job, self._OF_ACCOUNT, of_account=account_id, at_most=limit)

    _TAKE_TURN = select(func.pg_advisory_xact_lock(bindparam("of_account")))
    _ADMIT = (
        update(JOBS)
        .where(_C.id.in_(select(_NEXT.c.id)))
        .values(dispatched=True)
        .returning(_C.id, _C.claim)
    )

    def admit(self, account_id: int, limit: int) -> list[Wake]:
        """Dispatch the account's oldest waiting jobs until `limit` of its jobs are under way."""
        self.take_turn(account_id)
        rows = self._run(self._ADMIT, of_account=account_id, slots=limit)
        return sorted((Wake(*row) for row in rows), key=lambda wake: wake.job_id)

    def take_turn(self, account_id: int) -> None:
        """Two that count an account's jobs at once would both find room; SQLite has one writer.

        It is kept to the end of the transaction, which asks for it once.
        """
        if self._has_others and account_id not in self._turns:
            self._run(self._TAKE_TURN, of_account=account_id)
            self._turns.add(account_id)

    _CLAIM = (
        update(JOBS)
        .where(_THIS, _THIS_CLAIM, _UNFINISHED, _C.dispatched)
        .values(
            claim=_C.claim + 1,
            state=case((_C.state == JobState.ACCEPTED, JobState.RUNNING), else_=_C.state),
            started_at=func.coalesce(_C.started_at, bindparam("moment", type_=_C.started_at.type)),
        )
        .returning(*_C)
    )

    def claim(self, wake: Wake, at: datetime) -> Job | None:
        """Take a job to work on it, with a new claim number; None if the call to it is void."""
        return self._one(Job, self._CLAIM, job_id=wake.job_id, of_claim=wake.claim, moment=at)

    _HELD = select(_C.id).where(_THIS, _THIS_CLAIM, _UNFINISHED).with_for_update()

    def holds(self, job: Job) -> bool:
        """Whether a claim is the newest one, and stays so to the end of this transaction.

        Where there are no other processes, who has lost his claim is cancelled before he can ask.
        """
        if not self._has_others:
            return True
        return self._any(self._HELD, job_id=job.id, of_claim=job.claim)

    _KEEP = (
        update(JOBS)
        .where(_THIS, _THIS_CLAIM, _C.state == JobState.RUNNING)
        .values(
            state=JobState.RENDERED,
            text=bindparam("words"),
            outcome=bindparam("kind"),
            detail=bindparam("reason"),
            rendered_at=bindparam("moment"),
            drawn_by=bindparam("model"),
            missing=bindparam("lost"),
        )
        .returning(*_C)
    )

    def keep(
        self, job_id: int, claim: int, outcome: Outcome, at: datetime, model: str | None = None
    ) -> tuple[Job, list[Picture]] | None:
        """Store what came of a job, and of which `model`, before anybody hears of it.

        None if the claim was lost.
        """
        result = {**_result(outcome), "model": model}
        job = self._one(Job, self._KEEP, job_id=job_id, of_claim=claim, moment=at, **result)
        if job is None:
            return None
        drawn = outcome.pictures if isinstance(outcome, Drawn) else ()
        return job, StoredPictures(self._sql).add(job_id, job.account_id, drawn)

    _PUT_BACK = (
        update(JOBS)
        .where(_THIS, _THIS_CLAIM, _C.state == JobState.RUNNING)
        .values(state=JobState.ACCEPTED)
        .returning(_C.id)
    )

    def put_back(self, job_id: int, claim: int) -> bool:
        """Let go of a job that cannot be begun yet; False if the claim was lost."""
        return self._any(self._PUT_BACK, job_id=job_id, of_claim=claim)

    _POSTPONE = (
        update(JOBS)
        .where(_THIS, _THIS_CLAIM, _UNFINISHED)
        .values(delivery_tries=_C.delivery_tries + 1)
        .returning(_C.id)
    )

    def postpone(self, job_id: int, claim: int) -> bool:
        """Count a delivery that failed; False if the claim was lost."""
        return self._any(self._POSTPONE, job_id=job_id, of_claim=claim)

    _CANCELLED = (
        update(JOBS)
        .where(_C.state.in_([JobState.ACCEPTED, JobState.RUNNING]))
        .values(
            state=JobState.RENDERED,
            outcome=OutcomeKind.CANCELLED,
            claim=_C.claim + 1,
            dispatched=True,
            rendered_at=bindparam("moment"),
        )
        .returning(_C.id, _C.claim)
    )
    _CANCEL = _CANCELLED.where(_THIS)

    def cancel(self, job_id: int, at: datetime) -> Wake | None:
        """Make "cancelled" what came of a job, unless something else has; its worker loses it."""
        row = self._run(self._CANCEL, job_id=job_id, moment=at).first()
        return None if row is None else Wake(*row)

    _CANCEL_ALL = _CANCELLED.where(_THIS_ACCOUNT, _UNFINISHED)

    def cancel_all(self, account_id: int, at: datetime) -> list[Wake]:
        """Do the same to all of an account's jobs."""
        return [Wake(*row) for row in self._run(self._CANCEL_ALL, of_account=account_id, moment=at)]

    _END_WAITING = (
        update(JOBS)
        .where(_THIS_ACCOUNT, _UNFINISHED, _C.state == JobState.ACCEPTED)
        # What the chat is told of the others is told by their worker.
        .where(_C.inline_message_id.is_(None))
        .values(
            state=JobState.CANCELLED,
            outcome=OutcomeKind.CANCELLED,
            claim=_C.claim + 1,
            ended_at=bindparam("moment"),
        )
        .returning(*_C)
    )

    def end_waiting(self, account_id: int, at: datetime) -> list[Job]:
        """End those of an account's jobs as cancelled that nobody has begun; tells them in order."""
        jobs = self._all(Job, self._END_WAITING, of_account=account_id, moment=at)
        return sorted(jobs, key=lambda job: job.id)

    _END = (
        update(JOBS)
        .where(_THIS, _UNFINISHED)
        .values(
            state=bindparam("final"),
            outcome=bindparam("kind"),
            detail=bindparam("words"),
            ended_at=bindparam("moment"),
        )
        .returning(*_C)
    )
    _END_CLAIMED = _END.where(_THIS_CLAIM)

    def end(
        self,
        job_id: int,
        claim: int | None,
        state: JobState,
        kind: OutcomeKind,
        detail: str,
        at: datetime,
    ) -> Job | None:
        """End an unfinished job, of this claim if one is given; None if someone else has."""
        facts = {"job_id": job_id, "final": state, "kind": kind, "words": detail, "moment": at}
        if claim is None:
            return self._one(Job, self._END, **facts)
        return self._one(Job, self._END_CLAIMED, of_claim=claim, **facts)

    _SET_STATUS = (
        update(JOBS)
        .where(_THIS, _C.status_message_id.is_(None))
        .values(status_message_id=bindparam("message"))
        .returning(_C.id)
    )

    def set_status_message(self, job_id: int, message_id: int) -> bool:
        """Remember the job's status message; False if it has one already."""
        return self._any(self._SET_STATUS, job_id=job_id, message=message_id)

    _UNANNOUNCED = update(JOBS).where(_THIS).values(announced_until=None)

    def unannounced(self, job_id: int) -> None:
        """Note that who accepted a job does not announce it any more."""
        self._run(self._UNANNOUNCED, job_id=job_id)

    _CLEAR_STATUS = update(JOBS).where(_THIS).values(status_message_id=None)

    def clear_status_message(self, job_id: int) -> None:
        self._run(self._CLEAR_STATUS, job_id=job_id)

    _SET_INLINE = update(JOBS).where(_THIS).values(inline_message_id=bindparam("message"))

    def set_inline_message(self, job_id: int, message_id: str) -> None:
        self._run(self._SET_INLINE, job_id=job_id, message=message_id)

    _REPLACE = (
        update(JOBS)
        .where(_THIS, _THIS_CLAIM, _C.state == JobState.ACCEPTED)
        .values(request=bindparam("words", type_=_C.request.type))
        .returning(*_C)
    )

    def replace_request(self, job: Job, request: Request) -> Job | None:
        """Have something else drawn by a job; None if somebody has begun it meanwhile."""
        return self._one(Job, self._REPLACE, job_id=job.id, of_claim=job.claim, words=request)

    _RESTART = (
        update(JOBS)
        .where(_THIS, _C.state.in_([JobState.ACCEPTED, JobState.RUNNING]))
        .values(
            state=JobState.ACCEPTED,
            claim=_C.claim + 1,
            request=bindparam("words", type_=_C.request.type),
        )
        .returning(_C.id, _C.claim)
    )

    def restart(self, job_id: int, request: Request) -> Wake | None:
        """Have something else drawn by a job that may be running; its worker loses it."""
        row = self._run(self._RESTART, job_id=job_id, words=request).first()
        return None if row is None else Wake(*row)


def _result(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Drawn):
        kept = {"words": outcome.text, "lost": outcome.missing}
        return {"kind": OutcomeKind.DRAWN, "reason": "", **kept}
    return {"kind": outcome.kind, "reason": outcome.detail, "words": "", "lost": 0}


def _accepted(new: NewJob, at: datetime) -> dict[str, Any]:
    row = {field.name: getattr(new, field.name) for field in fields(new)}
    if new.after_message_id is None:
        row["after_message_id"] = new.message_id
    return {**row, "created_at": at, "text": "", "detail": ""}
