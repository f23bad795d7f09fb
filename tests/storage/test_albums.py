"""Albums: every message once, closed once, in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.storage.rows import GROUP, NOON, album_item

if TYPE_CHECKING:
    from bot.domain import AlbumItem
    from bot.storage import Store

SECOND = timedelta(seconds=1)


async def test_an_album_gives_its_messages_in_order_once(store: Store) -> None:
    items = [album_item(message) for message in (1, 2, 3)]
    async with store.transaction() as tx:
        for item in (items[2], items[0], items[1]):
            assert await tx.albums.add(item) is True
        assert items == await tx.albums.close(GROUP, "album")
        assert await tx.albums.close(GROUP, "album") == []


async def test_a_repeated_message_is_stored_once(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.albums.add(album_item()) is True
        assert await tx.albums.add(album_item()) is None
        assert [album_item()] == await tx.albums.close(GROUP, "album")
        assert await tx.albums.add(album_item()) is None


async def test_a_message_after_closing_is_late(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.albums.add(album_item(1))
        await tx.albums.close(GROUP, "album")
        assert await tx.albums.add(album_item(2)) is False
        assert await tx.albums.open_albums() == []


async def test_an_album_is_not_closed_before_it_is_quiet(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.albums.add(album_item(1, NOON))
        await tx.albums.add(album_item(2, NOON + 2 * SECOND))
        assert await tx.albums.close(GROUP, "album", NOON + SECOND) == []
        assert await tx.albums.open_albums() == [(GROUP, "album", NOON + 2 * SECOND)]
        assert len(await tx.albums.close(GROUP, "album", NOON + 2 * SECOND)) == 2


async def test_an_open_album_tells_when_its_last_message_came(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.albums.waiting(GROUP, "album") is None
        await tx.albums.add(album_item(1, NOON))
        await tx.albums.add(album_item(2, NOON + SECOND))
        assert await tx.albums.waiting(GROUP, "album") == NOON + SECOND
        assert await tx.albums.waiting(GROUP, "another") is None
        assert await tx.albums.waiting(GROUP - 1, "album") is None
        await tx.albums.close(GROUP, "album")
        assert await tx.albums.waiting(GROUP, "album") is None


async def test_only_one_of_many_closes_an_album(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.albums.add(album_item())

    async def close() -> list[AlbumItem]:
        async with store.transaction() as tx:
            return await tx.albums.close(GROUP, "album")

    taken = await asyncio.gather(*(close() for _ in range(6)))
    assert [[album_item()]] == [items for items in taken if items]


async def test_only_old_closed_albums_are_forgotten(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.albums.add(album_item())
        await tx.albums.drop_older(NOON + SECOND)
        assert len(await tx.albums.close(GROUP, "album")) == 1
        await tx.albums.drop_older(NOON)
        assert await tx.albums.add(album_item()) is None
        await tx.albums.drop_older(NOON + SECOND)
        assert await tx.albums.add(album_item()) is True
