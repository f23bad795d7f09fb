"""Logging in: only with a link that the bot sent, once, and whatever is tried against it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot import parts
from bot.domain import now
from bot.features.admin.logins import IDLE, LINK, LONGEST, SESSIONS, Logins
from bot.storage import Store
from bot.web.visits import Attempts
from tests.conftest import Start
from tests.support.conversation import Conversation
from tests.support.database import migrated
from tests.support.pages import browser, free_address, link, log_in, logged_in, picked, token

ALICE = 1001  # the sandbox's first person
SECOND = timedelta(seconds=1)


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def logins(tmp_path: Path, clock: Clock) -> AsyncIterator[Logins]:
    store = await Store.open(await migrated(tmp_path))
    yield Logins(store, clock)
    await store.close()


@asynccontextmanager
async def serving(start: Start, **changes: str) -> AsyncIterator[tuple[Conversation, str]]:
    address = free_address()
    async with start(WEB_ADDRESS=address, ADMIN_IDS=str(ALICE), **changes) as chat:
        assert chat.alice.id == ALICE
        yield chat, address


async def test_an_operator_logs_in_with_a_link_and_out_again(start: Start) -> None:
    async with serving(start) as (chat, address), browser(address) as client:
        opened = await link(chat, chat.alice)
        assert opened.startswith(f"http://{address}/admin/login/")
        page = await log_in(client, opened)
        assert "<h1>Overview</h1>" in page.text
        left = await client.post("/admin/logout", data={"csrf": token(page.text)})
        assert left.status_code == 303
        assert (await client.get("/admin")).status_code == 401


async def test_telegram_is_told_not_to_look_at_the_link(start: Start) -> None:
    async with serving(start) as (chat, _):
        await link(chat, chat.alice)
        (call,) = [c for c in chat.telegram.calls if "/admin/login/" in str(c.params)]
        assert call.params["link_preview_options"] == {"is_disabled": True}


async def test_who_operates_the_bot_no_longer_is_logged_out(start: Start) -> None:
    async with serving(start) as (chat, address), browser(address) as client:
        # he is one by ADMIN_IDS
        await chat.row(
            chat.alice,
            f"/disown {ALICE}",
            f"{ALICE} operates this bot by ADMIN_IDS: take the number out there and restart the bot.",
        )
        await chat.store.write(lambda tx: tx.decisions.decide(chat.bob.id, owner=True))
        await chat.restart(WEB_ADDRESS=address, ADMIN_IDS=str(ALICE))
        page = await log_in(client, await link(chat, chat.bob))
        assert "<h1>Overview</h1>" in page.text
        late = await link(chat, chat.bob)
        async with logged_in(chat, address) as alice:
            person = f"/admin/people/{chat.bob.id}"
            form = {"csrf": token((await alice.get(person)).text)}
            assert "Operator no longer" in (await alice.get(person)).text
            sent = await alice.post(f"{person}/disown", data=form)
            assert sent.headers["location"].endswith("note=done")
            assert "Operator no longer" not in (await alice.get(person)).text
            assert (await alice.get("/admin")).status_code == 200
        assert (await client.get("/admin")).status_code == 401
        assert (await client.get(late)).status_code == 403
        await chat.row(
            chat.alice,
            f"/disown {chat.bob.id}",
            f"{chat.bob.id}: nothing has changed, it was so already.",
        )


async def test_whoever_is_logged_out_has_neither_session_nor_link(logins: Logins) -> None:
    key, _ = await logins.open(await logins.link(7), "his") or ("", None)
    other, _ = await logins.open(await logins.link(8), "hers") or ("", None)
    waiting = await logins.link(7)
    await logins.store.write(lambda tx: tx.logins.log_out(7))
    assert await logins.find(key) is None
    assert (await logins.of(7), await logins.is_open(waiting)) == ([], False)
    assert await logins.find(other)


async def test_nobody_else_and_no_group_is_sent_a_link(start: Start) -> None:
    async with serving(start) as (chat, _):
        await chat.row(chat.bob, "/admin", "I do not know this command*")
        group = chat.telegram.group("Cats", [chat.alice, chat.bob])
        chat.alice.send(group, "/admin")
        await chat.quiet()
        assert chat.lines(group) == []


async def test_without_the_setting_an_operator_hears_which_one_it_is(start: Start) -> None:
    async with start(ADMIN_IDS=str(ALICE)) as chat:
        await chat.row(chat.alice, "/admin", "The dashboard is off: set WEB_ADDRESS*")


async def test_looking_at_a_link_does_not_use_it_up_and_opening_it_does(start: Start) -> None:
    async with serving(start) as (chat, address), browser(address) as client:
        opened = await link(chat, chat.alice)
        for _ in range(3):
            assert (await client.get(opened)).status_code == 200
        await log_in(client, opened)
        async with browser(address) as other:
            assert (await other.get(opened)).status_code == 403
            assert (await other.post(opened, data={"csrf": "x"})).status_code == 403
            assert (await other.get("/admin")).status_code == 401


async def test_a_link_and_a_session_end_by_themselves(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timedelta()
    monkeypatch.setattr(parts, "now", lambda: now() + later)
    async with serving(start) as (chat, address), browser(address) as client:
        late = await link(chat, chat.alice)
        page = await client.get(late)
        later += LINK
        assert (await client.get(late)).status_code == 403
        sent = await client.post(late, data={"csrf": token(page.text)})
        assert sent.status_code == 403
        assert "picturebot" not in client.cookies
        await log_in(client, await link(chat, chat.alice))
        later += IDLE - timedelta(minutes=1)
        assert (await client.get("/admin")).status_code == 200
        later += IDLE
        assert (await client.get("/admin")).status_code == 401
        await log_in(client, await link(chat, chat.alice))
        begun = later
        while later + IDLE / 2 < begun + LONGEST:
            later += IDLE / 2
            form = {"csrf": token((await client.get("/admin")).raise_for_status().text)}
        later = begun + LONGEST
        assert (await client.get("/admin")).status_code == 401
        assert (await client.post("/admin/logout", data=form)).status_code == 401


async def test_two_who_open_a_link_at_once_are_one_session(start: Start) -> None:
    async with serving(start) as (chat, address):
        opened = await link(chat, chat.alice)
        async with browser(address) as one, browser(address) as two:
            tokens = [token((await each.get(opened)).text) for each in (one, two)]
            sent = await asyncio.gather(
                *(c.post(opened, data={"csrf": t}) for c, t in zip((one, two), tokens, strict=True))
            )
        assert sorted(each.status_code for each in sent) == [303, 403]


async def test_a_new_link_voids_the_one_before(start: Start) -> None:
    async with serving(start) as (chat, address), browser(address) as client:
        first, second = await link(chat, chat.alice), await link(chat, chat.alice)
        assert (await client.get(first)).status_code == 403
        await log_in(client, second)


async def test_a_link_is_opened_by_the_form_of_its_own_page_only(start: Start) -> None:
    """Else a foreign page could log its reader in."""
    async with serving(start) as (chat, address), browser(address) as client:
        opened = await link(chat, chat.alice)
        assert (await client.post(opened, data={})).status_code == 403
        mine = token((await client.get(opened)).text)
        async with browser(address) as other:
            await other.get(opened)
            assert (await other.post(opened, data={"csrf": mine})).status_code == 403
        await log_in(client, opened)


@pytest.mark.parametrize("cookie", ["", "x", "0" * 43, "é", "a" * 5000])
async def test_a_forged_cookie_opens_nothing(start: Start, cookie: str) -> None:
    async with serving(start) as (_, address), browser(address) as client:
        for name in ("picturebot", "__Host-picturebot"):
            given = {"Cookie": f"{name}={cookie}".encode()}
            page = await client.get("/admin", headers=given)  # type: ignore[arg-type]
            assert page.status_code == 401
            assert "Running" not in page.text


async def test_a_form_without_the_session_s_own_token_does_nothing(start: Start) -> None:
    async with serving(start) as (chat, address), logged_in(chat, address) as client:
        async with logged_in(chat, address) as other:
            foreign = token((await other.get("/admin")).text)
        forms: list[dict[str, str]] = [{}, {"csrf": ""}, {"csrf": foreign}, {"csrf": "é"}]
        for form in forms:
            assert (await client.post("/admin/logout", data=form)).status_code == 403
        large = {"csrf": "x" * 100_000}
        assert (await client.post("/admin/logout", data=large)).status_code == 403
        many = {f"f{n}": "x" for n in range(1000)}
        assert (await client.post("/admin/logout", data=many)).status_code == 403
        assert (await client.post("/admin/logout", content=b"\xff%%")).status_code == 403
        assert (await client.get("/admin/logout")).status_code == 404
        assert (await client.get("/admin")).status_code == 200


async def test_a_session_can_be_ended_from_another_one(start: Start) -> None:
    async with serving(start) as (chat, address), logged_in(chat, address) as one:
        async with logged_in(chat, address) as two:
            form = {"csrf": token((await two.get("/admin")).text), "session": "all"}
            await two.post("/admin/logout", data=form)
            assert (await two.get("/admin")).status_code == 401
        assert (await one.get("/admin")).status_code == 401


async def test_every_answer_forbids_frames_scripts_and_caches(start: Start) -> None:
    async with serving(start) as (chat, address), logged_in(chat, address) as client:
        for path in ("/admin", "/admin/login/x", "/nowhere", "/admin/static/pages.css"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(start: Start) -> None:
    async with serving(start) as (chat, address), browser(address) as client:
        opened = await link(chat, chat.alice)
        page = await client.get(opened)
        sent = await client.post(opened, data={"csrf": token(page.text)})
        for answer in (page, sent):
            for cookie in answer.headers.get_list("set-cookie"):
                assert cookie.startswith("picturebot")
                assert "HttpOnly" in cookie
                assert "SameSite=strict" in cookie
                assert "Domain" not in cookie


async def test_behind_https_cookies_are_bound_to_their_host(start: Start) -> None:
    async with serving(start, WEB_URL="https://bot.example.org") as (chat, address):
        (message,) = await chat.row(chat.alice, "/admin", "*https://bot.example.org/admin/login/*")
        path = picked(message["text"], r"https://bot\.example\.org(\S+)")
        async with browser(address) as client:
            page = await client.get(path)
            (cookie,) = page.headers.get_list("set-cookie")
            assert cookie.startswith("__Host-picturebot-login=")
            assert "Secure" in cookie
            nonce = {"Cookie": cookie.split(";")[0]}
            form = {"csrf": token(page.text)}
            sent = await client.post(path, data=form, headers=nonce)
            session = sent.headers.get_list("set-cookie")[0]
            assert session.startswith("__Host-picturebot=")
            assert {"Secure", "Path=/"} <= set(session.split("; "))
            given = {"Cookie": session.split(";")[0]}
            assert (await client.get("/admin", headers=given)).status_code == 200


async def test_a_thousand_guesses_find_nothing_and_keep_nobody_else_out(start: Start) -> None:
    async with serving(start) as (chat, address), browser(address) as client:
        opened = await link(chat, chat.alice)
        guesser = {"X-Forwarded-For": "203.0.113.7"}
        statuses: list[int] = []
        for n in range(1000):
            guess = f"/admin/login/{n:043d}"
            ask = client.get if n % 2 else client.post
            statuses.append((await ask(guess, headers=guesser)).status_code)
        assert set(statuses) == {403, 429}
        assert statuses.count(403) <= 30  # ten a minute
        async with browser(address, **guesser) as behind:  # the same address as the guesser's
            await log_in(behind, opened)


async def test_who_is_second_with_a_link_does_not_guess(start: Start) -> None:
    async with serving(start) as (chat, address), browser(address) as client:
        void, opened = await link(chat, chat.alice), await link(chat, chat.alice)
        await log_in(client, opened)
        for late in (void, opened):
            assert {(await client.get(late)).status_code for _ in range(20)} == {403}
        assert (await client.get("/admin/login/guess")).status_code == 403


async def test_links_that_are_void_are_forgotten(logins: Logins, clock: Clock) -> None:
    late = await logins.link(1)
    await logins.link(1)
    assert await logins.was_open(late)
    assert not await logins.is_open(late)
    clock.now += 2 * LINK + SECOND
    await logins.link(2)
    assert not await logins.was_open(late)


async def test_neither_link_nor_session_is_in_log_or_database(
    start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(start, LOG_LEVEL="DEBUG") as (chat, address), browser(address) as client:
        opened = await link(chat, chat.alice)
        await log_in(client, opened)
        keys = [opened.rpartition("/")[2], client.cookies["picturebot"]]
        files = await asyncio.to_thread(lambda: list(tmp_path.glob("bot.db*")))
        kept = b"".join(file.read_bytes() for file in files)
        said = "".join(capfd.readouterr())
        for key in keys:
            assert key.encode() not in kept
            assert key not in said
            assert key not in repr(client.base_url)


async def test_links_and_sessions_end_by_themselves(logins: Logins, clock: Clock) -> None:
    late = await logins.link(1)
    clock.now += LINK
    assert not await logins.is_open(late)
    assert await logins.open(late, "") is None
    key, session = await logins.open(await logins.link(1), "Firefox") or pytest.fail("not opened")
    clock.now += IDLE - SECOND
    assert await logins.find(key) == session
    clock.now += IDLE
    assert await logins.find(key) is None
    key, session = await logins.open(await logins.link(1), "Firefox") or pytest.fail("not opened")
    begun = clock.now
    while clock.now + IDLE / 2 < begun + LONGEST:
        clock.now += IDLE / 2
        assert await logins.find(key) == session
    clock.now = begun + LONGEST
    assert await logins.find(key) is None
    assert await logins.of(1) == []


async def test_a_person_has_so_many_sessions_and_loses_the_oldest(
    logins: Logins, clock: Clock
) -> None:
    keys = list[str]()
    for person in (*[1] * (SESSIONS + 1), 2):
        clock.now += SECOND
        key, _ = await logins.open(await logins.link(person), "") or pytest.fail("not opened")
        keys.append(key)
    assert [await logins.find(key) is not None for key in keys] == [False, *[True] * (SESSIONS + 1)]


async def test_a_session_lasts_in_the_process_that_comes_after(start: Start) -> None:
    async with serving(start) as (chat, address), logged_in(chat, address) as client:
        await chat.restart(WEB_ADDRESS=address, ADMIN_IDS=str(ALICE))
        assert (await client.get("/admin")).status_code == 200


async def test_neither_key_nor_token_is_in_a_repr(logins: Logins) -> None:
    link = await logins.link(1)
    key, session = await logins.open(link, "") or pytest.fail("not opened")
    assert not {word for word in (link, key, session.csrf) if word in f"{logins!r}{session!r}"}


def test_addresses_that_guess_take_bounded_memory_and_are_forgiven() -> None:
    moment = [0.0]
    attempts = Attempts(lambda: moment[0], most=2, addresses=10)
    for n in range(100):
        attempts.fail(f"10.0.0.{n}")
    assert len(attempts._failed) == 10
    for _ in range(2):
        assert attempts.allows("me")
        attempts.fail("me")
    assert not attempts.allows("me")
    moment[0] += 60
    assert attempts.allows("me")
