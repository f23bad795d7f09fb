"""Reports: what operators look at. Nothing is changed here, and nothing reads all jobs."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from bot.domain import Job, JobState, OutcomeKind, Picture, Request, Totals
from bot.storage.figures import Figures
from bot.storage.tables import CALLS, CHATS, COSTS, COUNTERS, JOBS, LEDGER, PICTURES, USERS

_J, _K, _L, _U, _T = JOBS.c, CALLS.c, LEDGER.c, USERS.c, CHATS.c
NEWEST = 2**63 - 1
LOOKED_AT = 10_000  # jobs of one page that looks for few of them
FEW = 100  # people of a page


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are looked for; None is any. `since` and `until` are moments of acceptance."""

    state: JobState | None = None
    outcome: OutcomeKind | None = None
    account_id: int | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in a list, whose words no list shows."""

    id: int
    account_id: int
    chat_id: int
    state: JobState
    outcome: OutcomeKind | None
    request: Request
    drawn_by: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs, the latest first; older ones are behind `older`, None where there are none."""

    jobs: list[JobLine]
    older: int | None


@dataclass(frozen=True, slots=True)
class JobStory:
    """Everything that is known of a job; calls and ledger rows as they stand in their tables."""

    job: Job
    calls: list[dict[str, Any]]
    movements: list[dict[str, Any]]
    pictures: list[Picture]


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """A user, or a chat (`kind` is Telegram's word; a user's is private)."""

    id: int
    kind: str
    name: str | None
    username: str | None = None
    language: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """How a model did in its latest calls: how many, how many without a picture, milliseconds."""

    model: str
    calls: int
    failed: int
    latency_ms: int | None


