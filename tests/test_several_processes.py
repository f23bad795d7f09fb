"""Two processes on one Postgres: what one decides holds in the other, and together they keep the limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest_asyncio

from bot.billing.access import MAINTENANCE
from bot.domain import JobState, Preferences, Scope, now
from bot.jobs.preferences import PreferenceService
from bot.storage import Store
from sandbox.gateway import Gateway, Reply
from sandbox.gateway.calls import CallState
from sandbox.telegram.flood_control import FloodControl
from tests.conftest import SMALL
from tests.features.voices.test_voices import OGG
from tests.support import postgres
from tests.support.conversation import PICTURE
from tests.support.pages import browser, free_address, link, log_in
from tests.support.process import Killable, running
from tests.support.waiting import patient
from tests.web.test_dashboard import see, send

ALICE, BOB = 1001, 1002
BANNED = "You can no longer use this bot."
OPERATOR = {"ADMIN_IDS": str(ALICE)}
LISTENERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'picturebot notices' AND datname = current_database()"
)


@asynccontextmanager
async def two(folder: Path, url: str, **changes: str) -> AsyncIterator[tuple[Killable, Killable]]:
    async with running(folder, DATABASE_URL=url, **changes) as chat:
        chat.gateway.default = SMALL
        address = {"WEB_ADDRESS": free_address()} if "WEB_ADDRESS" in changes else {}
        async with chat.beside("run", **address) as other:
            async with patient():
                while chat.log.read_text().count("standing by") == 0:
                    await asyncio.sleep(0.05)
            yield chat, other


@pytest_asyncio.fixture
async def operated(
    tmp_path: Path, empty_postgres_url: str
) -> AsyncIterator[tuple[Killable, httpx.AsyncClient]]:
    """A chat with one process, and a browser at the other one's dashboard."""
    changes = {"WEB_ADDRESS": free_address(), "DEFAULT_MODEL": "gemini-3.1-flash-image", **OPERATOR}
    async with two(tmp_path, empty_postgres_url, **changes) as (chat, other):
        address = other.changes["WEB_ADDRESS"]
        async with browser(address) as client:
            sent = (await link(chat, chat.alice)).replace(changes["WEB_ADDRESS"], address)
            assert (await log_in(client, sent)).status_code == 200
            yield chat, client


async def shows(client: httpx.AsyncClient, path: str, words: str, *, shown: bool = True) -> None:
    async with patient():
        while (words in await see(client, path)) is not shown:
            await asyncio.sleep(0.02)


async def says(chat: Killable, words: str, line: str) -> None:
    """Have Bob write until he is answered so: the other process is told within a moment.

    Of a ban he is told once.
    """
    async with patient():
        while line not in chat.lines(chat.bob)[-1]:
            chat.bob.send(chat.bob, words)
            await chat.quiet()
            await asyncio.sleep(0.2)


async def test_what_operators_decide_in_one_process_holds_in_the_other(
    operated: tuple[Killable, httpx.AsyncClient],
) -> None:
    chat, client = operated
    await chat.row(chat.bob, "a fox", PICTURE)
    page = f"/admin/people/{BOB}"
    await send(client, page, f"{page}/ban", reason="spam")
    await says(chat, "an owl", "spam")
    await send(client, page, f"{page}/unban")
    await says(chat, "an owl", PICTURE.partition("*")[0])
    await send(client, "/admin", "/admin/maintenance", on="yes")
    await says(chat, "a cat", "The bot is being")
    await chat.row(chat.alice, "/maintenance off", "*")
    await shows(client, "/admin", "Maintenance: no new requests", shown=False)
    await chat.row(chat.alice, f"/ban {BOB} noise", "*")
    await shows(client, page, "noise")
    await chat.row(chat.alice, f"/unban {BOB}", "*")
    await send(client, page, f"{page}/limit", name="day", most="1")
    await says(chat, "a cat", "You have used your 1 picture")


async def test_which_models_menus_show_and_in_which_order_holds_in_the_other_process(
    operated: tuple[Killable, httpx.AsyncClient],
) -> None:
    chat, client = operated
    page, place = "/admin/models", "/admin/models/place"

    async def first(*, shown: bool = True) -> None:
        """Have Bob open the menu until this model stands first, behind the default, or does not."""
        async with patient():
            while (")|FLUX|" in await menu()) is not shown:
                await asyncio.sleep(0.1)

    async def menu() -> str:
        (message,) = await chat.row(chat.bob, "/settings", "*")
        await chat.press(chat.bob, message, "Model")
        await chat.quiet()
        return chat.lines(chat.bob)[-1]

    await send(client, page, place, model="flux", place="1")
    await first()
    await send(client, page, page, model="flux", on="no")
    await first(shown=False)
    await send(client, page, page, model="flux", on="yes")
    await first()


async def test_what_was_decided_while_nobody_listened_holds_afterwards(
    operated: tuple[Killable, httpx.AsyncClient],
    postgres_server: postgres.Postgres,
    empty_postgres_url: str,
) -> None:
    chat, client = operated
    database = empty_postgres_url.rpartition("@/")[2].partition("?")[0]
    for word in ("one", "two", "three"):
        postgres_server.run(LISTENERS, database)
        await chat.row(chat.alice, f"/ban {BOB} {word}", "*")
        await shows(client, f"/admin/people/{BOB}", word)


