"""Publishing: what Telegram was told of the bot itself, remembered from start to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.storage.engine import Store


class Publishing:
    """Remembers what was published, by a digest each."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, bot_id: int) -> dict[str, str]:
        """Map what a bot has published to digests."""
        async with self._store.reading() as tx:
            return await tx.published.of(bot_id)

    async def set(self, what: str, digest: str) -> None:
        """Commit that something was published."""
        async with self._store.transaction() as tx:
            await tx.published.set(what, digest)