class Reports(Figures):
    """Looks at jobs, calls and people."""

    _LINE = tuple(_J[name] for name in JobLine.__slots__)

    def jobs(self, wanted: JobFilter, before_id: int, limit: int) -> JobPage:
        """List jobs before one, the latest first.

        Of what no index knows at most LOOKED_AT jobs are looked at: then a page has fewer, and
        `older` goes on where that ended.
        """
        low = 0 if wanted.since is None else self.first(JOBS, wanted.since)
        high = before_id if wanted.until is None else min(before_id, self.first(JOBS, wanted.until))
        if wanted.account_id is not None:
            near = (
                select(_L.job_id.label("id"))
                .distinct()
                .where(_L.account_id == wanted.account_id, _L.job_id < high, _L.job_id >= low)
                .order_by(_L.job_id.desc())
            )
        else:
            near = select(_J.id).where(_J.id < high, _J.id >= low).order_by(_J.id.desc())
        looked = near.limit(LOOKED_AT if _is_picky(wanted) else limit).subquery()
        found = (
            select(*self._LINE)
            .join_from(looked, JOBS, _J.id == looked.c.id)
            .where(*_conditions(wanted))
            .order_by(_J.id.desc())
            .limit(limit)
        )
        jobs = self._all(JobLine, found)
        if len(jobs) == limit:
            return JobPage(jobs, jobs[-1].id)
        count, last = self._run(select(func.count(), func.min(looked.c.id))).one()
        whole = count < (LOOKED_AT if _is_picky(wanted) else limit)
        return JobPage(jobs, None if whole else last)

    _JOB = select(JOBS).where(_J.id == bindparam("job_id"))
    _CALLS = select(CALLS).where(_K.job_id == bindparam("of_job")).order_by(_K.id)
    _MOVEMENTS = select(LEDGER).where(_L.job_id == bindparam("of_job")).order_by(_L.id)
    _SHOWN = (
        select(PICTURES)
        .where(PICTURES.c.job_id == bindparam("of_job"))
        .order_by(PICTURES.c.position)
    )

    def story(self, job_id: int) -> JobStory | None:
        """Tell everything about a job; None where there is none."""
        job = self._one(Job, self._JOB, job_id=job_id)
        if job is None:
            return None
        calls = [dict(row) for row in self._run(self._CALLS, of_job=job_id).mappings()]
        movements = [dict(row) for row in self._run(self._MOVEMENTS, of_job=job_id).mappings()]
        pictures = self._all(Picture, self._SHOWN, of_job=job_id)
        return JobStory(job, calls, movements, pictures)

    _RECENT = (
        select(_J.account_id, func.max(_J.id).label("last"))
        .where(_J.id > bindparam("after_id"))
        .group_by(_J.account_id)
        .order_by(func.max(_J.id).desc())
        .limit(FEW)
    )

    def recent_people(self) -> list[FoundAccount]:
        """List who asked last, among the latest jobs."""
        newest = self._value(select(func.max(_J.id))) or 0
        rows = self._run(self._RECENT, after_id=newest - LOOKED_AT)
        return self.accounts([row.account_id for row in rows])

    _NAMED = (
        select(_U.id)
        .where(
            or_(
                func.lower(_U.name).like(bindparam("pattern"), escape="/"),
                func.lower(_U.username).like(bindparam("pattern"), escape="/"),
            )
        )
        .limit(FEW)
    )
    _TITLED = (
        select(_T.id).where(func.lower(_T.title).like(bindparam("pattern"), escape="/")).limit(FEW)
    )

    def people(self, words: str) -> list[FoundAccount]:
        """Find users and chats by their number, or by what is in their names."""
        words = words.strip().removeprefix("@")
        if re.fullmatch(r"-?[0-9]{1,18}", words):
            return self.accounts([int(words)])
        literal = re.sub(r"[/%_]", r"/\g<0>", words.lower())
        pattern = f"%{literal}%"
        found = [*self._run(self._NAMED, pattern=pattern).scalars()]
        found += self._run(self._TITLED, pattern=pattern).scalars()
        return self.accounts(list(dict.fromkeys(found)))[:FEW]

    # A row is written once a day at most: who has asked since was seen since.
    _LAST_ASKED = select(func.max(_L.job_id)).where(_L.account_id == _U.id).scalar_subquery()
    _ASKED = select(_J.created_at).where(_J.id == _LAST_ASKED).scalar_subquery()
    _USERS = select(USERS, _ASKED.label("asked")).where(_U.id.in_(bindparam("ids", expanding=True)))
    _CHATS = select(CHATS).where(_T.id.in_(bindparam("ids", expanding=True)))

    def accounts(self, ids: Sequence[int]) -> list[FoundAccount]:
        """Tell what is known of users and chats, in their order; of strangers the number alone."""
        users = {row.id: row for row in self._run(self._USERS, ids=list(ids))}
        chats = {row.id: row for row in self._run(self._CHATS, ids=list(ids))}
        return [_person(one, users.get(one), chats.get(one)) for one in ids]

    def names(self, ids: Collection[int]) -> dict[int, str]:
        """Map users and chats to how they are called, as far as that is known."""
        return {one.id: one.name for one in self.accounts(list(ids)) if one.name}

    _PICTURES_OF = select(COUNTERS.c.account_id, COUNTERS.c.settled).where(
        COUNTERS.c.account_id.in_(bindparam("ids", expanding=True)),
        COUNTERS.c.period == bindparam("key"),
    )
    _COSTS_OF = (
        select(COSTS.c.account_id, COSTS.c.currency, COSTS.c.micros)
        .where(
            COSTS.c.account_id.in_(bindparam("ids", expanding=True)),
            COSTS.c.period == bindparam("key"),
        )
        .order_by(COSTS.c.account_id, COSTS.c.currency)
    )

    def used(self, ids: Collection[int], key: str) -> dict[int, Totals]:
        """Tell the pictures and costs of accounts in the span that a Period's key names."""
        asked = {"ids": list(ids), "key": key}
        pictures = {row.account_id: row.settled for row in self._run(self._PICTURES_OF, **asked)}
        costs: dict[int, list[tuple[str, int]]] = {}
        for row in self._run(self._COSTS_OF, **asked):
            costs.setdefault(row.account_id, []).append((row.currency, row.micros))
        return {
            one: Totals(pictures=pictures.get(one, 0), costs=tuple(costs.get(one, ())))
            for one in ids
        }

    _MODELS = (
        select(
            _K.model,
            func.count().label("calls"),
            func.sum(case((_K.outcome == OutcomeKind.DRAWN, 0), else_=1)).label("failed"),
            cast(func.avg(case((_K.outcome == OutcomeKind.DRAWN, _K.latency_ms))), Integer).label(
                "latency_ms"
            ),
        )
        .where(_K.id > bindparam("after_id"), _K.ended_at.is_not(None), _K.job_id.is_not(None))
        .group_by(_K.model)
    )

    def models(self) -> dict[str, ModelFigures]:
        """Tell how models did among the latest calls."""
        newest = self._value(select(func.max(_K.id))) or 0
        found = self._all(ModelFigures, self._MODELS, after_id=newest - LOOKED_AT)
        return {one.model: one for one in found}

    _LEDGER = (
        select(LEDGER)
        .where(_L.id < bindparam("before_id"))
        .order_by(_L.id.desc())
        .limit(bindparam("at_most"))
    )

    def movements(self, before_id: int, limit: int) -> list[dict[str, Any]]:
        """List rows of the ledger, the latest first: a page of those before one."""
        rows = self._run(self._LEDGER, before_id=before_id, at_most=limit)
        return [dict(row) for row in rows.mappings()]


def _is_picky(wanted: JobFilter) -> bool:
    return any((wanted.state, wanted.outcome, wanted.model))


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(_J.state == wanted.state)
    if wanted.outcome is not None:
        conditions.append(_J.outcome == wanted.outcome)
    if wanted.model is not None:
        conditions.append(_J.drawn_by == wanted.model)
    return conditions


def _person(number: int, user: Row[Any] | None, chat: Row[Any] | None) -> FoundAccount:
    if user is not None:
        seen = max(user.last_seen, user.asked or user.last_seen)
        facts = user.name, user.username, user.language, user.first_seen, seen
        return FoundAccount(number, "private", *facts)
    if chat is not None:
        return FoundAccount(
            number, chat.kind, chat.title, None, None, chat.first_seen, chat.last_seen
        )
    return FoundAccount(number, "", None)
