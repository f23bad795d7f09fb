"""Pending: messages that are not yet jobs: albums, questions, voices, prompts to be made better.

One row for each message and kind. `payload` is the message as it came; what may change since is in
columns of its own, which are looked for and win. A row stays when it is closed, until it is pruned:
a reply finds its pictures again, and a repeated update is known by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, not_, or_

from bot.domain import OutcomeKind
from bot.storage.kinds import PendingKind, PendingState
from bot.storage.pending.albums import PendingAlbums
from bot.storage.pending.message import CLOSED, LIVE, OWN
from bot.storage.pending.questions import PendingAsks
from bot.storage.pending.texts import PendingRewrites, PendingVoices
from bot.storage.repository import Repository
from bot.storage.tables import PENDING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["PendingAlbums", "PendingAsks", "PendingMessages", "PendingRewrites", "PendingVoices"]

_C = PENDING.c


class PendingMessages(Repository):
    """What is done to all kinds at once."""

    __slots__ = ()

    # Prompts whose better words are shown wait for a press, as a picture's buttons do.
    _CANCEL = (
        CLOSED.where(
            OWN,
            LIVE,
            _C.kind != PendingKind.ALBUM,
            or_(_C.kind != PendingKind.REWRITE, _C.state == PendingState.BUSY),
        )
        .values(outcome=OutcomeKind.CANCELLED)
        .returning(_C.kind)
    )

    def cancel(self, account_id: int) -> tuple[int, int]:
        """Close what waits for an account: tells how many questions and albums, voices and rewrites."""
        kinds = list(self._run(self._CANCEL, of_account=account_id).scalars())
        asks = kinds.count(PendingKind.ASK)
        return asks + PendingAlbums(self._sql).cancel(account_id), len(kinds) - asks

    # An open album waits however old it is.
    _PRUNE = delete(PENDING).where(
        _C.at < bindparam("moment"), or_(_C.kind != PendingKind.ALBUM, not_(LIVE))
    )

    def prune(self, before: datetime) -> None:
        """Delete the messages that came before a moment."""
        self._run(self._PRUNE, moment=before)
