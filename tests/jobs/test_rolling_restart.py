"""A new version comes: processes end and begin one by one, while people ask; nothing is bought twice."""

from __future__ import annotations

from pathlib import Path

from bot.domain import JobState
from tests.conftest import SMALL
from tests.support.conversation import PICTURE
from tests.support.process import running
from tests.support.waiting import within

TAKER = ("run", "--no-worker")


async def test_a_worker_that_is_asked_to_end_finishes_what_it_draws(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with running(tmp_path, TAKER, DATABASE_URL=empty_postgres_url) as bot:
        bot.gateway.default = SMALL
        gate = bot.gateway.hold()
        async with bot.beside("worker", SHUTDOWN_SECONDS="60") as old:
            await bot.row(bot.alice, "a fox", "*{Cancel}")
            await bot.gateway.until(lambda: gate.waiting)
            async with bot.beside("worker"):
                assert old.process
                old.process.terminate()
                gate.release()
                assert await within(old.process.wait()) == 0
                await bot.row(bot.bob, "an owl", PICTURE)  # by the one that has come
                await bot.sees(bot.alice, PICTURE)
                assert await bot.states() == [JobState.DELIVERED] * 2
                assert len(bot.gateway.calls) == 2


async def test_every_process_is_replaced_while_people_ask(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with running(tmp_path, TAKER, DATABASE_URL=empty_postgres_url) as bot:
        bot.gateway.default = SMALL
        async with bot.beside("worker") as old_worker:
            await bot.row(bot.alice, "a fox", PICTURE)
            async with bot.beside("worker") as new_worker:
                bot.alice.send(text="a blue fox")
                await old_worker.end()
                await bot.sees(bot.alice, PICTURE, PICTURE)
                async with bot.beside(*TAKER) as new_taker:
                    bot.bob.send(text="an owl")
                    await bot.end()
                    bot.bob.send(text="a blue owl")  # waits at Telegram until the new one leads
                    await bot.sees(bot.bob, PICTURE, PICTURE)
                    assert await bot.states() == [JobState.DELIVERED] * 4
                    assert len(bot.gateway.calls) == 4
                    assert new_worker.process
                    assert new_taker.process
                    assert new_worker.process.returncode is new_taker.process.returncode is None
