"""Probes from the dashboard: said to be paid, one at a time, in the books before the call."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from functools import partial

import httpx
import pytest
from sqlalchemy import select

from bot.catalogue.load import load_catalogue
from bot.domain import Period, now
from bot.domain.administration import AdminVerb
from bot.features.admin import probe_calls
from bot.features.admin.probe_calls import ProbeBooks
from bot.storage.tables import COUNTERS
from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.pages import picked, token
from tests.support.waiting import patient
from tests.web.test_dashboard import counted, looking, see

MODEL = "gemini-2.5-flash-image"
PAGE = f"/admin/models/probe?model={MODEL}"
CIRCLE = "A small red circle on a white ground."


async def probe(client: httpx.AsyncClient, model: str = MODEL) -> str:
    """Press the button, which may be of a page that is old; gives what the next page says of it."""
    csrf = token((await client.get("/admin/models")).text)
    sent = await client.post("/admin/models/probe", data={"csrf": csrf, "model": model})
    assert sent.status_code == 303, sent.text
    page = await client.get(sent.headers["location"])
    return picked(page.text, r'<p class="note" role="status">([^<]*)</p>')


async def ended(client: httpx.AsyncClient) -> str:
    """Wait until no probe is under way, as the page itself does."""
    async with patient():
        while "http-equiv" in (await client.get(PAGE)).text:
            await asyncio.sleep(0.05)
    return await see(client, PAGE)


async def test_a_probe_is_announced_made_and_told(start: Start) -> None:
    async with looking(start, WEB_SHOW_CONTENT="true") as (chat, client):
        assert f'href="{PAGE}"' in (await client.get("/admin/models")).text
        words = await see(client, PAGE)
        assert CIRCLE in words
        assert "It is paid for like any other." in words
        assert chat.gateway.calls == []
        assert "being made" in await probe(client)
        words = await ended(client)
        assert re.search(r"1001 , dashboard drawn .* 0\.0387 USD by the price list", words)
        page = (await client.get(PAGE)).text
        small = await client.get(picked(page, r'<img [^>]*src="([^"]+)"'))
        assert small.headers["content-type"] == "image/webp"
        assert [call.prompt for call in chat.gateway.calls] == [f"{CIRCLE} Output an image."]
        assert "probed gemini-2.5-flash-image – call: 1" in await see(client, "/admin/actions")
        assert f'href="{PAGE}"' in (await client.get("/admin/actions")).text
        await counted(client, "Cost 0.0387 USD")
        assert await chat.audit() == []


async def test_it_is_in_the_books_before_it_is_made_and_in_nobody_s_usage(start: Start) -> None:
    async with looking(start) as (chat, client):
        with chat.gateway.hold() as gate:
            await probe(client)
            await chat.gateway.until(lambda: gate.waiting)
            (call,) = await chat.store.read(lambda tx: tx.calls.unfinished(9))
            assert (call.kind, call.account_id, call.awaited) == ("probe", 1001, True)
            (action,) = await chat.store.read(lambda tx: tx.actions.latest(1))
            assert (action.verb, action.after) == (AdminVerb.PROBE, {"call": call.id})
            assert "may have been billed" not in await see(client, "/admin")
            assert "under way" in await see(client, PAGE)
            assert "one at a time" in await probe(client)
            assert len(chat.gateway.calls) == 1
        assert "drawn" in await ended(client)
        assert "<img" not in (await client.get(PAGE)).text  # WEB_SHOW_CONTENT is off
        assert (await client.get("/admin/models/probe/1/0")).status_code == 404
        used = await chat.store.read(lambda tx: tx.ledger.totals(1001, now())[Period.ALL])
        assert (used.calls, used.costs) == (0, ())
        rows = select(COUNTERS)
        assert not await chat.store.read(lambda tx: tx.reports._sql.execute(rows).all())


async def test_what_fails_is_told_with_the_gateway_s_words(start: Start) -> None:
    async with looking(start) as (chat, client):
        chat.gateway.script(Reply(failure=Failure.RATE_LIMITED))
        await probe(client)
        assert re.search(r"too many requests .* 429", await ended(client))
        assert len(chat.gateway.calls) == 1


async def test_a_finger_that_is_stuck_is_not_paid_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_calls, "AN_HOUR", 2)
    async with looking(start) as (chat, client):
        for _ in range(2):
            assert "being made" in await probe(client)
            await ended(client)
        assert "twenty probes" in await probe(client)
        assert len(chat.gateway.calls) == 2
        assert len(await chat.store.read(lambda tx: tx.actions.latest(9))) == 2


def before(seconds: int) -> datetime:
    return now() - timedelta(seconds=seconds)


async def test_what_another_process_probes_is_waited_for_until_it_must_have_ended(
    start: Start,
) -> None:
    async with looking(start, GENERATION_TIMEOUT="60") as (chat, client):
        profile = load_catalogue(None).get(MODEL)
        assert profile
        for ago, said in ((70, "being made"), (50, "one at a time")):
            books = ProbeBooks(chat.store, partial(before, ago))
            await books.begin("cli:root", profile, "host", "chat/completions")
            assert said in await probe(client)
            await chat.gateway.until(lambda: chat.gateway.calls)
            if ago > 60:
                assert "no end is known" in await ended(client)
        assert "under way" in await see(client, PAGE)
        assert len(chat.gateway.calls) == 1


async def test_what_cannot_be_probed_is_said(start: Start) -> None:
    async with looking(start) as (chat, client):
        for page in ("/admin/models/probe", "/admin/models/probe?model=no"):
            assert (await client.get(page)).status_code == 404
        csrf = token((await client.get("/admin")).text)
        for data, status in (
            ({"csrf": csrf, "model": "no"}, 404),
            ({"csrf": "x", "model": MODEL}, 403),
        ):
            assert (await client.post("/admin/models/probe", data=data)).status_code == status
        assert chat.gateway.calls == []


async def test_a_stop_breaks_a_probe_off_and_its_row_says_that_nobody_saw_the_end(
    start: Start,
) -> None:
    async with looking(start) as (chat, client):
        with chat.gateway.hold() as gate:
            await probe(client)
            await chat.gateway.until(lambda: gate.waiting)
            await chat.restart()
            (call,) = await chat.store.read(lambda tx: tx.calls.unfinished(9))
            assert call.kind == "probe"
