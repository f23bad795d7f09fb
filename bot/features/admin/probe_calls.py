"""Probes in the books: calls that operators pay for to see how a model does, each row before its call.

What they cost is the bot's: it is in its figures, and in the usage of nobody.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from bot.catalogue.profiles import Profile
from bot.domain import CallReport, Drawn, Picture
from bot.domain.administration import Action, AdminVerb
from bot.gateway.client import GatewayClient
from bot.gateway.request import ImageRequest
from bot.jobs.call_recorder import persist
from bot.storage.columns import CallKind
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

PROMPT = "A small red circle on a white ground."
AN_HOUR, HOUR = 20, 3600.0  # probes in so many seconds: a finger that is stuck is not paid for
LISTED = 20


class ProbeStart(StrEnum):
    """Whether a probe was begun."""

    BEGUN = "probe_begun"
    BUSY = "probe_busy"
    OFTEN = "probe_often"
    PHOTO = "probe_photo"  # the model makes no picture of words alone


@dataclass(frozen=True, slots=True)
class ProbeBooks:
    """Writes a probe's rows, its action's with the one of its call."""

    store: Store
    clock: Callable[[], datetime]

    async def begin(self, actor: str, profile: Profile, host: str, route: str) -> int:
        """Commit that a call is about to be made; returns its id."""
        return await self.store.write(self._begin, actor, profile.id, host, route)

    def _begin(self, tx: Transaction, actor: str, model: str, host: str, route: str) -> int:
        at, (way, _, user) = self.clock(), actor.partition(":")
        account = 0 if way == "cli" else int(user)
        call_id = tx.calls.start_probe(account, model, host, route, at)
        made = {"before": {}, "after": {"call": call_id}}
        tx.actions.add(actor, AdminVerb.PROBE, f"model:{model}", at, **made)
        return call_id

    async def end(self, call_id: int, profile: Profile, report: CallReport) -> None:
        """Commit what it came to, as long as that takes."""

        def end(tx: Transaction) -> None:
            if tx.calls.finish(call_id, report, self.clock()):
                kind = CallKind.PROBE.value
                tx.after_commit(self.store.meter.call_ended, kind, profile.id, report)

        problem = "what a probe brought cannot be kept yet"
        await persist(lambda: self.store.write(end), problem, call=call_id)

    async def latest(self, model: str) -> list[tuple[Action, Mapping[str, Any]]]:
        """List a model's latest probes, the last one first: who made them, and the rows of the calls."""
        return await self.store.read(_latest, model)


def _latest(tx: Transaction, model: str) -> list[tuple[Action, Mapping[str, Any]]]:
    actions = tx.actions.of(f"model:{model}", 5 * LISTED)  # it was switched and placed, too
    made = [one for one in actions if one.verb is AdminVerb.PROBE][:LISTED]
    calls = tx.calls.by_ids([int(one.after["call"] or 0) for one in made])
    return [(one, calls[int(one.after["call"] or 0)]) for one in made]


@dataclass(slots=True)
class Probes:
    """Makes probes with the clients of the bot that runs, one at a time; `clock` in seconds.

    `pictures` are those of the latest, by call, whose files the cleanup deletes within a day or two.
    """

    books: ProbeBooks
    gateways: Mapping[str, GatewayClient]
    clock: Callable[[], float]
    pictures: OrderedDict[int, Sequence[Picture]] = field(default_factory=OrderedDict)
    under_way: int | None = None  # a call's id; 0 until it has one
    _begun: deque[float] = field(default_factory=lambda: deque(maxlen=AN_HOUR))
    _task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def ending(self) -> AsyncIterator[None]:
        """Break off at the block's end what is under way: its row says that it may have been billed."""
        try:
            yield
        finally:
            if self._task:
                self._task.cancel()
                await asyncio.wait([self._task])

    async def begin(self, actor: str, profile: Profile) -> ProbeStart:
        """Commit a probe's rows, and have it made; raises StorageUnavailable where nothing was begun."""
        if profile.route is None:
            return ProbeStart.PHOTO
        if self.under_way is not None:
            return ProbeStart.BUSY
        now = self.clock()
        if len(self._begun) == AN_HOUR and now - self._begun[0] < HOUR:
            return ProbeStart.OFTEN
        self._begun.append(now)
        self.under_way, gateway = 0, self.gateways[profile.gateway]
        try:
            call_id = await self.books.begin(actor, profile, gateway.host, str(profile.route))
        except BaseException:
            self.under_way = None
            raise
        self.under_way = call_id
        self._task = asyncio.create_task(self._make(call_id, profile, gateway), name="probe")
        return ProbeStart.BEGUN

    async def _make(self, call_id: int, profile: Profile, gateway: GatewayClient) -> None:
        try:
            answer = await gateway.generate(ImageRequest(PROMPT, profile))
            if isinstance(answer.outcome, Drawn):
                self.pictures[call_id] = answer.outcome.pictures
                while len(self.pictures) > LISTED:
                    self.pictures.popitem(last=False)
            await self.books.end(call_id, profile, answer.report)
        except Exception:  # the task's edge: the row stays without an end
            log.exception("a probe failed", call=call_id)
        finally:
            self.under_way = None
