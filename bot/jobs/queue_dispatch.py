"""The queue on Postgres, for any number of processes: procrastinate says who runs what when.

Correctness lives in the job rows here, too. A worker whose heartbeat stops is taken for dead: what
it ran is run by another, and where it only slept, it finds its claims lost when it wakes up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import structlog
from procrastinate import App, JobContext, PsycopgConnector, sql
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker as QueueWorker
from psycopg_pool import AsyncConnectionPool

from bot.domain import StorageUnavailable, Wake
from bot.jobs.dispatch import SAYING as SAID_AT_ONCE
from bot.jobs.dispatch import Perform, Slot
from bot.storage.dispatched import DRAWING, PAGE, SAYING, STALLED, TASK
from bot.storage.engine import Store
from bot.storage.postgres import KEEPALIVES, conninfo, is_outage
from bot.storage.transaction import Transaction

T = TypeVar("T")

log = structlog.get_logger(__name__)

LOOK = 4.0  # seconds between two heartbeats
STEADY = 10.0  # seconds without an outage, before anybody is taken for dead
DELAYED, ANSWER = 1.0, 0.5  # seconds between two looks for what is due, and for what is to be said
PAUSE = 1.0  # seconds before the database is asked again
CONNECTIONS = 4  # beside those of the store, and one to listen for each queue
FOR_EVER = 86_400.0  # of workers' rows: that of one that sleeps must be there when it wakes up


@dataclass(frozen=True, slots=True)
class _Run:
    wake: Wake
    task: asyncio.Task[Any]


class QueueDispatch:
    """Runs at most `limit` jobs at once in this process; with none it only hands them on."""

    def __init__(self, store: Store, url: str, limit: int) -> None:
        self._store, self._limit = store, limit
        self._database = _Database(conninfo(url))
        self._app = App(connector=self._database)
        self._app.task(name=TASK, pass_context=True)(self._work)
        self._perform: Perform | None = None
        self._running: dict[int, _Run] = {}  # by the number of the queue's row
        self._workers: dict[str, QueueWorker] = {}
        self._serving: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._looked = self._steady_since = float("-inf")
        self._idle_rows: set[int] = set()
        self._stopping = False

    @property
    def is_alive(self) -> bool:
        return self._stopping or self._serving is None or not self._serving.done()

    @property
    def is_current(self) -> bool:
        return _clock() - self._looked < STALLED / 2

    def start(self, perform: Perform) -> None:
        self._perform = perform
        if self._limit:
            self._serving = asyncio.create_task(self._serve(), name="queue")
            self._watching = asyncio.create_task(self._watch(), name="heartbeat of the queue")

    async def recover(self) -> None:
        while await self._store.write(lambda tx: tx.dispatched.find_lost(of_dead=False)) == PAGE:
            pass

    @contextmanager
    def slot(self) -> Iterator[Slot | None]:
        yield None

    def wake_in(self, tx: Transaction, wakes: Sequence[Wake]) -> None:
        tx.dispatched.put(wakes)

    def later_in(self, tx: Transaction, wake: Wake, seconds: float) -> None:
        tx.dispatched.put([wake], seconds)

    def interrupt_in(self, tx: Transaction, wakes: Sequence[Wake]) -> None:
        tx.dispatched.abort(wakes)
        tx.dispatched.put([Wake(wake.job_id, wake.claim, said=True) for wake in wakes])

    def restart_in(self, tx: Transaction, wakes: Sequence[Wake], seconds: float) -> None:
        tx.dispatched.abort(wakes)
        tx.dispatched.put(wakes, seconds)

    def runs(self, job_id: int) -> bool:
        return any(run.wake.job_id == job_id for run in self._running.values())

    async def drain(self, seconds: float) -> None:
        self._stopping = True
        if self._serving is None:
            return
        for worker in self._workers.values():
            worker.shutdown_graceful_timeout = seconds
            worker.stop()
        await asyncio.wait([self._serving], timeout=seconds + LOOK)
        self._database.patient = False
        self._serving.cancel()
        await asyncio.wait([self._serving], timeout=LOOK)
        if self._watching:
            self._watching.cancel()
        with suppress(StorageUnavailable):  # then they are found when the heartbeat has lapsed
            if handed_back := await self._store.write(
                lambda tx: tx.dispatched.find_lost(of_dead=False)
            ):
                log.warning("jobs handed back unfinished", jobs=handed_back)
        await self._app.close_async()

    async def _serve(self) -> None:
        while not self._stopping:
            try:
                await self._app.open_async()
                break
            except Exception as error:  # noqa: BLE001 - the loop's edge
                log.warning("the queue cannot be opened", error=type(error).__name__)
                await self._app.close_async()
                await asyncio.sleep(PAUSE)
        await asyncio.gather(
            self._work_off(DRAWING, self._limit, DELAYED),
            self._work_off(SAYING, SAID_AT_ONCE, ANSWER),
        )

    async def _work_off(self, queue: str, concurrency: int, interval: float) -> None:
        """Work on what is in a queue; whatever ends that, it begins again."""
        while not self._stopping:
            self._workers[queue] = worker = QueueWorker(
                self._app,
                queues=[queue],
                name=queue,
                concurrency=concurrency,
                fetch_job_polling_interval=interval,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=LOOK,
                stalled_worker_timeout=FOR_EVER,
            )
            try:
                await worker.run()
            except Exception:  # the loop's edge
                log.exception("the queue's worker has ended", queue=queue)
            if not self._stopping:
                await asyncio.sleep(PAUSE)

    async def _work(self, context: JobContext, job_id: int, claim: int, said: bool) -> None:  # noqa: FBT001 - as the row has it
        row, task, wake = context.job.id, asyncio.current_task(), Wake(job_id, claim, said=said)
        if row is None or task is None or self._perform is None:
            return
        self._running[row] = _Run(wake, task)
        try:
            await self._perform(wake)
        except Exception:  # the loop's edge: a job's failure is its own
            log.exception("job failed unexpectedly", job=job_id)
        finally:
            del self._running[row]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._look()
            except (StorageUnavailable, ConnectorException) as error:
                self._looked = float("-inf")
                log.warning("no heartbeat can be given", error=type(error).__name__)
            except Exception:  # the loop's edge
                log.exception("a look at the queue failed")

    async def _look(self) -> None:
        """Say that this process lives, and see that it works on what is its own and nothing else."""
        workers = [one.worker_id for one in self._workers.values() if one.worker_id is not None]
        for worker in workers:  # those, too, that only end what they have begun
            await self._app.job_manager.update_heartbeat(worker)
        running = dict(self._running)
        ids = [run.wake.job_id for run in running.values()]
        claims, held = await self._store.read(
            lambda tx: (tx.dispatched.claims(ids), tx.dispatched.held(workers))
        )
        if _clock() - self._looked > STALLED / 2:
            self._steady_since = _clock()
        self._looked = _clock()
        for run in running.values():
            if claims.get(run.wake.job_id) not in (run.wake.claim, run.wake.claim + 1):
                run.task.cancel()  # another has taken it over, or it is called off
        idle = held - running.keys() - self._running.keys()
        forgotten, self._idle_rows = idle & self._idle_rows, idle
        if forgotten:  # the database took them out for us, and its answer was lost
            await self._store.write(lambda tx: tx.dispatched.drop(list(forgotten)))
        # After an outage all heartbeats are old: whoever lives has the time to give the next one.
        steady = self._looked - self._steady_since > STEADY
        if lost := await self._store.write(lambda tx: tx.dispatched.find_lost(of_dead=steady)):
            log.warning("jobs found that nobody worked on", jobs=lost)


class _Database(PsycopgConnector):
    """The queue's connections; while the database does not answer, it is asked again and again."""

    def __init__(self, conninfo: str) -> None:
        super().__init__(
            conninfo=conninfo,
            pool_factory=_unasked,
            min_size=1,
            max_size=CONNECTIONS,
            kwargs=KEEPALIVES,
            configure=_one_statement_a_transaction,
        )
        self.patient = True

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:  # noqa: ANN401 - as its base
        ask = super().execute_query_async
        try:
            await self._patiently(lambda: ask(query, **arguments))
        except ConnectorException:
            if query != sql.queries["finish_job"]:
                raise
            log.info("what has ended here was taken over by another worker")

    async def execute_query_one_async(
        self,
        query: LiteralString,
        **arguments: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        ask = super().execute_query_one_async
        return await self._patiently(lambda: ask(query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        listen = super().listen_notify
        await self._patiently(lambda: listen(on_notification, channels))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except ConnectorException as error:
                if not (self.patient and is_outage(error.__cause__)):
                    raise
            await asyncio.sleep(PAUSE)


def _unasked(**given: Any) -> AsyncConnectionPool:  # noqa: ANN401 - as the queue has it
    """Have no connection asked whether it lives before each statement: a lost one is asked again."""
    return AsyncConnectionPool(**(given | {"check": None}))


async def _one_statement_a_transaction(connection: Any) -> None:  # noqa: ANN401 - the driver's
    """Have who is stopped between two statements hold no row."""
    await connection.set_autocommit(True)


def _clock() -> float:
    return asyncio.get_running_loop().time()
