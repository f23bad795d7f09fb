"""Pictures: what was drawn, where it stands, and which messages stand for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Arrival, Picture
from bot.storage.repository import Repository
from bot.storage.tables import JOBS, MESSAGE_LINKS, PICTURES

_C, _L = PICTURES.c, MESSAGE_LINKS.c
_ADDED = [column.name for column in _C if column.name != "id"]
_THIS = _C.id == bindparam("picture_id")
_THIS_MESSAGE = (_C.chat_id == bindparam("of_chat")) & (_C.message_id == bindparam("of_message"))
_FILES: BindParameter[list[str]] = bindparam("of_files", expanding=True)
_OWN = _C.account_id == bindparam("of_account")
_IN_CHAT = _C.chat_id == bindparam("of_chat")
_ARRIVED_CLAUSES = (_OWN, _C.file_id.is_not(None), ~_C.deleted)
_ARRIVED = select(PICTURES).where(*_ARRIVED_CLAUSES)
_NEW_LINK = insert(MESSAGE_LINKS)
_NEWEST = 1000  # pictures among which the newest that are not deleted are looked for


def _counts(*where: ColumnElement[bool]) -> Select[int, int]:
    sides = (
        (_C.id > bindparam("anchor"), _C.id.asc()),
        (_C.id < bindparam("anchor"), _C.id.desc()),
    )
    return select(
        *(
            select(func.count())
            .select_from(
                select(_C.id)
                .where(*_ARRIVED_CLAUSES, *where, side)
                .order_by(order)
                .limit(bindparam("at_most"))
                .subquery()
            )
            .scalar_subquery()
            for side, order in sides
        )
    )


class StoredPictures(Repository):
    """The pictures of all jobs; their rows are kept when their files are not."""

    _ADD = insert(PICTURES).returning(_C.id)

    def add(self, job_id: int, account_id: int, pictures: Sequence[Picture]) -> list[Picture]:
        """Keep what a job has brought; tells the pictures with their ids."""
        return [self._added(replace(p, job_id=job_id, account_id=account_id)) for p in pictures]

    def _added(self, picture: Picture) -> Picture:
        row = {name: getattr(picture, name) for name in _ADDED}
        return replace(picture, id=self._value(self._ADD, **row))

    _OF_JOB = select(PICTURES).where(_C.job_id == bindparam("of_job")).order_by(_C.position)

    def of_job(self, job_id: int) -> list[Picture]:
        return self._all(Picture, self._OF_JOB, of_job=job_id)

    _GET = select(PICTURES).where(_THIS)

    def get(self, picture_id: int) -> Picture | None:
        return self._one(Picture, self._GET, picture_id=picture_id)

    _AT = select(PICTURES).where(_THIS_MESSAGE).order_by(_C.id.desc()).limit(1)

    def at(self, chat_id: int, message_id: int) -> Picture | None:
        """Find the picture that stands in a message; the newest, if one replaced another."""
        return self._one(Picture, self._AT, of_chat=chat_id, of_message=message_id)

    _LINK = _NEW_LINK.on_conflict_do_update(
        index_elements=[_L.chat_id, _L.message_id],
        set_={"picture_id": _NEW_LINK.excluded.picture_id},
    )

    def link(self, chat_id: int, message_id: int, picture_id: int) -> None:
        """Have a message stand for a picture: the question what to change, a gallery, a file."""
        self._run(self._LINK, chat_id=chat_id, message_id=message_id, picture_id=picture_id)

    _LINKED = (
        select(PICTURES)
        .join(MESSAGE_LINKS, _L.picture_id == _C.id)
        .where(_L.chat_id == bindparam("of_chat"), _L.message_id == bindparam("of_message"))
    )

    def linked(self, chat_id: int, message_id: int) -> Picture | None:
        """Find the picture that a message stands for without being it."""
        return self._one(Picture, self._LINKED, of_chat=chat_id, of_message=message_id)

    _KNOWN = select(_C.sha256).where(_C.sha256.in_(_FILES)).distinct()
    _UNDELIVERED = _KNOWN.where(
        exists().where(JOBS.c.id == _C.job_id, JOBS.c.ended_at.is_(None)).correlate(PICTURES)
    )

    def undelivered(self, files: Sequence[str]) -> set[str]:
        """Tell which of these files are results that are still on their way into a chat."""
        return set(self._run(self._UNDELIVERED, of_files=files).scalars())

    def known(self, files: Sequence[str]) -> set[str]:
        """Tell which of these files are pictures of anybody's."""
        return set(self._run(self._KNOWN, of_files=files).scalars())

    _FILES_SINCE = (
        select(_C.id, _C.sha256)
        .join(JOBS, JOBS.c.id == _C.job_id)
        .where(_C.id > bindparam("after"), ~_C.deleted, JOBS.c.created_at >= bindparam("since"))
        .order_by(_C.id)
        .limit(bindparam("at_most"))
    )

    def files(self, after: int, since: datetime, at_most: int) -> list[tuple[int, str]]:
        """List id and file of pictures that were asked for `since` then, by id, `after` the one told last."""
        rows = self._run(self._FILES_SINCE, after=after, since=since, at_most=at_most)
        return [(picture_id, sha256) for picture_id, sha256 in rows]

    _NEWEST_FILES = (
        select(_C.sha256, JOBS.c.created_at)
        .join(JOBS, JOBS.c.id == _C.job_id)
        .where(_C.id > select(func.max(_C.id)).scalar_subquery() - _NEWEST, ~_C.deleted)
        .order_by(_C.id.desc())
        .limit(bindparam("at_most"))
    )

    def newest_files(self, since: datetime, at_most: int) -> list[str]:
        """List files of the newest pictures, of those that were asked for `since` then.

        Only so many are looked at that deleted ones cost nothing.
        """
        rows = self._run(self._NEWEST_FILES, at_most=at_most)
        return [sha256 for sha256, asked_at in rows if asked_at >= since]

    _PLACE = (
        update(PICTURES)
        .where(_THIS)
        .values(chat_id=bindparam("chat"), message_id=bindparam("message"))
    )

    def placed(self, picture_id: int, chat_id: int, message_id: int) -> None:
        """Remember in which message a picture stands, or will stand."""
        self._run(self._PLACE, picture_id=picture_id, chat=chat_id, message=message_id)

    _UNPLACE = update(PICTURES).where(_THIS_MESSAGE).values(message_id=None)

    def unplace(self, chat_id: int, message_id: int) -> None:
        self._run(self._UNPLACE, of_chat=chat_id, of_message=message_id)

    _DELETE = update(PICTURES).where(_THIS_MESSAGE).values(message_id=None, deleted=True)

    def delete(self, chat_id: int, message_id: int) -> None:
        """Remember that somebody wants to see a picture no more, and forget its place."""
        self._run(self._DELETE, of_chat=chat_id, of_message=message_id)

    _DELETE_ONE = update(PICTURES).where(_THIS).values(message_id=None, deleted=True)

    def delete_one(self, picture_id: int) -> None:
        """Do the same for a picture wherever it stands."""
        self._run(self._DELETE_ONE, picture_id=picture_id)

    _ARRIVE = _PLACE.values(file_id=bindparam("file"))

    def arrive(self, arrival: Arrival) -> None:
        """Remember where a picture stands by now, and Telegram's name of it as shown."""
        self._run(
            self._ARRIVE,
            picture_id=arrival.picture_id,
            chat=arrival.chat_id,
            message=arrival.message_id,
            file=arrival.file_id,
        )

    _ARRIVED_OF_JOB = (
        select(_C.id).where(_C.job_id == bindparam("of_job"), _C.file_id.is_not(None)).limit(1)
    )

    def arrived(self, job_id: int) -> bool:
        """Whether Telegram has any picture of a job: then its account can have it again."""
        return self._any(self._ARRIVED_OF_JOB, of_job=job_id)

    _ORIGINAL = update(PICTURES).where(_THIS).values(original_file_id=bindparam("file"))

    def original(self, picture_id: int, file_id: str) -> None:
        self._run(self._ORIGINAL, picture_id=picture_id, file=file_id)

    _LATEST = (
        select(PICTURES, JOBS.c.request, JOBS.c.drawn_by, JOBS.c.created_at)
        .join(JOBS, JOBS.c.id == _C.job_id)
        .where(
            _OWN,
            _C.id < bindparam("before"),
            _C.file_id.is_not(None),
            _C.message_id.is_not(None),
            ~_C.deleted,
        )
        .order_by(_C.id.desc())
        .limit(bindparam("at_most"))
    )

    def latest(
        self, account_id: int, before: int, at_most: int
    ) -> list[tuple[Picture, str, str, datetime]]:
        """List an account's last pictures that stand somewhere: prompt, model, when that was asked.

        Those whose ids are below `before`, the newest first.
        """
        return self._all(
            _with_request, self._LATEST, of_account=account_id, before=before, at_most=at_most
        )

    # By an index that ends in the pictures' ids.
    _OLDER = _ARRIVED.where(_C.id < bindparam("anchor")).order_by(_C.id.desc()).limit(1)
    _OLDER_IN_CHAT = _OLDER.where(_IN_CHAT)

    def older(self, account_id: int, chat_id: int | None, than: int) -> Picture | None:
        """Find the newest picture that arrived and is older than the one with the id `than`.

        With a chat, of those that were made there.
        """
        statement = self._OLDER if chat_id is None else self._OLDER_IN_CHAT
        return self._one(Picture, statement, of_account=account_id, of_chat=chat_id, anchor=than)

    _NEWER = _ARRIVED.where(_C.id > bindparam("anchor")).order_by(_C.id).limit(1)
    _NEWER_IN_CHAT = _NEWER.where(_IN_CHAT)

    def newer(self, account_id: int, chat_id: int | None, than: int) -> Picture | None:
        """Find the oldest picture that arrived and is newer, as `older` does."""
        statement = self._NEWER if chat_id is None else self._NEWER_IN_CHAT
        return self._one(Picture, statement, of_account=account_id, of_chat=chat_id, anchor=than)

    _COUNTS = _counts()
    _COUNTS_IN_CHAT = _counts(_IN_CHAT)

    def counts(
        self, account_id: int, chat_id: int | None, than: int, at_most: int
    ) -> tuple[int, int]:
        """Count the pictures that are newer and older than the one with the id `than`.

        Each side as far as `at_most`: a page costs the same, however many pictures there are.
        """
        statement = self._COUNTS if chat_id is None else self._COUNTS_IN_CHAT
        values = {"of_account": account_id, "of_chat": chat_id, "anchor": than}
        row = self._run(statement, at_most=at_most, **values).one()
        return row[0], row[1]


def _with_request(**row: Any) -> tuple[Picture, str, str, datetime]:  # noqa: ANN401 - a row's columns
    request, model, at = row.pop("request"), row.pop("drawn_by"), row.pop("created_at")
    return Picture(**row), request.prompt, model or request.model, at
