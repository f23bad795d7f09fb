"""Metrics for Prometheus: counted at the bot's borders, the rest read when somebody asks.

No label tells of a person or a chat. docs/metrics.md is made of this file.
"""

from __future__ import annotations

import asyncio
import platform
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    disable_created_metrics,
)

from bot.domain import CallReport, Job, JobState, MediaUnavailable, Meter
from bot.media.store import MediaStore
from bot.storage.sqlite_copy import may_lose_writes

PREFIX = "picturebot_"
PICTURE_SECONDS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
SHORT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LAG_SECONDS = (1, 2, 3, 5, 10, 30, 60, 300, 3600)  # Telegram tells whole seconds
LOOK_SECONDS = 1.0  # between two looks how late the event loop is
WEIGH_SECONDS = 3600.0  # between two looks at all files

# A further series for each, of which nobody asks.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there

M = TypeVar("M", Counter, Gauge, Histogram, Summary)


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric as documents tell of it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class BotMetrics(Meter):
    """Every metric of the bot, in a registry of its own."""

    def __init__(self) -> None:
        self.registry, self.declared = CollectorRegistry(), list[Declared]()
        self._jobs_ended = self._counter(
            "jobs_ended", "Jobs that have ended.", "state", "outcome", "model"
        )
        self._picture_seconds = self._histogram(
            "picture_seconds",
            "Seconds of jobs that were delivered: waiting, gateway (calls and what is between "
            "them), delivery, and total.",
            PICTURE_SECONDS,
            "phase",
        )
        self._calls = self._counter(
            "gateway_calls",
            "Calls of gateways that have ended; kind is image, voice, rewrite or probe.",
            *("kind", "model", "outcome"),
        )
        self._call_seconds = self._histogram(
            "gateway_call_seconds", "Seconds of a gateway's call.", PICTURE_SECONDS, "kind"
        )
        self._cost = self._counter(
            "cost", "What calls cost, where that is known, in the currency.", "currency", "model"
        )
        self._unpriced = self._counter("calls_unpriced", "Calls whose cost nobody tells.")
        self._telegram = self._counter(
            "telegram_calls",
            "Calls of Telegram; result is an HTTP status (429 is flood control), or failed or "
            "cancelled without one.",
            *("method", "result"),
        )
        self._telegram_seconds = self._summary(
            "telegram_call_seconds", "Seconds of Telegram's calls; a poll is held for 50.", "method"
        )
        self._update_lag = self._histogram(
            "update_lag_seconds", "From a message's moment until it was taken.", LAG_SECONDS
        )
        self._write_wait = self._histogram(
            "database_write_wait_seconds",
            "What a transaction that writes waited for its turn.",
            SHORT_SECONDS,
        )
        self._commit = self._histogram(
            "database_commit_seconds",
            "What is committed together, from its beginning to the disk.",
            SHORT_SECONDS,
        )
        self._loop_lag = self._histogram(
            "loop_lag_seconds", "How late the event loop comes to what is due.", SHORT_SECONDS
        )
        self.jobs = self._gauge("jobs", "Jobs that have not ended.", "state")
        self.queue_jobs = self._gauge("queue_jobs", "Jobs that nobody has begun.")
        self.queue_oldest = self._gauge(
            "queue_oldest_seconds", "How long the oldest job waits that nobody has begun."
        )
        self.calls_unknown = self._gauge(
            "calls_unknown", "Calls whose end nobody saw, perhaps billed; 1000 are counted."
        )
        self.circuit_open = self._gauge(
            "circuit_open",
            "1 from too many failures in a row until a call gets through: of a gateway, or with a model "
            "of one model of it.",
            *("gateway", "model"),
        )
        self.up = self._gauge(
            "up",
            "1 while this part is well: database, telegram, polling, dispatcher, disk, bucket (MEDIA_URL).",
            "part",
        )
        self.leads = self._gauge(
            "leader", "1 in the process that does what only one may; their sum is to be 1."
        )
        self.silence = self._gauge(
            "telegram_silence_seconds", "Since Telegram last answered a poll."
        )
        self.media_bytes = self._gauge(
            "media_bytes", "Bytes of all files of the media store, looked at each hour."
        )
        self.disk_free = self._gauge("disk_free_bytes", "Bytes free on the disk of the pictures.")
        self.backup_made = self._gauge(
            "backup_timestamp_seconds", "When the newest backup in BACKUP_DIR was made; 0 is never."
        )
        self._build = self._gauge(
            "build_info", "1; the labels tell the versions.", "version", "python", "sqlite"
        )
        self._may_lose_writes = self._gauge(
            "sqlite_wal_reset_fault",
            "1 where this SQLite may lose writes (sqlite.org/wal.html#walresetbug).",
        )

    def job_ended(self, job: Job) -> None:
        model = job.drawn_by or job.request.model
        self._jobs_ended.labels(str(job.state), str(job.outcome), model).inc()
        if job.state is JobState.DELIVERED and job.started_at and job.rendered_at and job.ended_at:
            moments = (job.created_at, job.started_at, job.rendered_at, job.ended_at)
            spans = [(end - start).total_seconds() for start, end in pairwise(moments)]
            phases = zip(("waiting", "gateway", "delivery"), spans, strict=True)
            for phase, seconds in (*phases, ("total", sum(spans))):
                self._picture_seconds.labels(phase).observe(max(0.0, seconds))

    def call_ended(self, kind: str, model: str, report: CallReport) -> None:
        self._calls.labels(kind, model, str(report.kind)).inc()
        if report.latency_ms:
            self._call_seconds.labels(kind).observe(report.latency_ms / 1000)
        cost = report.usage.cost
        if cost.micros is None:
            self._unpriced.inc()
        else:
            self._cost.labels(cost.currency, model).inc(cost.micros / 1_000_000)

    def telegram_called(self, method: str, result: str, seconds: float) -> None:
        self._telegram.labels(method, result).inc()
        self._telegram_seconds.labels(method).observe(seconds)

    def update_taken(self, seconds: float) -> None:
        self._update_lag.observe(seconds)

    def write_waited(self, seconds: float) -> None:
        self._write_wait.observe(seconds)

    def committed(self, seconds: float) -> None:
        self._commit.observe(seconds)

    def tell_build(self, version: str) -> None:
        self._build.labels(version, platform.python_version(), sqlite3.sqlite_version).set(1)
        self._may_lose_writes.set(may_lose_writes())

    @asynccontextmanager
    async def watching(self, media: MediaStore) -> AsyncIterator[None]:
        """Watch what nobody tells: how late the event loop is, how large the media store."""
        loops = (self._watch_loop(), self._weigh(media))
        tasks = [asyncio.create_task(loop, name="metrics") for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self._loop_lag.observe(max(0.0, loop.time() - due))

    async def _weigh(self, media: MediaStore) -> None:
        while True:
            with suppress(MediaUnavailable):  # it stays what it was
                self.media_bytes.set(await media.weigh())
            await asyncio.sleep(WEIGH_SECONDS)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return self._declare(Counter, "counter", name, text, labels)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return self._declare(Gauge, "gauge", name, text, labels)

    def _summary(self, name: str, text: str, *labels: str) -> Summary:
        return self._declare(Summary, "summary", name, text, labels)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        self._note("histogram", name, text, labels)
        return Histogram(PREFIX + name, text, labels, buckets=buckets, registry=self.registry)

    def _declare(self, make: type[M], kind: str, name: str, text: str, labels: Sequence[str]) -> M:
        self._note(kind, name + "_total" * (kind == "counter"), text, labels)
        return make(PREFIX + name, text, labels, registry=self.registry)

    def _note(self, kind: str, name: str, text: str, labels: Sequence[str]) -> None:
        self.declared.append(Declared(PREFIX + name, kind, tuple(labels), text))
