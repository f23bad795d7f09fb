"""Asking: what is free is asked for again, what is down is asked elsewhere, what was paid never.

Two real gateways count the calls; each row is what they answer, which calls that makes, and what
stands in the chat at the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Scope
from bot.jobs.calls import nearest_ratio
from bot.storage import Transaction
from sandbox.gateway import Failure, Gateway, Reply
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

SECOND_KEY = "sk-of-the-second-gateway"
MODELS = """
extends = false
[gateway.second]
url = "{second}"
key = "SECOND_KEY"

[[model]]
id = "first"
label = "First"
edit_route = "chat/completions"
max_inputs = 3
retry_sentence = "Answer with a picture."
fallbacks = ["second", "wordy"]

[[model]]
id = "second"
label = "Second"
gateway = "second"
edit_route = "chat/completions"
max_inputs = 1

[[model]]
id = "wordy"
label = "Wordy"
gateway = "second"

[[model]]
id = "alone"
label = "Alone"
ratio_dialect = "image_config"
aspect_ratios = ["1:1", "16:9", "9:16"]
edit_route = "chat/completions"
max_inputs = 3
"""

RATE = Reply(failure=Failure.RATE_LIMITED, retry_after=0)
OVERLOADED = Reply(failure=Failure.OVERLOADED, retry_after=0)
WORDS = Reply(pictures=0, text="A cat, in words.")
NOTHING_CHARGED = "*Nothing was charged. {Try again}"


async def choose_model(chat: Conversation, model: str) -> None:
    """Keep a choice of Alice's that the bot has not read yet."""
    scope = Scope(chat.alice.id)
    await chat.store.write(lambda tx: tx.preferences.choose(scope, "model", model))


@dataclass
class Two:
    """A conversation, and the gateway that stands in for its first one."""

    chat: Conversation
    second: Gateway

    async def asked(self, model: str = "first") -> None:
        """Let Alice choose a model and ask for a picture."""
        await choose_model(self.chat, model)
        self.chat.alice.send(self.chat.alice, "A cat")
        await self.chat.quiet()

    async def calls(self) -> list[str]:
        """List the rows of the calls: model and outcome."""

        def read(tx: Transaction) -> list[str]:
            rows = tx.calls._sql.exec_driver_sql("SELECT model, outcome FROM calls ORDER BY id")
            return [f"{model} {outcome}" for model, outcome in rows]

        return await self.chat.store.read(read)


@asynccontextmanager
async def two(start: Start, folder: Path) -> AsyncIterator[Two]:
    second = Gateway(SECOND_KEY)
    async with serve(Telegram("1:another"), second) as other:
        models = folder / "models.toml"
        models.write_text(MODELS.format(second=other.gateway_url))
        changes = {
            "MODELS_FILE": str(models),
            "SECOND_KEY": SECOND_KEY,
            "DEFAULT_MODEL": "first",
        }
        async with start(**changes) as chat:
            yield Two(chat, second)


