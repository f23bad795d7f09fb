"""Own data: what is kept of one account, read for its owner and erased at his wish.

The jobs that an account pays for are found by their reservations in the ledger, which are indexed
by account; a row that says where they were counted as well is not the account's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import (
    bindparam,
    delete,
    func,
    literal,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.domain import Job, JobState, OutcomeKind, Picture, Request, Wake
from bot.storage.tables import (
    ALBUM_ITEMS,
    ALBUMS,
    ASKS,
    ATTEMPTS,
    CHATS,
    CLEARANCES,
    HANDLED,
    JOBS,
    LEDGER,
    OUTGOING,
    PICTURES,
    PREFERENCES,
    REWRITES,
    STAND_INS,
    USERS,
    VOICES,
    LedgerKind,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

ERASED = Request(prompt="", model="")  # what stays of a request: no job begins without words

_J, _P, _L = JOBS.c, PICTURES.c, LEDGER.c
_A, _I, _R, _V = ASKS.c, ALBUM_ITEMS.c, REWRITES.c, VOICES.c
_ACCOUNT = bindparam("of_account", type_=_J.account_id.type)
_OWN = select(_L.job_id).where(_L.account_id == _ACCOUNT, _L.kind == LedgerKind.RESERVE)

_PERSON = select(USERS).where(USERS.c.id == _ACCOUNT)
_IDS = _OWN.order_by(_L.job_id.desc())
_JOBS = select(JOBS).where(_J.id.in_(bindparam("of_jobs", expanding=True))).order_by(_J.id.desc())
_PICTURES = (
    select(PICTURES)
    .where(_P.job_id.in_(bindparam("of_jobs", expanding=True)))
    .order_by(_P.job_id.desc(), _P.position)
)
_LEDGER = (
    select(_L.job_id, _L.kind, _L.reserved_delta, _L.settled_delta, _L.at)
    .where(_L.job_id.in_(bindparam("of_jobs", expanding=True)), _L.account_id == _ACCOUNT)
    .order_by(_L.id)
)
_NONE = literal("")
_WAITING = union_all(
    *(
        select(
            at.label("at"),
            prompt.label("prompt"),
            func.coalesce(flags, "").label("flags"),
            func.coalesce(better, "").label("better"),
            func.coalesce(caption, "").label("caption"),
        ).where(own == _ACCOUNT)
        for own, at, prompt, flags, better, caption in (
            (_A.account_id, _A.asked_at, _A.prompt, _A.flags, _NONE, _NONE),
            (_I.account_id, _I.arrived_at, _I.prompt, _NONE, _NONE, _NONE),
            (_R.account_id, _R.asked_at, _R.words, _R.flags, _R.better, _NONE),
            (_V.account_id, _V.arrived_at, func.coalesce(_V.words, ""), _NONE, _NONE, _V.caption),
        )
    )
)

# Whoever works on one of them loses his claim, and with it the chance to write anything back.
_CALL_OFF = (
    update(JOBS)
    .where(_J.account_id == _ACCOUNT, _J.ended_at.is_(None))
    .values(
        state=JobState.RENDERED,
        outcome=OutcomeKind.CANCELLED,
        attempt=_J.attempt + 1,
        dispatched=True,
        rendered_at=bindparam("moment", type_=_J.rendered_at.type),
    )
    .returning(_J.id, _J.attempt)
)
_FILES = select(_P.sha256).where(_P.job_id.in_(_OWN)).distinct()
_STILL_OURS = upsert(OUTGOING).from_select(
    ["chat_id", "message_id", "at"],
    select(_P.chat_id, _P.message_id, bindparam("moment", type_=OUTGOING.c.at.type)).where(
        _P.job_id.in_(_OWN), _P.chat_id.is_not(None), _P.message_id.is_not(None)
    ),
)
# What was drawn for an inline message was uploaded to the storage chat.
_CLEAR = (
    upsert(CLEARANCES)
    .from_select(
        ["chat_id", "message_id", "account_id", "locale", "at", "refused"],
        select(
            _P.chat_id,
            _P.message_id,
            _J.account_id,
            bindparam("speaks", type_=CLEARANCES.c.locale.type),
            bindparam("moment", type_=CLEARANCES.c.at.type),
            literal(value=False),
        )
        .join(JOBS, _J.id == _P.job_id)
        .where(
            _J.id.in_(_OWN),
            _J.inline_message_id.is_not(None),
            _P.chat_id.is_not(None),
            _P.message_id.is_not(None),
        ),
    )
    .on_conflict_do_nothing()
    .returning(CLEARANCES.c.message_id)
)
_OWN_ALBUMS = select(ALBUM_ITEMS.c.chat_id, ALBUM_ITEMS.c.group_id).where(
    ALBUM_ITEMS.c.account_id == _ACCOUNT
)
_ERASE = (
    # A search for a lost message must go on leaving these messages alone.
    _STILL_OURS.on_conflict_do_nothing(),
    delete(STAND_INS).where(STAND_INS.c.picture_id.in_(select(_P.id).where(_P.job_id.in_(_OWN)))),
    delete(PICTURES).where(_P.job_id.in_(_OWN)),
    # One that was accepted beside us has no outcome yet: it is no longer ours to erase.
    update(JOBS)
    .where(_J.id.in_(_OWN), _J.outcome.is_not(None))
    .values(request=ERASED, text="", detail="", parent_picture_id=None),
    # The model's own words can repeat the prompt.
    update(ATTEMPTS).where(ATTEMPTS.c.job_id.in_(_OWN)).values(detail=""),
    # Closed, not deleted: what comes late of an album is no new one.
    update(ALBUMS)
    .where(tuple_(ALBUMS.c.chat_id, ALBUMS.c.group_id).in_(_OWN_ALBUMS))
    .values(closed=True),
    delete(ALBUM_ITEMS).where(ALBUM_ITEMS.c.account_id == _ACCOUNT),
    delete(ASKS).where(ASKS.c.account_id == _ACCOUNT),
    delete(REWRITES).where(REWRITES.c.account_id == _ACCOUNT),
    delete(VOICES).where(VOICES.c.account_id == _ACCOUNT),
    delete(PREFERENCES).where(PREFERENCES.c.account_id == _ACCOUNT),
    update(CHATS).where(CHATS.c.added_by == _ACCOUNT).values(added_by=None),
    delete(USERS).where(USERS.c.id == _ACCOUNT),
    delete(CHATS).where(CHATS.c.id == _ACCOUNT),
)

_SHOWN = select(_P.id).where(_P.sha256 == bindparam("of_sha256")).limit(1)
_RUNNING_SINCE = select(func.min(_J.started_at)).where(
    _J.ended_at.is_(None), _J.state == JobState.RUNNING
)
_NEW_EXPORT = upsert(HANDLED)
_EXPORT = _NEW_EXPORT.on_conflict_do_update(
    index_elements=[HANDLED.c.key],
    set_={"at": _NEW_EXPORT.excluded.at},
    where=HANDLED.c.at <= bindparam("not_after", type_=HANDLED.c.at.type),
).returning(HANDLED.c.key)


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
class Waiting:
    """A message that waits, or waited, for its prompt, its album, its words or better ones.

    `better` is what a text model made of the prompt, `caption` what stood below a voice.
    """

    at: datetime
    prompt: str
    flags: str
    better: str
    caption: str


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure leaves to do: jobs to end, files that may have become nobody's.

    `stored` is how many messages are to be taken out of the storage chat.
    """

    wakes: tuple[Wake, ...]
    files: tuple[str, ...]
    stored: int


