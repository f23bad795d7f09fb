"""The leader: of the processes on one database, the one that does what only one may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

Lead = Callable[[], Awaitable[object]]


class Leader(Protocol):
    """Whether this process leads, and what it does while it does."""

    @property
    def leads(self) -> bool:
        """False before another one may have begun to lead."""
        ...

    @property
    def is_sole(self) -> bool:
        """Whether no other process can be on this database."""
        ...

    async def run(self, lead: Lead) -> None:
        """Run `lead` while this process leads: cancelled where that ends, begun anew where it returns.

        Ends where `lead` does, and raises what it raises; StorageLost where another program has
        taken the database for itself.
        """
        ...

    async def resign(self) -> None:
        """Leave the lead to another one, at a stop."""
        ...


class SoleProcess:
    """SQLite's one process leads as long as it runs."""

    leads = is_sole = True

    async def run(self, lead: Lead) -> None:
        await lead()

    async def resign(self) -> None: ...
