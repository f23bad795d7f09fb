"""The dashboard's pages: what they show of what happened, and what their forms do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from bot.domain import (
    CallReport,
    CostSource,
    JobState,
    OutcomeKind,
    StorageUnavailable,
    TextCall,
    TextCallKind,
    now,
)
from bot.domain.administration import AdminVerb
from bot.features.admin.checks import ENOUGH
from bot.storage import Store, Transaction, sqlite_copy
from bot.storage.columns import LedgerKind
from bot.storage.tables import CALLS, COUNTERS, JOBS, USERS
from bot.web.wording import figures
from bot.web.words import word
from sandbox.gateway import Reply
from tests.conftest import Start
from tests.support.conversation import KEY, TOKEN, Conversation
from tests.support.pages import free_address, logged_in, picked, token
from tests.support.waiting import patient

ALICE, BOB = 1001, 1002
LASTING = "gemini-3.1-flash-image"  # no day is known on which it retires
RETIRED = """
[[model]]
id = "old-painter"
label = "Old painter"
model = "gpt-image-1"
retires = 2020-01-01
"""
NO_MONEY = b'{"code": 402, "msg": "insufficient balance", "data": null}'


@asynccontextmanager
async def looking(
    start: Start, **changes: str
) -> AsyncIterator[tuple[Conversation, httpx.AsyncClient]]:
    """The bot, and Alice, who runs it and has its dashboard open."""
    address = free_address()
    async with (
        start(WEB_ADDRESS=address, ADMIN_IDS=str(ALICE), **changes) as chat,
        logged_in(chat, address) as client,
    ):
        yield chat, client


async def see(client: httpx.AsyncClient, path: str) -> str:
    """Look at a page; gives its words, with single blanks between them."""
    page = await client.get(path)
    assert page.status_code == 200, page.text
    return " ".join(re.sub(r"<[^>]*>", " ", page.text).split())


async def counted(client: httpx.AsyncClient, words: str) -> str:
    """Wait until the overview says so: today's figures may be those of a moment ago."""
    async with patient():
        while words not in (seen := await see(client, "/admin")):
            await asyncio.sleep(0.05)
    return seen


async def send(client: httpx.AsyncClient, page: str, path: str, **fields: str) -> str:
    """Send a form of a page, and give the words of the page that follows."""
    form = {"csrf": token((await client.get(page)).text), **fields}
    sent = await client.post(path, data=form)
    assert sent.status_code == 303, sent.text
    return await see(client, sent.headers["location"])


async def test_the_overview_shows_today(start: Start) -> None:
    async with looking(start, DEFAULT_MODEL=LASTING) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        words = await counted(client, "Pictures 1")
        assert "usually" not in words  # nothing was before
        assert "Running 0 Waiting 0" in words
        assert "Users 1 Failures 0" in words
        assert "Cost 0.0774 USD" in words
        assert "<svg" in (await client.get("/admin")).text


async def test_what_needs_a_person_is_said_first(start: Start, alone: dict[str, str]) -> None:
    async with looking(start, **alone) as (chat, client):
        chat.gateway.script(Reply(body=NO_MONEY, status=402))
        await chat.row(chat.bob, "a red fox", "*")
        await chat.quiet()
        await counted(client, "The gateway&#39;s balance is used up; jobs that failed today: 1.")


