"""Checks by the clock: what an operator should hear of before his users tell him."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.config import Settings
from bot.domain import OutcomeKind
from bot.domain.administration import AdminVerb
from bot.features.admin.alerts import AdminAlerts
from bot.features.admin.books import audit_and_keep
from bot.features.admin.missing_pictures import newest_are_gone
from bot.features.admin.thresholds import newest_backup, room_in
from bot.gateway.client import GatewayClient
from bot.media.store import MediaStore
from bot.storage.calls import LONGEST_CALL
from bot.storage.engine import Store
from bot.storage.messages import KEPT
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

PAUSE, ROUNDS = 20.0, 15  # seconds between two rounds; each 15th looks at database and disk
WINDOW = timedelta(minutes=30)  # calls that are compared with those before
CALLS, ENOUGH = 2000, 10  # the newest calls; fewer in the window tell nothing
HALF, FIFTH, TIMES = 0.5, 0.2, 3.0  # failing: half of them, or a fifth that is thrice the usual
PATIENCE = timedelta(minutes=10)  # that a picture may wait for room
LATELY = timedelta(days=1)  # that a schema is new
GRACE = timedelta(hours=1)  # after a start, in which the first backup may be under way
# What is no fault of a gateway's, or has an alarm of its own.
_NO_FAULT = frozenset(
    {
        OutcomeKind.DRAWN,
        OutcomeKind.REFUSED,
        OutcomeKind.TEXT_ONLY,
        OutcomeKind.BAD_INPUT,
        OutcomeKind.TOO_LARGE,
        OutcomeKind.CANCELLED,
        OutcomeKind.EXPIRED,
        OutcomeKind.INTERRUPTED,
        OutcomeKind.UNDELIVERABLE,
        OutcomeKind.OUT_OF_MONEY,
        OutcomeKind.BAD_KEY,
        OutcomeKind.NO_ROOM,
    }
)


@dataclass(frozen=True, slots=True)
class Failing:
    """Parts of the calls that failed, from 0 to 1: lately, and before; and most often how."""

    lately: float
    usually: float
    kind: OutcomeKind


def failing(calls: Sequence[tuple[datetime, OutcomeKind]], at: datetime) -> Failing | None:
    """Tell whether calls fail more often than usual; None where not, or too few were made."""
    lately = [kind for ended, kind in calls if ended > at - WINDOW]
    before = [kind for ended, kind in calls if ended <= at - WINDOW]
    faults = Counter(kind for kind in lately if kind not in _NO_FAULT)
    if len(lately) < ENOUGH or not faults:
        return None
    part = faults.total() / len(lately)
    usually = sum(kind not in _NO_FAULT for kind in before) / len(before) if before else 0.0
    if part < FIFTH or (part < usually * TIMES and (part < HALF or usually >= HALF)):
        return None
    return Failing(part, usually, faults.most_common(1)[0][0])


@dataclass(slots=True)
class Checks:
    """Looks at everything in turn; what is wrong is told by `alerts`, each once a period."""

    alerts: AdminAlerts
    store: Store
    gateways: Mapping[str, GatewayClient]
    settings: Settings
    media: MediaStore
    _since: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.alerts.clock()

    async def run(self) -> None:
        await self._guarded(self._look_at_disk)
        await self._guarded(self._look_at_pictures)
        await self._guarded(self.look_at_gateways)
        number = 0
        while True:
            await asyncio.sleep(PAUSE)
            number += 1
            thoroughly = number % ROUNDS == 0 and self.store.leader.leads
            await self._guarded(partial(self.look, thoroughly=thoroughly))

    async def _guarded(self, look: Callable[[], Awaitable[None]]) -> None:
        try:
            await look()
        except Exception as error:  # noqa: BLE001 - the loop's edge: the next round looks again
            log.warning("a check failed", error=type(error).__name__, reason=str(error))

    async def look_at_gateways(self) -> None:
        """Warn of one that refuses its key or does not answer, before anybody's picture fails by it."""
        for gateway in self.gateways.values():
            if wrong := await gateway.complaint():
                log.warning("the gateway is not ready", gateway=gateway.host, reason=wrong.detail)
                if wrong.kind is OutcomeKind.BAD_KEY:
                    await self.alerts.warn(wrong.kind)

    async def look(self, *, thoroughly: bool) -> None:
        for name, gateway in self.gateways.items():
            left_alone = [name] if gateway.open_for() else []
            left_alone += [f"{name}/{model}" for model in gateway.open_models()]
            if left_alone:
                await self.alerts.warn("resting", gateway=", ".join(left_alone))
        if not self.media.answers():
            await self.alerts.warn("bucket")
        if thoroughly:
            await self._look_at_jobs()
            await self._look_at_disk()
            await self._look_at_pictures()
            await self._look_at_schema()
            await self._look_at_backups()
            await self._look_at_books()

    async def _look_at_jobs(self) -> None:
        at = self.alerts.clock()

        def read(
            tx: Transaction,
        ) -> tuple[list[tuple[datetime, OutcomeKind]], datetime | None, list[int]]:
            unfinished = tx.calls.unfinished(1000)
            lost = [one.id for one in unfinished if at - one.started_at > LONGEST_CALL]
            return tx.statistics.ended_calls(CALLS), tx.statistics.waits_since(), lost

        calls, waits_since, lost = await self.store.read(read)
        if found := failing(calls, at):
            lately, usually = f"{found.lately:.0%}", f"{found.usually:.0%}"
            kind = found.kind.replace("_", " ")
            await self.alerts.warn("failing", lately=lately, usually=usually, kind=kind)
        if waits_since and at - waits_since > PATIENCE:
            minutes = int((at - waits_since).total_seconds() // 60)
            await self.alerts.warn("crowded", minutes=minutes)
        if lost:
            once = f"{KEPT}lost calls:{max(lost)}"  # of each they hear but once
            await self.alerts.warn("lost_calls", once=once, calls=len(lost))

    async def _look_at_disk(self) -> None:
        if self.media.root.is_dir():
            room = await asyncio.to_thread(room_in, self.media.root, self.settings)
            if room.low:
                await self.alerts.warn("disk", free=room.free, least=room.least)

    async def _look_at_pictures(self) -> None:
        settings = self.settings
        if await newest_are_gone(self.store, self.media, settings.media_retention_days):
            await self.alerts.warn("no_pictures", place=settings.media_url)

    async def _look_at_schema(self) -> None:
        """Tell of a database that was brought up, perhaps beside processes of the older version."""
        since = self.alerts.clock() - LATELY
        for done in await self.store.read(lambda tx: tx.actions.since(AdminVerb.MIGRATE, since, 1)):
            after, before = done.after.get("schema"), done.before.get("schema")
            once = f"{KEPT}schema:{after}"
            await self.alerts.warn("schema", once=once, after=after, before=before)

    async def _look_at_backups(self) -> None:
        every, at = timedelta(hours=self.settings.backup_every), self.alerts.clock()
        if not every or at - self._since < GRACE:
            return
        newest = await asyncio.to_thread(newest_backup, self.settings, at)
        if newest.late:
            hours = int((at - newest.made_at if newest.made_at else every).total_seconds() // 3600)
            await self.alerts.warn("old_backup", hours=hours)

    async def _look_at_books(self) -> None:
        """Audit once a day: that reads all the ledger, in parts."""
        at = self.alerts.clock()
        if not await self.store.write(lambda tx: tx.keys.add(f"audited:{at.date()}", at)):
            return
        if found := await audit_and_keep(self.store, at):
            log.error("the books do not agree", differences=len(found), first=found[0])
            await self.alerts.warn("books", n=len(found))
