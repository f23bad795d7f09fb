"""The pages of jobs: a list that is filtered, and one job's whole story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bot.domain import SPOKEN, Job, JobState, LimitReached, OutcomeKind, Picture
from bot.domain.administration import AdminResult
from bot.features.admin.service import AdminService
from bot.media.store import MediaStore
from bot.media.thumbnails import Thumbnails
from bot.storage.engine import Store
from bot.storage.reports import NEWEST, JobFilter, JobPage, JobStory
from bot.storage.transaction import Transaction
from bot.web.action_pages import mentioned
from bot.web.numbers import number
from bot.web.visits import Door, Visit

E = TypeVar("E", bound=StrEnum)

PAGE = 50
ACTIONS = 50
PIECE = 256 * 1024  # bytes of a picture in memory
SHOWN = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


@dataclass(frozen=True, slots=True)
class JobPages:
    """Looks at jobs; words and pictures of users are shown only where `show_content` says so."""

    store: Store
    media: MediaStore
    thumbnails: Thumbnails
    admin: AdminService
    models: Sequence[str]
    show_content: bool
    door: Door

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        job = "/admin/jobs/{job_id:number}"
        return [
            Route("/admin/jobs", guarded(self.list)),
            Route(job, guarded(self.show)),
            Route(f"{job}/pictures/{{position:number}}", guarded(self.picture)),
            Route(f"{job}/pictures/{{position:number}}/small", guarded(self.thumbnail)),
            Route(f"{job}/{{deed}}", guarded(self.act), methods=["POST"]),
        ]

    async def list(self, visit: Visit) -> Response:
        query = visit.request.query_params
        wanted, given = _wanted(query), query.get("user", "").strip()
        wrong = given[:40] if wanted.account_id is None else ""
        page, names = await self.store.read(_jobs_named, wanted, visit.before or NEWEST)
        kept = {name: value for name, value in query.items() if name in _FIELDS and value}
        older = (
            not wrong
            and page.older
            and f"/admin/jobs?{urlencode(kept | {'before': str(page.older)})}"
        )
        return visit.render(
            "jobs.html",
            jobs=[] if wrong else page.jobs,
            wrong=wrong,
            names=names,
            older=older,
            asked={name: query.get(name, "") for name in _FIELDS},
            states=list(JobState),
            outcomes=list(OutcomeKind),
            models=self.models,
        )

    async def show(self, visit: Visit) -> Response:
        job_id = visit.request.path_params["job_id"]
        story = await self.store.read(lambda tx: tx.reports.story(job_id))
        if story is None:
            return visit.missing()
        actions = await self.store.read(lambda tx: tx.actions.of(f"job:{job_id}", ACTIONS))
        seen = {story.job.chat_id, *(row["account_id"] for row in story.movements)}
        names = await self.store.read(
            lambda tx: tx.reports.names({story.job.account_id, *seen, *mentioned(actions)})
        )
        return visit.render(
            "job.html",
            story=story,
            names=names,
            job=story.job,
            actions=actions,
            under_way=[call["id"] for call in story.calls if _is_under_way(story.job, call)],
            content=self.show_content,
            shown=SHOWN,
            spoken=SPOKEN,
            may_cancel=story.job.outcome is None,
            may_retry=story.job.ended_at is not None and story.job.outcome != OutcomeKind.DRAWN,
            may_refund=_is_charged(story),
        )

    async def act(self, visit: Visit) -> Response:
        """Retry, cancel or refund."""
        job_id, deed = visit.request.path_params["job_id"], visit.request.path_params["deed"]
        deeds = {
            "retry": self.admin.retry,
            "cancel": self.admin.cancel,
            "refund": self.admin.refund,
        }
        if deed not in deeds:
            return visit.missing()
        try:
            result: str = await deeds[deed](visit.actor, job_id)
        except LimitReached:
            result = "limit"
        return visit.back(
            f"/admin/jobs/{job_id}", "not_failed" if result == AdminResult.REFUSED else result
        )

    async def picture(self, visit: Visit) -> Response:
        """Give a picture's file, where a browser cannot be harmed by it."""
        found = await self._allowed(visit)
        if found is None or (size := await self.media.size(found.sha256)) is None:
            return visit.missing()
        pieces = self.media.read(found.sha256, PIECE)
        return StreamingResponse(
            pieces, headers={"Content-Length": f"{size}"}, media_type=found.mime
        )

    async def thumbnail(self, visit: Visit) -> Response:
        found = await self._allowed(visit)
        small = await self.thumbnails.of(found.sha256) if found else None
        return Response(small, media_type="image/webp") if small else visit.missing()

    async def _allowed(self, visit: Visit) -> Picture | None:
        """Find a picture that may be shown."""
        job_id, position = (visit.request.path_params[name] for name in ("job_id", "position"))
        if not self.show_content:
            return None
        pictures = await self.store.read(lambda tx: tx.pictures.of_job(job_id))
        found = [one for one in pictures if one.position == position]
        return found[0] if found and found[0].mime in SHOWN and not found[0].deleted else None


_FIELDS = ("state", "outcome", "user", "model", "since", "until")


def _jobs_named(tx: Transaction, wanted: JobFilter, before: int) -> tuple[JobPage, dict[int, str]]:
    page = tx.reports.jobs(wanted, before, PAGE)
    return page, tx.reports.names({job.account_id for job in page.jobs})


def _wanted(query: Mapping[str, str]) -> JobFilter:
    """Read a filter; what is no value of its field is not asked for."""
    return JobFilter(
        state=_word(JobState, query.get("state")),
        outcome=_word(OutcomeKind, query.get("outcome")),
        account_id=number(query.get("user", "").strip()),
        model=query.get("model") or None,
        since=_day(query.get("since", "")),
        until=_day(query.get("until", ""), 1),
    )


def _word(words: type[E], given: str | None) -> E | None:
    return words(given) if given in set(words) else None


def _day(given: str, later: int = 0) -> datetime | None:
    """Give the beginning of a day such as 2026-11-22, or of one `later`; None where it is none."""
    try:
        return datetime.combine(date.fromisoformat(given) + timedelta(days=later), time(), UTC)
    except (ValueError, OverflowError):
        return None


def _is_under_way(job: Job, call: Mapping[str, Any]) -> bool:
    """Whether the job waits for a call still, and not one that an earlier claim has left behind."""
    running = job.state is JobState.RUNNING and call["claim"] == job.claim
    return running and call["ended_at"] is None


def _is_charged(story: JobStory) -> bool:
    kinds = {row["kind"] for row in story.movements}
    return "settle" in kinds and "refund" not in kinds