class OwnData:
    """One account's data, and no one else's."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def person(self, account_id: int) -> Person | None:
        """Tell what is known of a user."""
        row = (await self._sql.execute(_PERSON, {"of_account": account_id})).mappings().first()
        return None if row is None else Person(**row)

    async def job_ids(self, account_id: int) -> list[int]:
        """List the ids of all jobs that an account pays for, newest first."""
        return list((await self._sql.execute(_IDS, {"of_account": account_id})).scalars())

    async def jobs(self, job_ids: Sequence[int]) -> list[Job]:
        """Look some jobs up, newest first."""
        rows = await self._sql.execute(_JOBS, {"of_jobs": job_ids})
        return [Job(**row) for row in rows.mappings()]

    async def pictures(self, job_ids: Sequence[int]) -> list[Picture]:
        """List the pictures of some jobs."""
        rows = await self._sql.execute(_PICTURES, {"of_jobs": job_ids})
        return [Picture(**row) for row in rows.mappings()]

    async def movements(self, account_id: int, job_ids: Sequence[int]) -> list[Movement]:
        """List an account's rows of the ledger for some jobs."""
        asked = {"of_account": account_id, "of_jobs": job_ids}
        return [Movement(*row) for row in await self._sql.execute(_LEDGER, asked)]

    async def waiting(self, account_id: int) -> list[Waiting]:
        """List the messages that wait for a prompt or an album, or did within the last week."""
        rows = await self._sql.execute(_WAITING, {"of_account": account_id})
        return [Waiting(*row) for row in rows]

    async def begin_export(self, account_id: int, at: datetime, not_after: datetime) -> bool:
        """Note that an export begins; False if the last one began after `not_after`."""
        new = {"key": f"export:{account_id}", "at": at, "not_after": not_after}
        return (await self._sql.execute(_EXPORT, new)).first() is not None

    async def erase(self, account_id: int, at: datetime, locale: str) -> Erased:
        """Erase what an account has written, got and chosen; calls off what is unfinished.

        What of it stands in the storage chat is noted in the clearances, to be told in `locale`.
        Ids, states, times, attempts, ledger and counters stay: the books agree as before.
        """
        this = {"of_account": account_id}
        then = this | {"moment": at}
        wakes = [Wake(*row) for row in await self._sql.execute(_CALL_OFF, then)]
        files = list((await self._sql.execute(_FILES, this)).scalars())
        stored = len((await self._sql.execute(_CLEAR, then | {"speaks": locale})).all())
        for step in _ERASE:
            await self._sql.execute(step, then if step is _ERASE[0] else this)
        return Erased(tuple(wakes), tuple(files), stored)

    async def shown(self, sha256: str) -> bool:
        """Whether these bytes are a picture of anybody's."""
        return (await self._sql.execute(_SHOWN, {"of_sha256": sha256})).first() is not None

    async def running_since(self) -> datetime | None:
        """Tell when the oldest job that is being drawn began: its files have no row yet."""
        found: datetime | None = (await self._sql.execute(_RUNNING_SINCE)).scalar()
        return found