async def test_calls_that_fail_need_a_person_also_when_nothing_is_left_alone(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a fox", "[photo]*")
        (job,) = await chat.jobs()

        def fail(tx: Transaction) -> None:
            for _ in range(ENOUGH):
                call = tx.calls.start(job, "gemini-2.5-flash-image", "host", "images", now())
                tx.calls.finish(call, CallReport(kind=OutcomeKind.UNAVAILABLE), now())

        await chat.store.write(fail)
        words = await see(client, "/admin")
        assert re.search(r"9\d% failed, most often: gateway not available", words)


@pytest.mark.about_file
async def test_a_faulty_sqlite_needs_a_person(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with looking(start, DEFAULT_MODEL=LASTING) as (_, client):
        for faulty in (True, False):
            monkeypatch.setattr(sqlite_copy, "may_lose_writes", lambda faulty=faulty: faulty)
            words = await see(client, "/admin")
            assert ("may lose writes" in words) is faulty
            assert ("Nothing needs you." in words) is not faulty


async def test_who_has_asked_since_was_seen_since(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a fox", "[photo]*")
        await chat.quiet()
        long_ago = now() - timedelta(hours=5)
        await chat.store.write(
            lambda tx: tx.people._sql.execute(update(USERS).values(last_seen=long_ago))
        )
        asked = figures((await chat.jobs())[0].created_at)
        assert f"user en {asked}" in await see(client, "/admin/people")
        assert f"Last seen {asked}" in await see(client, f"/admin/people/{BOB}")


async def test_nobody_is_shown_as_nobody(start: Start) -> None:
    async with looking(start) as (_, client):
        assert "Nobody of this number" in await see(client, "/admin/people/7777")


async def test_a_disk_that_fills_and_a_call_without_an_end_need_a_person(start: Start) -> None:
    async with looking(start, MIN_FREE_MB="1000000000") as (chat, client):
        lost = TextCall(TextCallKind.VOICE, BOB, BOB, 1, "whisper-1", "host")
        await chat.store.write(lambda tx: tx.calls.start_text(lost, now()))
        words = await see(client, "/admin")
        assert "below 1000000000 nothing is drawn" in words
        assert "may have been billed: 1" in words
        page = await see(client, "/admin/calls")
        assert re.search(rf"1 20\S+ \S+ voice message whisper-1 host {BOB}", page)
        assert "Nothing needs you." not in words


async def test_pictures_that_are_gone_need_a_person(start: Start, tmp_path: Path) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        media = tmp_path / "media"
        media.rename(tmp_path / "elsewhere")
        said = f"None of the newest pictures is in {media} (MEDIA_URL)"
        assert said in await see(client, "/admin")
        assert (await client.get("/readyz")).json()["disk"] == "failing"
        (tmp_path / "elsewhere").rename(media)
        assert said not in await see(client, "/admin")


async def test_books_that_do_not_agree_need_a_person_until_they_do(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_copy, "may_lose_writes", lambda: False)
    async with looking(start, DEFAULT_MODEL=LASTING) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        for more, told in (
            (1, "The books do not agree: 3 differences"),
            (-1, "Nothing needs you."),
        ):
            change = update(COUNTERS).values(settled=COUNTERS.c.settled + more)
            await chat.store.write(lambda tx: tx.ledger._sql.execute(change))  # noqa: B023 - awaited
            form = {"csrf": token((await client.get("/admin")).text)}
            assert (await client.post("/admin/ledger", data=form)).status_code == 200
            await counted(client, told)


async def test_a_default_model_that_has_retired_needs_a_person(
    start: Start, tmp_path: Path
) -> None:
    old = tmp_path / "old.toml"
    old.write_text(RETIRED)
    async with looking(start, MODELS_FILE=str(old), DEFAULT_MODEL="old-painter") as (_, client):
        words = await see(client, "/admin")
        assert "old-painter, the default model, is no longer offered" in words
        page = (await client.get("/admin")).text
        assert re.findall(r'<a href="([^"]+)">Look there', page)[-1] == "/admin/models"


async def test_a_job_s_story_is_told_without_words_and_pictures(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        listed = await see(client, "/admin/jobs")
        assert "delivered drawn" in listed
        words = await see(client, "/admin/jobs/1")
        assert "delivered, drawn" in words
        assert "0.0387 USD" in words
        assert "reserved 1 0" in words
        assert "charged -1 1" in words
        assert re.search(r"PNG|JPEG", words)
        assert "red fox" not in words
        for path in ("pictures/0", "pictures/0/small"):
            assert (await client.get(f"/admin/jobs/1/{path}")).status_code == 404
        assert (await client.get("/admin/jobs/2")).status_code == 404
        assert (await client.get("/admin/jobs/99999999999999999999")).status_code == 404


async def test_a_call_that_is_being_made_is_under_way_and_one_that_was_left_has_no_known_end(
    start: Start,
) -> None:
    async with looking(start) as (chat, client):
        with chat.gateway.hold() as gate:
            await chat.row(chat.bob, "a red fox", "Drawing*")
            await chat.gateway.until(lambda: gate.waiting)
            words = await see(client, "/admin/jobs/1")
            assert "under way" in words
            assert "no end is known" not in words
            later = update(CALLS).values(claim=CALLS.c.claim - 1)
            await chat.store.write(lambda tx: tx.jobs._sql.execute(later))
            assert "no end is known" in await see(client, "/admin/jobs/1")


async def test_a_job_s_page_says_how_long_each_step_took(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        long_ago = now() - timedelta(minutes=5, seconds=50)
        await chat.store.write(
            lambda tx: tx.jobs._sql.execute(update(JOBS).values(created_at=long_ago))
        )
        words = await see(client, "/admin/jobs/1")
        assert len(re.findall(r"after 5 min \d+ s", words)) == 3  # begun, known, ended
        assert "sent along" not in words


async def test_models_stand_in_the_order_of_menus_and_what_is_not_offered_stands_last(
    start: Start,
) -> None:
    async with looking(start, DEFAULT_MODEL=LASTING) as (_, client):
        await send(client, "/admin/models", "/admin/models/place", model="flux", place="1")
        page = (await client.get("/admin/models")).text
        ids = re.findall(r"<br><span class=\"small\">([\w.-]+)</span>", page)
        assert ids[0] == "flux"
        states = re.findall(r">(not offered|offered)<|\n\s+(not offered)", page)
        told = [one or other for one, other in states]
        assert told == sorted(told, reverse=True)


@pytest.mark.parametrize("place", ["folder", "bucket"])
async def test_words_and_pictures_are_shown_where_a_setting_allows_it(
    start: Start, place: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kept = {}
    if place == "bucket":
        kept = request.getfixturevalue("s3").media(tmp_path)
    async with looking(start, WEB_SHOW_CONTENT="true", **kept) as (chat, client):
        await chat.row(chat.bob, "a <b>red</b> fox", "[photo]*")
        await chat.quiet()
        page = (await client.get("/admin/jobs/1")).text
        assert "a &lt;b&gt;red&lt;/b&gt; fox" in page
        small = await client.get(picked(page, r'<img [^>]*src="([^"]+)"'))
        assert small.headers["content-type"] == "image/webp"
        whole = await client.get(picked(page, r'<a href="([^"]+/pictures/0)">'))
        assert whole.headers["content-type"] == "image/png"
        assert len(small.content) < len(whole.content)
        await chat.store.write(lambda tx: tx.pictures.delete_one(1))
        for path in ("pictures/0", "pictures/0/small"):
            assert (await client.get(f"/admin/jobs/1/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [2, 1]),
        ("state=delivered", [2, 1]),
        ("state=failed", []),
        ("outcome=drawn&user=1002", [2]),
        ("user=1001&since=2020-01-01&until=2099-01-01", [1]),
        ("since=2099-01-01", []),
        ("model=no", []),
        ("until=9999-12-31&since=0001-01-01", [2, 1]),
        ("state=%27;--&outcome=x&since=z&until=9999-99-99&before=-1", [2, 1]),
        ("user=abc", []),
        ("before=2", [1]),
        ("before=99999999999999999999999", [2, 1]),
        (f"before={'9' * 5000}", [2, 1]),
        (f"user=-{'9' * 5000}", []),
    ],
)
async def test_jobs_are_filtered_by_what_a_form_asks(
    start: Start, query: str, found: list[int]
) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.alice, "a fox", "[photo]*")
        await chat.row(chat.bob, "a cat", "[photo]*")
        await chat.quiet()
        page = (await client.get(f"/admin/jobs?{query}")).text
        assert [int(n) for n in re.findall(r'href="/admin/jobs/(\d+)"', page)] == found


async def test_somebody_is_found_banned_and_told_why(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a cat", "[photo]*")
        await chat.quiet()
        assert f"{BOB} Bob" in (found := await see(client, "/admin/people?q=bo"))
        assert re.search(r"20\S+ \S+ 1 0\.0387 USD", found)  # of this month
        assert "Nobody was found." in await see(client, "/admin/people?q=zzz")
        page = f"/admin/people/{BOB}"
        assert "May ask yes" in await see(client, page)
        banned = await send(client, page, f"{page}/ban", reason="spam")
        assert "Done." in banned
        assert "May ask no" in banned
        await chat.row(chat.bob, "a dog", "*spam*")
        assert "May ask yes" in await send(client, page, f"{page}/unban")
        await chat.row(chat.bob, "a dog", "[photo]*")
        done = await see(client, "/admin/actions")
        who = rf"{ALICE} , dashboard"
        assert re.search(rf"{who} ban lifted Bob {BOB} .* {who} ban Bob {BOB}", done)


async def test_limits_of_one_account_are_set_and_taken_back(start: Start) -> None:
    async with looking(start) as (chat, client):
        page = f"/admin/people/{BOB}"
        assert "Done." in await send(client, page, f"{page}/limit", name="day", most="1")
        await chat.row(chat.bob, "a cat", "[photo]*")
        await chat.quiet()
        await chat.row(chat.bob, "a dog", "*1*")
        assert "That is no number" in await send(
            client, page, f"{page}/limit", name="day", most="-1"
        )
        assert "That is no number" in await send(client, page, f"{page}/limit", name="x", most="1")
        assert "Done." in await send(client, page, f"{page}/limit", name="day", most="")
        await chat.row(chat.bob, "a dog", "[photo]*")


async def test_a_charge_is_given_back_once(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a cat", "[photo]*")
        await chat.quiet()
        assert "Done." in await send(client, "/admin/jobs/1", "/admin/jobs/1/refund")
        again = await send(client, "/admin/jobs/1", "/admin/jobs/1/refund")
        assert "Nothing was changed" in again
        assert "Give back" not in again
        assert await chat.audit() == []


async def test_what_failed_is_drawn_again(start: Start, alone: dict[str, str]) -> None:
    async with looking(start, **alone) as (chat, client):
        chat.gateway.script(Reply(body=NO_MONEY, status=402))
        await chat.row(chat.bob, "a red fox", "*")
        await chat.quiet()
        assert "Done." in await send(client, "/admin/jobs/1", "/admin/jobs/1/retry")
        await chat.quiet()
        assert "delivered, drawn" in await see(client, "/admin/jobs/2")


async def test_what_runs_is_cancelled(start: Start) -> None:
    async with looking(start) as (chat, client):
        with chat.gateway.hold() as gate:
            chat.bob.send(chat.bob, "a red fox")
            await chat.telegram.until(lambda: gate.waiting == 1)
            assert "Running 1" in await see(client, "/admin")
            await send(client, "/admin/jobs/1", "/admin/jobs/1/cancel")
        await chat.quiet()
        assert "cancelled" in await see(client, "/admin/jobs/1")


async def test_maintenance_is_begun_and_ended(start: Start) -> None:
    async with looking(start) as (chat, client):
        words = await send(client, "/admin", "/admin/maintenance", on="yes")
        assert "not taken" in words
        assert "no new requests are taken until you end it" in words
        await chat.row(chat.bob, "a cat", "*")
        assert "Done." in await send(client, "/admin", "/admin/maintenance", on="no")
        await chat.row(chat.bob, "a cat", "[photo]*")


@pytest.mark.parametrize(
    "path",
    [
        "/admin/people/abc",
        "/admin/people/9999999999999999999999",
        "/admin/people/²",
        f"/admin/people/-{'9' * 5000}",
        f"/admin/jobs/{'9' * 5000}",
        f"/admin/jobs/{'9' * 19}",
        "/admin/jobs/abc",
        f"/admin/jobs/1/pictures/{'9' * 5000}",
        "/admin/jobs/1/pictures/0",
        "/admin/nope",
    ],
)
async def test_what_is_not_there_is_said(start: Start, path: str) -> None:
    async with looking(start) as (_, client):
        page = await client.get(path)
        assert page.status_code == 404
        assert "There is no such page." in page.text


async def test_forms_of_what_is_not_there_do_nothing(start: Start) -> None:
    async with looking(start) as (_, client):
        csrf = token((await client.get("/admin")).text)
        for path in (
            "jobs/1/explode",
            f"jobs/{'9' * 5000}/cancel",
            "people/x/ban",
            f"people/{BOB}/explode",
        ):
            sent = await client.post(f"/admin/{path}", data={"csrf": csrf})
            assert sent.status_code == 404
        unknown = await client.post("/admin/jobs/77/cancel", data={"csrf": csrf})
        assert unknown.headers["location"] == "/admin/jobs/77?note=unknown"


async def test_a_name_is_never_markup(start: Start) -> None:
    async with looking(start) as (chat, client):
        mallory = chat.telegram.person("<script>alert(1)</script>")
        await chat.row(mallory, "a cat", "[photo]*")
        await chat.quiet()
        for path in ("/admin/people", f"/admin/people/{mallory.id}", "/admin/people?q=%3Cscript"):
            page = (await client.get(path)).text
            assert "&lt;script&gt;" in page
            assert "<script" not in page


async def test_a_note_says_only_what_the_bot_has_to_say(start: Start) -> None:
    async with looking(start) as (_, client):
        assert "evil" not in (await client.get("/admin?note=evil")).text


async def test_the_pages_speak_chinese(start: Start) -> None:
    async with looking(start) as (_, client):
        assert "概览" in await send(client, "/admin", "/admin/language", locale="zh")
        english = await send(client, "/admin", "/admin/language", locale="en")
        assert "Overview" in english
        assert "Overview" in await send(client, "/admin", "/admin/language", locale="xx")


async def test_no_page_shows_a_code(start: Start, alone: dict[str, str]) -> None:
    async with looking(start, **alone) as (chat, client):
        chat.gateway.script(Reply(pictures=0, text="No."), Reply(body=NO_MONEY, status=402))
        for words, answer in (("a fox", "The model*"), ("a cat", "No *"), ("a dog", "[photo]*")):
            await chat.row(chat.bob, words, answer)
        await chat.quiet()
        await send(client, "/admin/jobs/3", "/admin/jobs/3/refund")
        await send(client, "/admin", f"/admin/people/{BOB}/ban", reason="spam")
        codes = {*JobState, *OutcomeKind, *LedgerKind, *CostSource, *AdminVerb}
        english = {part for one in codes for part in word(one).split()} - {"bot", "chat"}
        for path in (
            "jobs",
            "jobs/1",
            "jobs/2",
            "jobs/3",
            "people",
            "ledger",
            "actions",
            "settings",
        ):
            seen = await see(client, f"/admin/{path}")
            assert not re.search(r"\b[a-z]+_[a-z_]+\b|\b(telegram|web|account|job):\d", seen), seen
        await send(client, "/admin", "/admin/language", locale="zh")
        for path in ("jobs", "jobs/1", "jobs/3", f"people/{BOB}", "ledger", "actions"):
            seen = await see(client, f"/admin/{path}")
            assert not english & set(re.findall(r"[A-Za-z]+", seen)), seen


async def test_what_is_refused_says_why(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        alice = f"/admin/people/{chat.alice.id}"
        for page, deed, words in (
            (alice, "ban", "always let in, and not banned"),
            (alice, "disallow", "always let in, and not banned"),
            (alice, "disown", "ADMIN_IDS says it"),
            ("/admin/jobs/1", "retry", "Only what has failed"),
        ):
            assert words in await send(client, page, f"{page}/{deed}"), deed


async def test_a_model_is_switched_off_and_on(start: Start) -> None:
    async with looking(start) as (chat, client):
        page = "/admin/models"
        assert "nano-banana" in (await client.get(page)).text or "gemini" in await see(client, page)
        flux = picked((await client.get(page)).text, r'name="model" value="(flux[^"]*)"')
        assert "Done." in await send(client, page, page, model=flux, on="no")
        assert "Nothing was changed" in await send(client, page, page, model=flux, on="no")
        assert "There is none" in await send(client, page, page, model="no-such", on="no")
        default = "gemini-2.5-flash-image"
        assert "DEFAULT_MODEL says it" in await send(client, page, page, model=default, on="no")
        await chat.row(chat.bob, f"a fox --model {flux}", "*")
        await chat.quiet()
        assert all(call.model != flux for call in chat.gateway.calls)
        assert "Done." in await send(client, page, page, model=flux, on="yes")


async def test_the_order_in_menus_is_changed_and_outlives_a_restart(start: Start) -> None:
    async def menu() -> str:
        (shown,) = await chat.row(chat.bob, "/settings", "*")
        await chat.press(chat.bob, shown, "Model")
        await chat.quiet()
        return chat.lines(chat.bob)[-1]

    page, place = "/admin/models", "/admin/models/place"
    address = free_address()
    given = {"ADMIN_IDS": str(ALICE), "MENU_MODELS": "gpt-image-2,flux", "WEB_ADDRESS": address}
    async with start(**given) as chat:
        async with logged_in(chat, address) as client:
            for model, at, told in (
                ("gpt-image-2.6", "1", "Done."),
                ("gpt-image-2.6", "1", "Nothing was changed"),
                ("gpt-image-2", "", "Done."),
                ("no-such", "1", "There is none"),
                ("gpt-image-2", "0", "That is no number"),
                ("gpt-image-2", "x", "That is no number"),
            ):
                assert told in await send(client, page, place, model=model, place=at)
            done = await see(client, "/admin/actions")
            assert f"{ALICE} , dashboard place in menus gpt-image-2.6 – place: 1" in done
            assert f"{ALICE} , dashboard place in menus gpt-image-2 place: 2 –" in done
        await chat.restart(**given)
        async with logged_in(chat, address) as client:
            flux = picked((await client.get(page)).text, r'name="model" value="(flux[^"]*)"')
            order = await chat.store.read(lambda tx: tx.decisions.places())
            assert order == ["model:gpt-image-2.6", f"model:{flux}"]
            assert 0 < (shown := await menu()).find("GPT Image 2.6") < shown.find("FLUX")
            for model in ("gpt-image-2.6", flux):
                await send(client, page, place, model=model, place="")
            assert await chat.store.read(lambda tx: tx.decisions.places()) == []
            assert "GPT Image 2.6" not in await menu()


async def test_models_show_how_their_latest_calls_went(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a fox", "[photo]*")
        await chat.quiet()
        assert re.search(
            r"gemini-2.5-flash-image main \S+ USD\S* \S* ?\S* ?1 0 %",
            await see(client, "/admin/models"),
        )


async def test_gateways_are_asked_for_their_balance_only_on_a_press(start: Start) -> None:
    async with looking(start) as (_, client):
        assert "USD" in await see(client, "/admin/models")
        form = {"csrf": token((await client.get("/admin/models")).text)}
        told = await client.post("/admin/models/balance", data=form)
        assert "main: " in told.text
        assert (await client.get("/admin/models/balance")).status_code == 404


async def test_the_books_are_shown_checked_and_given_away(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a fox", "[photo]*")
        await chat.quiet()
        words = await see(client, "/admin/ledger")
        assert re.search(rf"Bob {BOB} 1 charged -1 1 .*Bob {BOB} 1 reserved 1 0", words)
        checked = await client.post(
            "/admin/ledger", data={"csrf": token((await client.get("/admin")).text)}
        )
        assert "The books agree." in checked.text
        file = await client.get("/admin/ledger.csv")
        assert file.headers["content-disposition"] == "attachment; filename=ledger.csv"
        head, *rows = file.text.splitlines()
        assert head == "id,at,account_id,job_id,kind,reserved_delta,settled_delta,day"
        assert [row.split(",")[4] for row in rows] == ["settle", "reserve"]


async def test_neither_settings_nor_diagnostics_show_a_secret(start: Start) -> None:
    async with looking(start, METRICS_TOKEN="a-metrics-token-of-mine") as (_, client):
        settings = await see(client, "/admin/settings")
        assert "TELEGRAM_BOT_TOKEN *** the environment" in settings
        assert f"ADMIN_IDS {ALICE} the environment" in settings
        assert "LOG_FORMAT console the default" in settings
        text = await see(client, "/admin/diagnostics")
        assert "picturebot " in text
        assert "jobs: 0 running, 0 waiting" in text
        assert "ADMIN_IDS=(set)" in text
        form = {"csrf": token((await client.get("/admin")).text)}
        looked = (await client.post("/admin/diagnostics", data=form)).text
        assert "database" in looked
        for page in (settings, text, looked):
            for secret in (TOKEN, TOKEN.partition(":")[2], KEY, "a-metrics-token-of-mine"):
                assert secret not in page
        assert str(ALICE) not in text


async def test_sessions_are_listed_and_ended_one_by_one(start: Start) -> None:
    async with looking(start) as (chat, client):
        address = client.base_url.netloc.decode()
        async with logged_in(chat, address) as other:
            assert (await other.get("/admin")).status_code == 200
            page = (await client.get("/admin/settings")).text
            names = re.findall(r'name="session" value="(\w{8})"', page)
            assert len(names) == 2
            await client.post("/admin/logout", data={"csrf": token(page), "session": names[1]})
            assert (await other.get("/admin")).status_code == 401
            assert (await client.get("/admin")).status_code == 200


async def test_somebody_is_erased_who_asked_elsewhere(start: Start) -> None:
    async with looking(start) as (chat, client):
        await chat.row(chat.bob, "a fox", "[photo]*")
        await chat.quiet()
        page = f"/admin/people/{BOB}"
        assert "Nothing was erased" in await send(client, page, f"{page}/forget", sure="1")
        assert (await chat.jobs())[0].request.prompt == "a fox"
        assert "Done." in await send(client, page, f"{page}/forget", sure=str(BOB))
        async with patient():
            while not (await chat.jobs())[0].request.erased:
                await asyncio.sleep(0.02)
        assert f"{ALICE} , dashboard erased {BOB}" in await see(client, "/admin/actions")
        assert await chat.audit() == []
        await chat.row(chat.bob, "a dog", "[photo]*")


async def test_what_a_model_says_is_content_and_what_a_gateway_says_is_not(
    start: Start, alone: dict[str, str]
) -> None:
    async with looking(start, **alone) as (chat, client):
        chat.gateway.script(Reply(pictures=0, text="I would rather describe a red fox."))
        await chat.row(chat.bob, "a red fox", "*")
        chat.gateway.script(Reply(body=NO_MONEY, status=402))
        await chat.row(chat.bob, "a red fox", "*")
        await chat.quiet()
        assert "red fox" in (await chat.jobs())[0].detail
        assert "red fox" not in await see(client, "/admin/jobs/1")
        assert "insufficient balance" in await see(client, "/admin/jobs/2")


async def test_a_database_that_does_not_answer_is_said(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with looking(start) as (_, client):

        async def unavailable(*_given: object) -> None:
            raise StorageUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(Store, "read", unavailable)
            page = await client.get("/admin/jobs")
        assert page.status_code == 503
        assert "The database does not answer" in page.text
        assert (await client.get("/admin/jobs")).status_code == 200


async def test_the_door_leads_to_the_dashboard(start: Start) -> None:
    async with looking(start) as (_, client):
        assert (await client.get("/")).headers["location"] == "/admin"
