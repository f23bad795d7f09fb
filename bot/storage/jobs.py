"""Jobs: each step is one conditional statement, so that only one worker can take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, func, not_, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Drawn, Job, JobState, OutcomeKind, Wake
from bot.storage import chat_move
from bot.storage.pictures import Pictures
from bot.storage.tables import JOBS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Executable
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import NewJob, Outcome

COUNTED_AHEAD = 1000

# Statements are built once, at import: SQLAlchemy keeps their compiled form.
# Postgres' INSERT … ON CONFLICT compiles to the words that SQLite understands as well.
_C = JOBS.c
_UNFINISHED = _C.ended_at.is_(None)
_THIS = _C.id == bindparam("job_id")
_THIS_ATTEMPT = _C.attempt == bindparam("of_attempt")
_THIS_ACCOUNT = _C.account_id == bindparam("of_account")
_THIS_MESSAGE = (_C.chat_id == bindparam("of_chat")) & (_C.message_id == bindparam("of_message"))

_ADD = insert(JOBS).on_conflict_do_nothing().returning(_C.id)
_GET = select(JOBS).where(_THIS)
_FIND = select(JOBS).where(_THIS_MESSAGE, _C.ordinal == bindparam("of_ordinal"))
_LAST_ORDINAL = select(func.max(_C.ordinal)).where(_THIS_MESSAGE)
_OPEN_AT = select(JOBS).where(_THIS_MESSAGE, _UNFINISHED).order_by(_C.id).limit(100)

_TAKE_TURN = select(func.pg_advisory_xact_lock(bindparam("of_account")))
_RUNNING = (
    select(func.count())
    .select_from(JOBS)
    .where(_THIS_ACCOUNT, _UNFINISHED, _C.dispatched)
    .scalar_subquery()
)
_FREE = case((bindparam("slots") > _RUNNING, bindparam("slots") - _RUNNING), else_=0)
_NEXT = (
    select(_C.id)
    .where(_THIS_ACCOUNT, _UNFINISHED, not_(_C.dispatched))
    .order_by(_C.id)
    .limit(_FREE)
    # Someone who is just cancelling one must not make us wait for him (nor him for us).
    .with_for_update(skip_locked=True)
)
_ADMIT = update(JOBS).where(_C.id.in_(_NEXT)).values(dispatched=True).returning(_C.id, _C.attempt)

_CLAIM = (
    update(JOBS)
    .where(_THIS, _THIS_ATTEMPT, _UNFINISHED, _C.dispatched)
    .values(
        attempt=_C.attempt + 1,
        state=case((_C.state == JobState.ACCEPTED, JobState.RUNNING), else_=_C.state),
        started_at=func.coalesce(_C.started_at, bindparam("moment", type_=_C.started_at.type)),
    )
    .returning(*_C)
)
_KEEP = (
    update(JOBS)
    .where(_THIS, _THIS_ATTEMPT, _C.state == JobState.RUNNING)
    .values(
        state=JobState.RENDERED,
        text=bindparam("words"),
        outcome=bindparam("kind"),
        detail=bindparam("reason"),
        rendered_at=bindparam("moment"),
    )
    .returning(*_C)
)
_CALL_OFF = (
    update(JOBS)
    .where(_THIS, _C.state.in_([JobState.ACCEPTED, JobState.RUNNING]))
    .values(
        state=JobState.RENDERED,
        outcome=OutcomeKind.CANCELLED,
        attempt=_C.attempt + 1,
        dispatched=True,
        rendered_at=bindparam("moment"),
    )
    .returning(_C.id, _C.attempt)
)
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
_END_ATTEMPT = _END.where(_THIS_ATTEMPT)

_SET_STATUS = (
    update(JOBS)
    .where(_THIS, _C.status_message_id.is_(None))
    .values(status_message_id=bindparam("message"))
    .returning(_C.id)
)
_CLEAR_STATUS = update(JOBS).where(_THIS).values(status_message_id=None)
_SET_INLINE = update(JOBS).where(_THIS).values(inline_message_id=bindparam("message"))

_DISPATCHED = (
    select(_C.id, _C.attempt)
    .where(_UNFINISHED, _C.dispatched, _C.id > bindparam("after_id"))
    .order_by(_C.id)
    .limit(bindparam("at_most"))
)
_UNDISPATCHED_ACCOUNTS = (
    select(_C.account_id)
    .where(_UNFINISHED, not_(_C.dispatched))
    .group_by(_C.account_id)
    .order_by(func.min(_C.id))
)
_AHEAD = select(func.count()).select_from(
    select(_C.id)
    .where(_UNFINISHED, _C.state == JobState.ACCEPTED, _C.id < bindparam("job_id"))
    .limit(COUNTED_AHEAD)
    .subquery()
)
_OF_ACCOUNT = (
    select(JOBS).where(_THIS_ACCOUNT, _UNFINISHED).order_by(_C.id).limit(bindparam("at_most"))
)


class Jobs:
    """The jobs; a step that finds its job elsewhere changes nothing and returns None or False."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def add(self, draft: NewJob, at: datetime) -> Job | None:
        """Accept a job; None if that chat, message and ordinal has one: a repeated update."""
        row = _accepted(draft, at)
        job_id = (await self._sql.execute(_ADD, row)).scalar()
        return None if job_id is None else Job(id=job_id, **row)

    async def get(self, job_id: int) -> Job | None:
        """Look a job up by its id."""
        return await self._job(_GET, job_id=job_id)

    async def find(self, chat_id: int, message_id: int, ordinal: int) -> Job | None:
        """Look a job up by the message that asked for it."""
        return await self._job(_FIND, of_chat=chat_id, of_message=message_id, of_ordinal=ordinal)

    async def next_ordinal(self, chat_id: int, message_id: int) -> int:
        """Tell the number of a further job of a message; `add` says so if another took the number."""
        asked = {"of_chat": chat_id, "of_message": message_id}
        last: int | None = (await self._sql.execute(_LAST_ORDINAL, asked)).scalar()
        return 0 if last is None else last + 1

    async def open_at(self, chat_id: int, message_id: int) -> list[Job]:
        """List the unfinished jobs of a message, oldest first."""
        here = {"of_chat": chat_id, "of_message": message_id}
        return [Job(**row) for row in (await self._sql.execute(_OPEN_AT, here)).mappings()]

    async def admit(self, account_id: int, limit: int) -> list[Wake]:
        """Dispatch the account's oldest waiting jobs until `limit` of its jobs are under way."""
        if self._sql.dialect.name == "postgresql":
            # Two that count at once would both find room; SQLite has one writer anyway.
            await self._sql.execute(_TAKE_TURN, {"of_account": account_id})
        rows = await self._sql.execute(_ADMIT, {"of_account": account_id, "slots": limit})
        return sorted((Wake(*row) for row in rows), key=lambda wake: wake.job_id)

    async def claim(self, wake: Wake, at: datetime) -> Job | None:
        """Take a job to work on it, with a new attempt number; None if the call to it is void."""
        return await self._job(_CLAIM, job_id=wake.job_id, of_attempt=wake.attempt, moment=at)

    async def keep(self, job_id: int, attempt: int, outcome: Outcome, at: datetime) -> Job | None:
        """Store what came of a job, before anybody hears of it; None if the claim was lost."""
        step = {"job_id": job_id, "of_attempt": attempt, "moment": at, **_result(outcome)}
        job = await self._job(_KEEP, **step)
        if job and isinstance(outcome, Drawn):
            await Pictures(self._sql).add(job_id, job.account_id, outcome.pictures)
        return job

    async def call_off(self, job_id: int, at: datetime) -> Wake | None:
        """Make "cancelled" what came of a job, unless something else has; its worker loses it."""
        step = {"job_id": job_id, "moment": at}
        row = (await self._sql.execute(_CALL_OFF, step)).first()
        return None if row is None else Wake(*row)

    async def end(
        self,
        job_id: int,
        attempt: int | None,
        state: JobState,
        kind: OutcomeKind,
        detail: str,
        at: datetime,
    ) -> Job | None:
        """End an unfinished job, of this attempt if one is given; None if someone else has."""
        facts = {"job_id": job_id, "final": state, "kind": kind, "words": detail, "moment": at}
        if attempt is None:
            return await self._job(_END, **facts)
        return await self._job(_END_ATTEMPT, of_attempt=attempt, **facts)

    async def set_status_message(self, job_id: int, message_id: int) -> bool:
        """Remember the job's status message; False if it has one already."""
        status = {"job_id": job_id, "message": message_id}
        return (await self._sql.execute(_SET_STATUS, status)).first() is not None

    async def clear_status_message(self, job_id: int) -> None:
        """Forget a status message that is gone."""
        await self._sql.execute(_CLEAR_STATUS, {"job_id": job_id})

    async def set_inline_message(self, job_id: int, message_id: str) -> None:
        """Remember the inline message that a job has been given."""
        await self._sql.execute(_SET_INLINE, {"job_id": job_id, "message": message_id})

    async def unfinished(self, after_id: int = 0, limit: int = 500) -> list[Wake]:
        """List the dispatched jobs that have not ended, by id: a page after `after_id`."""
        page = {"after_id": after_id, "at_most": limit}
        return [Wake(*row) for row in await self._sql.execute(_DISPATCHED, page)]

    async def undispatched_accounts(self) -> list[int]:
        """List the accounts that wait for `admit`, the longest waiting first."""
        return list((await self._sql.execute(_UNDISPATCHED_ACCOUNTS)).scalars())

    async def ahead(self, job_id: int) -> int:
        """Count the older jobs that nobody has begun: up to COUNTED_AHEAD."""
        return (await self._sql.execute(_AHEAD, {"job_id": job_id})).scalar_one()

    async def of_account(self, account_id: int, limit: int) -> list[Job]:
        """List an account's unfinished jobs, oldest first."""
        asked = {"of_account": account_id, "at_most": limit}
        rows = await self._sql.execute(_OF_ACCOUNT, asked)
        return [Job(**row) for row in rows.mappings()]

    async def move_chat(self, old: int, new: int) -> None:
        """Follow a group that became a supergroup, see `chat_move`."""
        await chat_move.move(self._sql, old, new)

    async def _job(self, statement: Executable, **values: object) -> Job | None:
        row = (await self._sql.execute(statement, values)).mappings().first()
        return None if row is None else Job(**row)


def _result(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Drawn):
        return {"kind": OutcomeKind.DRAWN, "reason": "", "words": outcome.text}
    return {"kind": outcome.kind, "reason": outcome.detail, "words": ""}


def _accepted(draft: NewJob, at: datetime) -> dict[str, Any]:
    return {
        "account_id": draft.account_id,
        "chat_id": draft.chat_id,
        "thread_id": draft.thread_id,
        "message_id": draft.message_id,
        "ordinal": draft.ordinal,
        "request": draft.request,
        "locale": draft.locale,
        "state": JobState.ACCEPTED,
        "attempt": 0,
        "dispatched": False,
        "created_at": at,
        "text": "",
        "detail": "",
        "parent_picture_id": draft.parent_picture_id,
        "private": draft.private,
        "after_message_id": draft.message_id
        if draft.after_message_id is None
        else draft.after_message_id,
        "inline_message_id": draft.inline_message_id,
    }
