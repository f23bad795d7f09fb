"""The dashboard on Postgres: every page, and a form."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.catalogue.load import load_catalogue
from bot.domain import now
from bot.domain.administration import AdminVerb
from bot.features.admin.probe_calls import ProbeBooks, ProbeStart
from bot.storage import Store, migrate
from tests.conftest import Start
from tests.support.conversation import PICTURE
from tests.support.pages import token
from tests.web.test_dashboard import BOB, looking, see, send

PAGES = (
    "",
    "jobs",
    "jobs?outcome=drawn&user=1002",
    "jobs/1",
    "people",
    "people?q=bob",
    "people/1002",
)
MORE = ("models", "ledger", "actions", "settings", "diagnostics")


async def test_every_page_is_shown_and_forms_work(start: Start, empty_postgres_url: str) -> None:
    await migrate(empty_postgres_url)
    async with looking(start, DATABASE_URL=empty_postgres_url) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        for path in (*PAGES, *MORE):
            await see(client, f"/admin/{path}".rstrip("/"))
        page = f"/admin/people/{BOB}"
        assert "Done." in await send(client, page, f"{page}/ban", reason="spam")
        assert "settle" in (await client.get("/admin/ledger.csv")).text
        assert "postgresql" in await see(client, "/admin/diagnostics")


async def test_what_operators_decide_at_once_is_decided_in_turn(
    start: Start, empty_postgres_url: str
) -> None:
    await migrate(empty_postgres_url)
    async with looking(start, DATABASE_URL=empty_postgres_url) as (chat, client):
        form = {"csrf": token((await client.get("/admin")).text)}
        presses = [
            client.post("/admin/maintenance", data=form | {"on": word})
            for word in ("yes", "", "yes", "", "yes") * 4
        ]
        assert {sent.status_code for sent in await asyncio.gather(*presses)} == {303}
        store = await Store.open(empty_postgres_url)
        actions = await store.read(lambda tx: tx.actions.latest(99))
        told = [one.after["on"] for one in actions if one.verb is AdminVerb.MAINTENANCE]
        switched = (await store.read(lambda tx: tx.decisions.switches()))["maintenance"]
        await store.close()
        assert told == [switched, not switched] * (len(told) // 2) + [switched][: len(told) % 2]
        overview = await see(client, "/admin")
        assert ("Maintenance: no new requests" in overview) is switched
        await chat.row(chat.alice, "a fox", "The bot is being*" if switched else PICTURE)


async def test_of_probes_that_two_processes_begin_at_once_one_is_made(
    empty_postgres_url: str,
) -> None:
    await migrate(empty_postgres_url)
    profile, longest = load_catalogue(None).get("flux"), timedelta(minutes=1)
    stores = [await Store.open(empty_postgres_url) for _ in range(2)]
    assert profile
    presses = [
        ProbeBooks(store, now).begin_alone("web:1001", profile, "host", "images", longest)
        for store in stores * 5
    ]
    begun = [one for one in await asyncio.gather(*presses) if one is not ProbeStart.BUSY]
    (call,) = await stores[0].read(lambda tx: tx.calls.unfinished(99))
    assert begun == [call.id]
    for store in stores:
        await store.close()
