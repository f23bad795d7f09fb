"""Probes in the books: calls that operators pay for to see how a model does, each row before its call.

What they cost is the bot's: it is in its figures, and in the usage of nobody.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
AN_HOUR, HOUR = 20, timedelta(hours=1)  # so many probes: a finger that is stuck is not paid for
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

    async def begin_alone(
        self, actor: str, profile: Profile, host: str, route: str, longest: timedelta
    ) -> int | ProbeStart:
        """Do the same where none is under way, of any process, and there were not too many."""

        def begin(tx: Transaction) -> int | ProbeStart:
            tx.decisions.take_turn()
            if self._under_way(tx, longest) is not None:
                return ProbeStart.BUSY
            if len(tx.actions.since(AdminVerb.PROBE, self.clock() - HOUR, AN_HOUR)) == AN_HOUR:
                return ProbeStart.OFTEN
            return self._begin(tx, actor, profile.id, host, route)

        return await self.store.write(begin)

    async def under_way(self, longest: timedelta) -> int | None:
        """Name the call that is being made; one that began `longest` ago has died with its process."""
        return await self.store.read(self._under_way, longest)

    def _under_way(self, tx: Transaction, longest: timedelta) -> int | None:
        begun = tx.actions.since(AdminVerb.PROBE, self.clock() - longest, LISTED)
        open_calls = (call["id"] for _, call in _called(tx, begun) if call["ended_at"] is None)
        return next(open_calls, None)

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
    return _called(tx, made)


def _called(tx: Transaction, made: Sequence[Action]) -> list[tuple[Action, Mapping[str, Any]]]:
    """Pair probes with the rows of their calls."""
    calls = tx.calls.by_ids([int(one.after["call"] or 0) for one in made])
    return [(one, calls[int(one.after["call"] or 0)]) for one in made]


@dataclass(slots=True)
class Probes:
    """Makes probes with the clients of the bot that runs, of all processes one at a time.

    `pictures` are those of the latest, by call, whose files the cleanup deletes within a day or two.
    """

    books: ProbeBooks
    gateways: Mapping[str, GatewayClient]
    pictures: OrderedDict[int, Sequence[Picture]] = field(default_factory=OrderedDict)
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
        gateway, route = self.gateways[profile.gateway], str(profile.route)
        begun = await self.books.begin_alone(actor, profile, gateway.host, route, self._longest())
        if isinstance(begun, ProbeStart):
            return begun
        self._task = asyncio.create_task(self._make(begun, profile, gateway), name="probe")
        return ProbeStart.BEGUN

    async def under_way(self) -> int | None:
        """Name the call that is being made, by this process or another."""
        return await self.books.under_way(self._longest())

    def _longest(self) -> timedelta:
        return timedelta(seconds=max(one.timeout for one in self.gateways.values()))

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