async def test_a_choice_in_one_process_holds_in_the_other(
    operated: tuple[Killable, httpx.AsyncClient], empty_postgres_url: str
) -> None:
    del operated  # a bot like others: this test's own stores are two processes more
    stores = [await Store.open(empty_postgres_url) for _ in range(2)]
    one, other = map(PreferenceService, stores)
    listening = [asyncio.create_task(store.listen()) for store in stores]
    for count in (2, 3, 4):
        await other.of(BOB)  # is remembered
        await one.choose(Scope(BOB), "count", count)
        async with patient():
            while await other.of(BOB) != Preferences(count=count):
                await asyncio.sleep(0.01)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    for store in stores:
        await store.close()


async def test_together_they_meet_no_flood(tmp_path: Path, empty_postgres_url: str) -> None:
    async with two(tmp_path, empty_postgres_url, TELEGRAM_MAX_RATE="10") as (chat, _):
        control = FloodControl(time.monotonic, in_all=(30, 3.0))
        chat.telegram.world.flood_control = control
        people = [chat.telegram.person(f"Person {number}") for number in range(25)]
        group = chat.telegram.group("Cats", [chat.alice, chat.bob])
        for person in people:
            person.send(person, "a fox")
        for number in range(3):
            chat.alice.send(group, f"/imagine {number} foxes")
        await asyncio.gather(*(chat.sees(person, PICTURE) for person in people))
        await chat.sees(group, *[PICTURE] * 3)
        assert [call for call in chat.telegram.calls if call.status == 429] == []
        assert control.taken >= 2 * len(people)


class Peak:
    """The most calls that the gateway had at once, of processes that live."""

    def __init__(self, gateway: Gateway) -> None:
        self.most, self._gateway, self._dead = 0, gateway, set[int]()
        self._task = asyncio.create_task(self._look())

    @property
    def now(self) -> int:
        return len(self._open() - self._dead)

    def lose(self) -> None:
        """Whoever makes the calls of this moment is killed: the gateway hears of it a little later."""
        self._dead |= self._open()

    def _open(self) -> set[int]:
        return {call.number for call in self._gateway.calls if call.state is CallState.OPEN}

    async def _look(self) -> None:
        while True:
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.005)

    async def end(self) -> int:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return self.most


async def test_together_they_call_a_gateway_so_often_at_once_also_after_one_was_killed(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    given = {"DATABASE_URL": empty_postgres_url, "MAX_CONCURRENCY": "3"}
    async with running(tmp_path, ("run", "--no-worker"), **given) as chat:
        people = [chat.telegram.person(f"Person {number}") for number in range(8)]
        worker, peak = ("worker", "--concurrency", "4"), Peak(chat.gateway)
        chat.gateway.default = Reply(noise=1200, delay=0.1)
        async with chat.beside(*worker) as one:
            with chat.gateway.hold() as gate:
                for person in people:
                    person.send(person, "a fox")
                await chat.telegram.until(lambda: gate.waiting == 3)
                async with chat.beside(*worker):
                    async with patient():  # each has taken four, and five of these wait for a place
                        while [job.state for job in await chat.jobs()] != [JobState.RUNNING] * 8:
                            await asyncio.sleep(0.05)
                    peak.lose()
                    await one.kill()
                    await chat.telegram.until(lambda: peak.now == 3)  # they are another's now
                    gate.release()
                    await asyncio.gather(*(chat.sees(person, PICTURE) for person in people))
        assert await peak.end() == 3
        assert await chat.states() == [JobState.DELIVERED] * 8


async def test_a_persons_limits_are_those_of_both(tmp_path: Path, empty_postgres_url: str) -> None:
    limits = {"USER_CONCURRENCY": "1", "USER_IMAGES_PER_DAY": "3"}
    async with two(tmp_path, empty_postgres_url, **limits) as (chat, _):
        peak = Peak(chat.gateway)
        chat.gateway.default = Reply(noise=1200, delay=0.2)
        for number in range(5):
            chat.bob.send(chat.bob, f"{number} owls")
        await chat.telegram.until(lambda: len(chat.lines(chat.bob)) == 5)
        states = await chat.states()
        assert states == [JobState.DELIVERED] * 3
        assert await peak.end() == 1


async def test_what_was_decided_holds_where_no_notice_of_it_came(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    given = {"TRANSCRIPTION_MODEL": "whisper-1"}
    async with running(tmp_path, DATABASE_URL=empty_postgres_url, **given) as chat:

        async def decide(**rules: object) -> None:
            await chat.store.write(lambda tx: tx.decisions.decide(BOB, **rules))

        async def maintain(*, on: bool) -> None:
            await chat.store.write(lambda tx: tx.decisions.switch(MAINTENANCE, active=on))

        chat.gateway.default = SMALL
        await chat.row(chat.bob, "a fox", PICTURE)
        await decide(banned_at=now(), ban_reason="spam")
        await chat.row(chat.bob, "an owl", BANNED)
        await chat.row(chat.bob, None, BANNED, voice=OGG)
        await decide(banned_at=None, ban_reason="")
        await maintain(on=True)
        await chat.row(chat.bob, "a cat", "The bot is being*")
        await maintain(on=False)
        await decide(day=1)
        await chat.row(chat.bob, "a cat", "You have used your 1 picture*")
        assert await chat.states() == [JobState.DELIVERED]
        assert (len(chat.gateway.calls), chat.gateway.voices) == (1, [])
