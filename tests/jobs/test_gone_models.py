"""A model whose gateway does not have it any more: who draws, what is said, and what it costs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.catalogue.profiles import Profile
from bot.domain import CallReport, OutcomeKind, now
from bot.jobs.gone_models import ASKED_AGAIN_AFTER, GoneModels
from sandbox.gateway import Reply, UsageForm
from tests.conftest import SMALL, Start
from tests.support.conversation import PICTURE, Conversation

BOB = "1002"
DEFAULT, HEIR = "gemini-2.5-flash-image", "gemini-3.1-flash-image"
INSTEAD = (
    "The picture service no longer has Gemini 2.5 Flash Image, which is this bot's DEFAULT_MODEL."
    f" Gemini 3.1 Flash Image draws in its place*set DEFAULT_MODEL={HEIR} and*once*"
)
# As gateways say it of a model that went; none of them costs anything.
BODIES = {
    "OpenAI": (404, {"error": {"message": "gone", "code": "model_not_found"}}),
    "Google": (
        404,
        {"error": {"message": f"models/{DEFAULT} is no longer available.", "code": 404}},
    ),
    "LiteLLM": (400, {"error": {"message": f"Invalid model name passed in model={DEFAULT}"}}),
    "by its id alone": (400, {"error": {"message": f"{DEFAULT} was shut down on October 2, 2026"}}),
    "without a word of code": (404, {"detail": "The model has been retired."}),
    "an end of life": (400, {"error": {"message": f"{DEFAULT} has reached end-of-life on 2 Oct."}}),
    "EOL": (400, {"error": {"message": "This model is EOL"}}),
    "turned off": (400, {"error": {"message": f"The model {DEFAULT} is turned off"}}),
    "not enabled": (422, {"error": {"message": f"Model {DEFAULT} not enabled"}}),
    "Google's entity": (404, {"error": {"message": "Requested entity was not found."}}),
    "not found by a verb": (404, {"error": {"message": "Could not find model"}}),
    "not accessible": (404, {"error": {"message": f"Model {DEFAULT} is not accessible"}}),
    "in Chinese": (400, {"error": {"message": f"模型 {DEFAULT} 已退役"}}),
    "in French": (400, {"error": {"message": f"Le modèle {DEFAULT} a été retiré"}}),
    "one-api": (503, {"error": {"message": f"当前分组 default 下对于模型 {DEFAULT} 无可用渠道"}}),
}


@pytest_asyncio.fixture
async def chat(start: Start) -> AsyncIterator[Conversation]:
    """A bot with its default settings, whose gateway has the default model no longer."""
    async with start(ADMIN_IDS=BOB) as chat:
        chat.gateway.strict = True
        chat.gateway.models = tuple(m for m in chat.gateway.models if m.id != DEFAULT)
        yield chat


def models(chat: Conversation) -> list[str]:
    return [call.model for call in chat.gateway.calls]


async def test_on_the_day_it_goes_the_default_bot_draws_on(chat: Conversation) -> None:
    await chat.row(chat.alice, "a fox", PICTURE)
    await chat.row(chat.alice, "a dog", PICTURE)
    await chat.quiet()
    assert models(chat)[-2:] == [HEIR, HEIR]
    assert len(models(chat)) <= 3
    assert [shown for shown in chat.lines(chat.bob) if "no longer has" in shown]


@pytest.mark.parametrize("name", BODIES)
async def test_however_a_gateway_says_it_the_fallback_draws(start: Start, name: str) -> None:
    status, body = BODIES[name]
    reply = Reply(status=status, body=json.dumps(body).encode(), content_type="application/json")
    async with start() as chat:
        chat.gateway.script(reply)
        await chat.row(chat.alice, "a fox", PICTURE)
        assert models(chat) == [DEFAULT, HEIR]


async def test_the_operator_hears_once_what_to_set(chat: Conversation) -> None:
    for word in ("fox", "dog"):
        await chat.row(chat.alice, word, PICTURE)
    await chat.sees(chat.bob, INSTEAD)
    await chat.restart(ADMIN_IDS=BOB)
    await chat.row(chat.alice, "a cat", PICTURE)
    await chat.quiet()
    await chat.sees(chat.bob, INSTEAD)


async def test_the_menus_mark_it(chat: Conversation) -> None:
    (picture,) = await chat.row(chat.alice, "a fox --model gemini-3-pro-image", PICTURE)
    await chat.row(chat.alice, "a fox", PICTURE)
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
    await chat.press(chat.alice, menu, "Model")
    await chat.said_last(chat.alice, "*|Gemini 2.5 Flash Image · unavailable|*")
    assert picture


GONE = CallReport(OutcomeKind.UNKNOWN_MODEL)
CHAIN = [Profile(name, name) for name in ("first", "second", "third")]


class Told(list[tuple[str, str | None]]):
    """What was told of models that are gone, and of those that draw instead."""

    def __call__(self, model: Profile, instead: Profile | None) -> None:
        self.append((model.id, instead.id if instead else None))


@pytest.fixture
def told() -> Told:
    return Told()


def ids(chain: list[Profile]) -> list[str]:
    return [profile.id for profile in chain]


@pytest.mark.parametrize(
    ("seconds", "order"),
    [
        (0, ["second", "third", "first"]),
        (ASKED_AGAIN_AFTER - 1, ["second", "third", "first"]),
        (ASKED_AGAIN_AFTER, ["first", "second", "third"]),
    ],
)
def test_a_gone_model_is_asked_last_for_a_while(seconds: float, order: list[str]) -> None:
    at = 100.0
    gone = GoneModels(lambda: at)
    gone.note(CHAIN[0], GONE, CHAIN)
    at += seconds
    assert ids(gone.last(CHAIN)) == order
    assert "first" in gone


def test_a_model_that_draws_again_is_back() -> None:
    gone = GoneModels(lambda: 0.0)
    gone.note(CHAIN[0], GONE, CHAIN)
    gone.note(CHAIN[0], CallReport(OutcomeKind.DRAWN), CHAIN)
    assert "first" not in gone
    assert ids(gone.last(CHAIN)) == ["first", "second", "third"]


def test_it_is_told_who_draws_instead_as_far_as_is_known(told: Told) -> None:
    gone = GoneModels(lambda: 0.0)
    gone.on_gone = told
    for profile in CHAIN:
        gone.note(profile, GONE, CHAIN)
    assert told == [("first", "second"), ("second", "third"), ("third", None)]


@pytest.mark.parametrize(
    "kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.UNKNOWN_MODEL]
)
def test_no_other_end_of_a_call_says_that_a_model_is_gone(kind: OutcomeKind, told: Told) -> None:
    gone = GoneModels(lambda: 0.0)
    gone.on_gone = told
    gone.note(CHAIN[0], CallReport(kind), CHAIN)
    assert (told, "first" in gone) == ([], False)


SIZED = """
extends = false
[[model]]
id = "dear"
label = "Dear"
ratio_dialect = "image_config"
aspect_ratios = ["1:1"]
sizes = ["1K", "4K"]
credits = { "4K" = 5 }
fallbacks = ["HEIR"]
[model.price]
currency = "USD"
per_picture = "0.50"

