"""What one process tells the others: with the commit, also after the connection that hears was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bot.storage import Store, Transaction
from bot.storage.notices import Topic
from tests.support import postgres
from tests.support.waiting import patient

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'picturebot notices' AND datname = current_database()"
)


@asynccontextmanager
async def process(url: str) -> AsyncIterator[tuple[Store, list[str | None]]]:
    """Open a store as a process of its own does, and what it has heard, so far once."""
    store, heard = await Store.open(url), list[str | None]()

    async def hear(payload: str | None) -> None:
        heard.append(payload)
        if payload == "fails":
            raise ValueError

    store.notices.on(Topic.MOVED, hear)
    listening = asyncio.create_task(store.listen())
    try:
        await hears(heard, None)
        yield store, heard
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await store.close()


async def hears(heard: list[str | None], *expected: str | None) -> None:
    async with patient():
        while heard[: len(expected)] != list(expected):
            await asyncio.sleep(0.01)
    del heard[: len(expected)]


async def has_heard(heard: list[str | None], payload: str | None) -> None:
    async with patient():
        while payload not in heard:
            await asyncio.sleep(0.01)


async def tell(store: Store, *payloads: str) -> None:
    def write(tx: Transaction) -> None:
        for payload in payloads:
            tx.notify(Topic.MOVED, payload)

    await store.write(write)


def undone(tx: Transaction) -> None:
    tx.notify(Topic.MOVED, "undone")
    raise ZeroDivisionError


async def test_others_hear_what_was_committed_in_order_and_nobody_hears_himself(
    postgres_url: str,
) -> None:
    async with process(postgres_url) as (one, own), process(postgres_url) as (other, heard):
        with pytest.raises(ZeroDivisionError):
            await one.write(undone)
        await tell(one, "1 2 3", "", "4")
        await hears(heard, "1 2 3", "", "4")
        await tell(other, "back")
        await hears(own, "back")
        assert (own, heard) == ([], [])


async def test_after_the_connection_was_lost_everything_is_void(
    postgres_url: str, postgres_server: postgres.Postgres, postgres_database: str
) -> None:
    async with process(postgres_url) as (one, _), process(postgres_url) as (_, heard):
        await tell(one, "before")
        await hears(heard, "before")
        postgres_server.run(TERMINATE, postgres_database)
        await tell(one, "missed")
        await has_heard(heard, None)  # what was told may be in front of it, behind it, or lost
        await tell(one, "after")
        await has_heard(heard, "after")


async def test_as_long_as_nobody_is_heard_everything_is_void_at_each_try(
    postgres_url: str, postgres_server: postgres.Postgres, postgres_database: str
) -> None:
    async with process(postgres_url) as (store, heard):
        assert store.notices.away == 0
        closing = f"ALTER DATABASE {postgres_database} ALLOW_CONNECTIONS"
        postgres_server.run(f"{closing} false")
        try:
            postgres_server.run(TERMINATE.replace("current_database()", f"'{postgres_database}'"))
            await hears(heard, None, None, None)
            assert store.notices.away > 0
        finally:
            postgres_server.run(f"{closing} true")
        async with patient():
            while store.notices.away:
                await asyncio.sleep(0.01)


async def test_a_notice_that_could_not_be_followed_is_as_one_that_was_missed(
    postgres_url: str,
) -> None:
    async with process(postgres_url) as (one, _), process(postgres_url) as (_, heard):
        await tell(one, "fails")
        await hears(heard, "fails", None)


async def test_on_sqlite_nothing_is_told_and_nothing_heard(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    await tell(store, "1")
    await store.listen()
    assert not store.is_shared
    await store.close()
