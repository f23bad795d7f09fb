"""The queue's rows, on Postgres: put in by the transaction that makes a job ready for a worker.

The tables and functions are procrastinate's (migrations/versions/0012_queue.sql). A row says which
job may be worked on; whether it still may is said by the job's claim alone. Of one job's rows that
of the newest claim goes first, and none begins before another has ended.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from bot.domain import Wake
from bot.storage.repository import Repository

DRAWING, SAYING = "draw", "say"  # the queues: what is said waits for nothing that is drawn
TASK = "work"
STALLED = 20.0  # seconds without a heartbeat after which a worker is taken for dead
PAGE = 500

_PUT = text(f"""
SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
    CASE WHEN said THEN '{SAYING}' ELSE '{DRAWING}' END, '{TASK}', claim, 'job ' || id, NULL,
    jsonb_build_object('job_id', id, 'claim', claim, 'said', said),
    now() + make_interval(secs => CAST(NULLIF(:seconds, 0) AS double precision))
)::procrastinate_job_to_defer_v1 ORDER BY place))
FROM unnest(CAST(:ids AS bigint[]), CAST(:claims AS integer[]), CAST(:saids AS boolean[]))
    WITH ORDINALITY AS wakes(id, claim, said, place)
""")  # noqa: S608 - constants
_ABORT = text("""
UPDATE procrastinate_jobs SET abort_requested = true
WHERE lock = ANY(:locks) AND status = 'doing' AND NOT abort_requested
""")
# Whose worker is dead, and what an older version left behind.
_CLEAR = text("""
DELETE FROM procrastinate_jobs row WHERE status NOT IN ('todo', 'doing') OR (
    status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate_workers worker WHERE worker.id = row.worker_id
        AND last_heartbeat > clock_timestamp() - make_interval(secs => CAST(:stalled AS double precision))
    )
)
""")
_LOST = text("""
SELECT id, claim, state = 'rendered' FROM jobs
WHERE ended_at IS NULL AND dispatched AND NOT EXISTS (
    SELECT FROM procrastinate_jobs row WHERE row.lock = 'job ' || jobs.id
) ORDER BY id LIMIT :page
""")
_TURN = text("SELECT pg_try_advisory_xact_lock(7205830, hashtext(current_schema()))")
_CLAIMS = text("SELECT id, claim FROM jobs WHERE id = ANY(:ids)")
_HELD = text("""
SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = ANY(:workers)
""")
_DROP = text("DELETE FROM procrastinate_jobs WHERE status = 'doing' AND id = ANY(:rows)")


class DispatchedJobs(Repository):
    """Which jobs are to be worked on, for workers in any process."""

    def put(self, wakes: Sequence[Wake], seconds: float = 0) -> None:
        """Have jobs worked on after a while, once this is committed."""
        if not wakes:
            return
        ids = [wake.job_id for wake in wakes]
        claims = [wake.claim for wake in wakes]
        saids = [wake.said for wake in wakes]
        self._run(_PUT, ids=ids, claims=claims, saids=saids, seconds=seconds)

    def abort(self, wakes: Sequence[Wake]) -> None:
        """Have whoever works on these jobs stop, wherever that is."""
        if wakes:
            self._run(_ABORT, locks=[f"job {wake.job_id}" for wake in wakes])

    def find_lost(self, *, of_dead: bool = True) -> int:
        """Put in again what has no row, or that `of_dead` workers; tells how many, a page at most.

        One process at a time: where another looks, there is nothing to do.
        """
        if not self._value(_TURN):
            return 0
        if of_dead:
            self._run(_CLEAR, stalled=STALLED)
        lost = [Wake(*row) for row in self._run(_LOST, page=PAGE)]
        self.put(lost)
        return len(lost)

    def claims(self, job_ids: Sequence[int]) -> dict[int, int]:
        """Tell the claims of jobs that there are."""
        return {row.id: row.claim for row in self._run(_CLAIMS, ids=list(job_ids))}

    def held(self, workers: Sequence[int]) -> set[int]:
        """List the rows that workers have taken and not ended."""
        return set(self._run(_HELD, workers=list(workers)).scalars())

    def drop(self, rows: Sequence[int]) -> None:
        """Give up rows that were taken and are worked on by nobody."""
        self._run(_DROP, rows=list(rows))