TABLE: list[tuple[str, list[Reply], list[Reply], list[str], str]] = [
    ("a good answer needs one call", [], [], ["first drawn"], PICTURE),
    (
        "a crowded gateway is asked three times, then another one",
        [RATE] * 3,
        [],
        [*["first rate_limited"] * 3, "second drawn"],
        PICTURE,
    ),
    (
        "a crowd that passes is waited for",
        [RATE, OVERLOADED],
        [],
        ["first rate_limited", "first unavailable", "first drawn"],
        PICTURE,
    ),
    (
        "an empty purse is asked once, then another one's",
        [Reply(failure=Failure.NO_QUOTA)],
        [],
        ["first out_of_money", "second drawn"],
        PICTURE,
    ),
    (
        "a key that is not taken leads elsewhere",
        [Reply(failure=Failure.UNAUTHORIZED)],
        [],
        ["first bad_key", "second drawn"],
        PICTURE,
    ),
    (
        "a model that the gateway has no channel for is not asked for again there",
        [Reply(failure=Failure.NO_CHANNEL)],
        [],
        ["first unknown_model", "second drawn"],
        PICTURE,
    ),
    (
        "the whole chain may fail, and nothing is charged",
        [Reply(failure=Failure.NO_QUOTA)],
        [Reply(failure=Failure.NO_CHANNEL)] * 2,
        ["first out_of_money", "second unknown_model", "wordy unknown_model"],
        "No pictures can be drawn at the moment. " + NOTHING_CHARGED,
    ),
    (
        "what stood in and failed otherwise does not hide why it had to",
        [Reply(failure=Failure.NO_QUOTA)],
        [Reply(failure=Failure.SERVER_ERROR)],
        ["first out_of_money", "second gateway_error"],
        "No pictures can be drawn at the moment. " + NOTHING_CHARGED,
    ),
    (
        "two models of one purse are not both asked",
        [Reply(failure=Failure.NO_QUOTA)],
        [Reply(failure=Failure.NO_QUOTA)],
        ["first out_of_money", "second out_of_money"],
        "No pictures can be drawn at the moment. " + NOTHING_CHARGED,
    ),
    (
        "words alone are answered with one demand for a picture",
        [WORDS],
        [],
        ["first text_only", "first drawn"],
        PICTURE,
    ),
    (
        "words with a link that brings nothing are not asked for again",
        [Reply(pictures=0, text="A cat: https://xn--/cat.png")],
        [],
        ["first not_fetched"],
        "The model answered with a link, but no picture could be fetched from it: "
        " A cat: https://xn--/cat.png  Trying again makes a new picture with a new link. "
        + NOTHING_CHARGED,
    ),
    (
        "words alone twice are shown",
        [WORDS, WORDS],
        [],
        ["first text_only", "first text_only"],
        "The model answered with words and no picture:  A cat, in words. " + NOTHING_CHARGED,
    ),
    *(
        (
            f"what may have been paid for is not asked for again: {name}",
            [reply],
            [],
            [f"first {kind}"],
            NOTHING_CHARGED,
        )
        for name, reply, kind in (
            ("504", Reply(failure=Failure.GATEWAY_TIMEOUT), "timeout"),
            ("524", Reply(failure=Failure.CLOUDFLARE_TIMEOUT), "timeout"),
            ("a connection cut in the answer", Reply(cut=0.5), "cut_off"),
            ("a connection cut before the answer", Reply(cut=0.0), "cut_off"),
            ("half an answer", Reply(truncate=0.5), "cut_off"),
            ("500", Reply(failure=Failure.SERVER_ERROR), "gateway_error"),
            ("520", Reply(failure=Failure.CLOUDFLARE_UNKNOWN), "gateway_error"),
            ("an error under status 200", Reply(failure=Failure.OK_BUT_ERROR), "gateway_error"),
            ("a task", Reply(failure=Failure.OK_BUT_TASK), "async_task"),
            ("a refusal", Reply(pictures=0, text="", finish_reason="content_filter"), "refused"),
        )
    ),
]


