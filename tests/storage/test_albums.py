"""Albums: every message once, closed once, in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.storage.rows import GROUP, NOON, album_item

if TYPE_CHECKING:
    from bot.storage import Store
    from tests.storage.direct import Direct

SECOND = timedelta(seconds=1)


def test_an_album_gives_its_messages_in_order_once(db: Direct) -> None:
    items = [album_item(message) for message in (1, 2, 3)]
    with db.transaction() as tx:
        for item in (items[2], items[0], items[1]):
            assert tx.albums.add(item) is True
        assert items == tx.albums.close(GROUP, "album")
        assert tx.albums.close(GROUP, "album") == []


def test_a_repeated_message_is_stored_once(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.albums.add(album_item()) is True
        assert tx.albums.add(album_item()) is None
        assert [album_item()] == tx.albums.close(GROUP, "album")
        assert tx.albums.add(album_item()) is None


def test_a_message_after_closing_is_late(db: Direct) -> None:
    with db.transaction() as tx:
        tx.albums.add(album_item(1))
        tx.albums.close(GROUP, "album")
        assert tx.albums.add(album_item(2)) is False
        assert tx.albums.open_albums() == []


def test_an_album_is_not_closed_before_it_is_quiet(db: Direct) -> None:
    with db.transaction() as tx:
        tx.albums.add(album_item(1, NOON))
        tx.albums.add(album_item(2, NOON + 2 * SECOND))
        assert tx.albums.close(GROUP, "album", NOON + SECOND) == []
        assert tx.albums.open_albums() == [(GROUP, "album", NOON + 2 * SECOND)]
        assert len(tx.albums.close(GROUP, "album", NOON + 2 * SECOND)) == 2


def test_an_open_album_tells_when_its_last_message_came(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.albums.waiting(GROUP, "album") is None
        tx.albums.add(album_item(1, NOON))
        tx.albums.add(album_item(2, NOON + SECOND))
        assert tx.albums.waiting(GROUP, "album") == NOON + SECOND
        assert tx.albums.waiting(GROUP, "another") is None
        assert tx.albums.waiting(GROUP - 1, "album") is None
        tx.albums.close(GROUP, "album")
        assert tx.albums.waiting(GROUP, "album") is None


async def test_only_one_of_many_closes_an_album(store: Store) -> None:
    await store.write(lambda tx: tx.albums.add(album_item()))
    taken = await asyncio.gather(
        *(store.write(lambda tx: tx.albums.close(GROUP, "album")) for _ in range(6))
    )
    assert [[album_item()]] == [items for items in taken if items]


def test_only_old_closed_albums_are_forgotten(db: Direct) -> None:
    with db.transaction() as tx:
        tx.albums.add(album_item())
        tx.pending.prune(NOON + SECOND)
        assert len(tx.albums.close(GROUP, "album")) == 1
        tx.pending.prune(NOON)
        assert tx.albums.add(album_item()) is None
        tx.pending.prune(NOON + SECOND)
        assert tx.albums.add(album_item()) is True
