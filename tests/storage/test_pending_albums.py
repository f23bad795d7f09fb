"""Albums: every message once, closed once, in order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from threading import Thread

from bot.storage import Store
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, album_item, erase

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
        tx.pending.prune(NOON + SECOND, 9)
        assert len(tx.albums.close(GROUP, "album")) == 1
        tx.pending.prune(NOON, 9)
        assert tx.albums.add(album_item()) is None
        tx.pending.prune(NOON + SECOND, 9)
        assert tx.albums.add(album_item()) is True


def test_everything_cancelled_closes_the_albums_that_are_for_us(db: Direct) -> None:
    others = [
        replace(album_item(2), group_id="other", addressed=False),
        replace(album_item(3), group_id="his", account_id=BOB),
    ]
    with db.transaction() as tx:
        for item in (album_item(1), *others):
            tx.albums.add(item)
        assert tx.pending.cancel(ANN) == (0, 0)
        assert tx.albums.cancel(ANN) == 1
        assert {album for _, album, _ in tx.albums.open_albums()} == {"other", "his"}
        assert tx.albums.add(album_item(4)) is False


def test_what_comes_late_of_an_erased_album_is_no_new_one(db: Direct) -> None:
    with db.transaction() as tx:
        tx.albums.add(album_item(1))
        erase(tx, ANN, NOON)
        assert tx.albums.open_albums() == []
        assert tx.albums.add(album_item(2)) is False
        assert tx.albums.add(album_item(1)) is None
        assert tx.albums.reword(replace(album_item(2), prompt="in red")) == [
            replace(album_item(2), prompt="in red")
        ]


def test_on_postgres_nobody_adds_to_an_album_that_is_being_closed(postgres_url: str) -> None:
    db = Direct(postgres_url)
    told: list[bool | None] = []

    def add_late() -> None:
        with db.transaction() as tx:
            told.append(tx.albums.add(album_item(2)))

    with db.transaction() as tx:
        tx.albums.add(album_item(1))
    adding = Thread(target=add_late)
    with db.transaction() as tx:
        assert tx.albums.close(GROUP, "album") == [album_item(1)]
        adding.start()
        adding.join(0.2)
        assert adding.is_alive()
    adding.join(20)
    assert told == [False]
    db.close()