@pytest.mark.parametrize(
    ("first", "second", "calls", "line"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
async def test_each_answer_leads_to_these_calls_and_no_others(
    first: list[Reply],
    second: list[Reply],
    calls: list[str],
    line: str,
    start: Start,
    tmp_path: Path,
) -> None:
    async with two(start, tmp_path) as world:
        world.chat.gateway.script(*first)
        world.second.script(*second)
        await world.asked()
        await world.chat.sees(world.chat.alice, line)
        assert await world.calls() == calls
        made = len(world.chat.gateway.calls), len(world.second.calls)
        assert made == (
            sum(call.startswith("first") for call in calls),
            sum(not call.startswith("first") for call in calls),
        )


async def test_the_demand_for_a_picture_is_said_only_when_words_came_first(
    start: Start, tmp_path: Path
) -> None:
    async with two(start, tmp_path) as world:
        world.chat.gateway.script(WORDS)
        await world.asked()
        prompts = [call.prompt for call in world.chat.gateway.calls]
        assert prompts == ["A cat", "A cat Answer with a picture."]


async def test_a_retry_waits_as_long_as_the_gateway_says(start: Start, tmp_path: Path) -> None:
    async with two(start, tmp_path) as world:
        world.chat.gateway.script(Reply(failure=Failure.RATE_LIMITED, retry_after=2))
        await world.asked()
        first, second = world.chat.gateway.calls
        assert (second.at - first.at).total_seconds() >= 2


async def test_a_gateway_that_asks_for_minutes_is_not_waited_for(
    start: Start, tmp_path: Path
) -> None:
    async with two(start, tmp_path) as world:
        chat, minutes = world.chat, Reply(failure=Failure.RATE_LIMITED, retry_after=300)
        chat.gateway.script(minutes)
        await chat.row(chat.alice, "A cat", PICTURE)
        assert await world.calls() == ["first rate_limited", "second drawn"]
        await choose_model(chat, "alone")
        chat.gateway.script(minutes)
        overrun = "The picture service is overrun at the moment. *"
        await chat.row(chat.alice, "A dog", overrun)
        assert (await world.calls())[2:] == ["alone rate_limited"]


async def test_a_model_that_is_overloaded_is_left_alone_after_five_prompts(
    start: Start, tmp_path: Path
) -> None:
    async with two(start, tmp_path) as world:
        chat = world.chat
        chat.gateway.script(OVERLOADED, times=4 * 3 + 1)  # the fifth that fails is the last
        for _ in range(6):
            await world.asked()
        failed = [*["first unavailable"] * 3, "second drawn"]
        rest = ["first unavailable", "second drawn", "second drawn"]
        assert await world.calls() == [*failed * 4, *rest]
        await chat.sees(chat.alice, *[PICTURE] * 6)
        await world.asked("alone")  # at the same gateway, which is well
        assert (await world.calls())[-1] == "alone drawn"


async def test_a_job_that_is_called_off_between_two_calls_asks_no_more(
    start: Start, tmp_path: Path
) -> None:
    async with two(start, tmp_path) as world:
        world.chat.gateway.script(Reply(failure=Failure.RATE_LIMITED, retry_after=15))
        chat = world.chat
        (status,) = await chat.row(chat.alice, "A cat", "Drawing… {Cancel}")
        await chat.gateway.until(lambda: chat.gateway.calls and chat.gateway.calls[0].status)
        await chat.press(chat.alice, status, "Cancel")
        await chat.sees(chat.alice, "Cancelled. Nothing was charged. {Try again}")
        assert await world.calls() == ["first rate_limited"]


async def test_a_fallback_that_takes_fewer_pictures_is_passed_over(
    start: Start, tmp_path: Path
) -> None:
    async with two(start, tmp_path) as world:
        chat = world.chat
        chat.gateway.script(Reply(failure=Failure.NO_QUOTA))
        chat.alice.send(album=[image(), image(color=(0, 0, 200))], caption="Mix them")
        await chat.sees(chat.alice, "No pictures can be drawn at the moment. *")
        assert await world.calls() == ["first out_of_money"]


async def test_a_picture_that_is_edited_keeps_its_shape(start: Start, tmp_path: Path) -> None:
    async with two(start, tmp_path) as world:
        chat = world.chat
        await choose_model(chat, "alone")
        await chat.row(chat.alice, "A cat", PICTURE)
        assert chat.last_call.aspect_ratio is None
        await chat.row(chat.alice, None, PICTURE, photo=image(320, 180), caption="Bluer")
        assert chat.last_call.aspect_ratio == "16:9"


RATIOS = ["1:1", "2:3", "3:2", "9:16", "16:9", "21:9"]


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_no_other_ratio_is_nearer_than_the_nearest(width: int, height: int) -> None:
    def change(ratio: str) -> float:
        across, down = map(int, ratio.split(":"))
        return max(across * height / (down * width), down * width / (across * height))

    assert change(nearest_ratio(RATIOS, width, height)) == min(map(change, RATIOS))
