"""Several processes that could take updates, killed and stopped: each prompt is one picture."""

from __future__ import annotations

import asyncio
import signal
from http import HTTPStatus
from pathlib import Path

import httpx

from bot.domain import JobState
from bot.parts import SWEEP_SECONDS
from tests.features.albums.test_first_parts import LONG
from tests.kill.test_voices import HEARD, OGG
from tests.support.cluster import Cluster, cluster
from tests.support.conversation import PICTURE, image
from tests.support.pages import free_address
from tests.support.waiting import patient


async def are_drawn_once(bots: Cluster, prompts: int) -> None:
    assert await bots.states() == [JobState.DELIVERED] * prompts
    assert len(bots.gateway.calls) == prompts


async def is_ready(address: str) -> None:
    async with httpx.AsyncClient() as browser, patient():
        while (await browser.get(f"http://{address}/readyz")).status_code != HTTPStatus.OK:
            await asyncio.sleep(0.1)


async def test_who_stands_by_takes_over_when_the_taker_is_killed(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with cluster(tmp_path, empty_postgres_url) as bots:
        first = await bots.add()
        await bots.says(first, "leading")
        second = await bots.add(WEB_ADDRESS=free_address())
        await bots.says(second, "standing by")
        await is_ready(bots.addresses[0])
        await bots.row(bots.alice, "a red fox", PICTURE)
        await bots.quiet()
        await bots.kill(first)
        bots.alice.send(text="a blue fox")
        bots.telegram.redeliver(1)
        await bots.sees(bots.alice, PICTURE, PICTURE)
        await are_drawn_once(bots, 2)
        assert bots.telegram.world.updates.conflicts == 0
        assert "leading" in bots.log(second)
        await is_ready(bots.addresses[0])


async def test_a_taker_that_is_stopped_and_goes_on_does_no_harm(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with cluster(tmp_path, empty_postgres_url) as bots:
        first, second = await bots.add(), await bots.add()
        await bots.row(bots.alice, "a red fox", PICTURE)
        await bots.quiet()
        first.send_signal(signal.SIGSTOP)
        await bots.says(second, "leading")
        await bots.row(bots.alice, "a blue fox", PICTURE)
        await bots.quiet()
        first.send_signal(signal.SIGCONT)
        await bots.says(first, "the lead is lost")
        await bots.row(bots.alice, "a green fox", PICTURE)
        await are_drawn_once(bots, 3)
        assert bots.telegram.world.updates.conflicts <= 1  # the poll that was held meanwhile
        await bots.kill(second)
        await bots.row(bots.alice, "a grey fox", PICTURE)
        await are_drawn_once(bots, 4)


async def test_two_processes_take_what_telegram_brings_and_one_may_die(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with (
        cluster(tmp_path, empty_postgres_url, ALBUM_SETTLE_SECONDS="3") as bots,
        bots.balancer() as url,
    ):
        first, second = await bots.ingress(url), await bots.ingress(url)
        await bots.telegram.until(lambda: bots.telegram.world.updates.webhook)
        bots.alice.send(text="a red fox")
        bots.bob.send(text="a blue fox")
        await bots.sees(bots.alice, PICTURE)
        await bots.sees(bots.bob, PICTURE)
        # The parts come to one and the other.
        bots.alice.send(album=[image(50, 50 + n) for n in range(3)], caption="as a drawing")
        for part in (LONG[:4096], LONG[4096:8000].strip()):
            bots.bob.send(text=part)
        await bots.sees(bots.alice, PICTURE, PICTURE)
        await bots.sees(bots.bob, PICTURE, PICTURE)
        jobs = await bots.quiet()
        assert sorted(len(job.request.sources) for job in jobs) == [0, 0, 0, 3]
        assert " ".join(LONG[:8000].split()) in [" ".join(j.request.prompt.split()) for j in jobs]
        await bots.kill(first)
        bots.alice.send(text="a green fox")
        await bots.sees(bots.alice, PICTURE, PICTURE, PICTURE)
        await bots.says(second, "leading")
        await are_drawn_once(bots, 5)


async def test_an_album_whose_process_has_died_is_closed_by_the_leader(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with (
        cluster(tmp_path, empty_postgres_url, ALBUM_SETTLE_SECONDS="4") as bots,
        bots.balancer() as url,
    ):
        leader = await bots.ingress(url)
        await bots.says(leader, "leading")
        second = await bots.ingress(url)
        bots.addresses.pop(0)  # all comes to the second
        bots.alice.send(album=[image(50, 50), image(50, 60)], caption="as a drawing")
        await bots.telegram.until(lambda: not bots.telegram.pending_updates)
        await bots.kill(second)
        await bots.sees(bots.alice, PICTURE)
        await are_drawn_once(bots, 1)


async def test_a_voice_is_left_to_its_process_until_that_has_died(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    given = {"TRANSCRIPTION_MODEL": "whisper-1"}
    async with cluster(tmp_path, empty_postgres_url, **given) as bots, bots.balancer() as url:
        leader = await bots.ingress(url)
        await bots.says(leader, "leading")
        second = await bots.ingress(url)
        bots.addresses.pop(0)  # all comes to the second
        gate = bots.gateway.hold()
        bots.alice.send(voice=OGG)
        await bots.gateway.until(lambda: gate.waiting)
        await asyncio.sleep(SWEEP_SECONDS + 1)
        assert gate.waiting == 1
        await bots.kill(second)
        gate.release()
        await bots.sees(bots.alice, HEARD, PICTURE)
        assert await bots.states() == [JobState.DELIVERED]
        assert len(bots.gateway.voices) <= 2  # what was in flight is asked again


async def test_an_update_that_dies_before_its_commit_comes_again_to_another_process(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with cluster(tmp_path, empty_postgres_url) as bots, bots.balancer() as url:
        first = await bots.ingress(url)
        await bots.telegram.until(lambda: bots.telegram.world.updates.webhook)
        group = bots.telegram.group("Home", [bots.alice])
        with bots.telegram.hold("getChatMember", "before") as gate:
            bots.alice.send(group, "/settings")
            await gate.reached()
            bots.alice.send(text="a red fox")
            await bots.sees(bots.alice, PICTURE)
            await bots.kill(first)
            assert bots.telegram.pending_updates
        second = await bots.ingress(url)
        await bots.telegram.until(lambda: not bots.telegram.pending_updates)
        await are_drawn_once(bots, 1)
        assert "Traceback" not in bots.log(second)