[[model]]
id = "plain"
label = "Plain"
[model.price]
currency = "USD"
per_picture = "0.02"

[[model]]
id = "dearer"
label = "Dearer"
ratio_dialect = "image_config"
aspect_ratios = ["1:1"]
sizes = ["4K"]
credits = { "4K" = 9 }
"""


@pytest.mark.parametrize(("heir", "charged", "micros"), [("plain", 1, 20_000), ("dearer", 5, None)])
async def test_prices_follow_the_model_that_drew_but_never_above_what_was_announced(
    start: Start, tmp_path: Path, heir: str, charged: int, micros: int | None
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(SIZED.replace("HEIR", heir))
    status, body = BODIES["OpenAI"]
    gone = Reply(status=status, body=json.dumps(body).encode(), content_type="application/json")
    async with start(MODELS_FILE=str(file), DEFAULT_MODEL="dear") as chat:
        chat.gateway.default = replace(SMALL, usage=UsageForm.ABSENT)
        chat.gateway.script(gone)
        await chat.row(chat.alice, "a fox 4K", PICTURE)
        await chat.quiet()
        totals = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
        (_, _, whole) = totals.values()
        assert (whole.pictures, whole.reserved) == (charged, 0)
        costs = dict(whole.costs)
        assert costs.get("USD") == micros
