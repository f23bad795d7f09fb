"""What operators are told in private, over the wire: what keeps everybody from getting pictures."""

from __future__ import annotations

import pytest

from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.conversation import PICTURE

BOB = 1002
NO_MONEY = Reply(failure=Failure.PAYMENT_REQUIRED)
BAD_KEY = Reply(failure=Failure.UNAUTHORIZED)
TOLD = "No pictures can be drawn at the moment.*{Try again}"
MONEY_OUT, KEY_OUT = "This bot's balance*", "The picture service does not accept this bot's key*"


def alarm(about: str) -> str:
    return f"Pictures fail, and only you can help:  {about}at most four times*"


async def test_an_operator_hears_once_of_each_thing_that_only_he_can_mend(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(ADMIN_IDS=str(BOB), **alone) as chat:
        chat.gateway.script(NO_MONEY, NO_MONEY, BAD_KEY)
        await chat.row(chat.alice, "a red fox", TOLD)
        await chat.sees(chat.bob, alarm(MONEY_OUT))
        await chat.row(chat.alice, "a blue fox", TOLD)
        await chat.restart(ADMIN_IDS=str(BOB), **alone)
        await chat.row(chat.alice, "a green fox", TOLD)
        await chat.sees(chat.bob, alarm(MONEY_OUT), alarm(KEY_OUT))


async def test_who_reads_it_as_his_own_answer_is_not_told_again(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(ADMIN_IDS=str(BOB), **alone) as chat:
        chat.gateway.script(NO_MONEY)
        await chat.row(chat.bob, "a red fox", f"*Nothing was charged.  {MONEY_OUT}")
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        await chat.sees(chat.bob, f"*{MONEY_OUT}")


@pytest.mark.parametrize("reply", [BAD_KEY, NO_MONEY])
async def test_the_cause_is_told_to_operators_in_private_and_to_nobody_else(
    start: Start, alone: dict[str, str], reply: Reply
) -> None:
    async with start(ADMIN_IDS=str(BOB), **alone) as chat:
        home = chat.telegram.group("Home", [chat.alice, chat.bob])
        chat.gateway.script(reply, reply, reply)
        (shared,) = await chat.row(chat.bob, "/imagine a fox", TOLD, chat=home)
        (mine,) = await chat.row(chat.alice, "a red fox", TOLD)
        for said in (shared, mine):
            assert "this bot's" not in said["text"]
        (alarm,) = await chat.sees(chat.bob, "Pictures fail*")  # of what he asked for in the group
        own = await chat.row(chat.bob, "a blue fox", "No pictures*")
        assert any(word in own[-1]["text"] for word in ("GATEWAY_API_KEY", "This bot's balance"))
        assert alarm["message_id"] != own[-1]["message_id"]


async def test_a_key_that_is_refused_is_told_at_the_start(start: Start) -> None:
    async with start(ADMIN_IDS=str(BOB), GATEWAY_API_KEY="sk-wrong") as chat:
        await chat.sees(chat.bob, f"{KEY_OUT}at most four times*")
        await chat.row(chat.alice, "a red fox", "No pictures can be drawn*")
        await chat.restart(ADMIN_IDS=str(BOB), GATEWAY_API_KEY="sk-wrong")
        await chat.row(chat.alice, "/id", "You*")
        await chat.quiet()
        await chat.sees(chat.bob, f"{KEY_OUT}at most four times*")
        assert list(chat.gateway.calls) == []  # nothing was bought to know it


async def test_a_gateway_that_does_not_tell_its_models_is_no_reason_to_warn(start: Start) -> None:
    async with start(ADMIN_IDS=str(BOB), GATEWAY_URL="http://127.0.0.1:1/v1") as chat:
        await chat.row(chat.alice, "/id", "You*")
        await chat.quiet()
        assert chat.lines(chat.bob) == []


async def test_an_operator_hears_it_in_his_language(start: Start, alone: dict[str, str]) -> None:
    async with start(ADMIN_IDS="1003", **alone) as chat:
        carol = chat.telegram.person("Carol", language="de")
        assert carol.id == 1003
        await chat.row(carol, "ein roter Fuchs", "[photo] Here it is*Noch einmal*")
        chat.gateway.script(NO_MONEY)
        await chat.row(chat.alice, "a red fox", TOLD)
        await chat.sees(carol, "[photo]*", "Es kommen keine Bilder*Guthaben*viermal am Tag.")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(), PICTURE),
        (Reply(pictures=0, text="no"), "The model answered with words*"),
        (Reply(failure=Failure.SERVER_ERROR), "Something went wrong at*"),
    ],
)
async def test_operators_hear_of_nothing_else(
    start: Start, alone: dict[str, str], reply: Reply, said: str
) -> None:
    async with start(ADMIN_IDS=str(BOB), **alone) as chat:
        chat.gateway.script(reply)
        await chat.row(chat.alice, "a red fox", said)
        await chat.quiet()
        assert chat.lines(chat.bob) == []


async def test_an_operator_who_never_wrote_to_the_bot_holds_nobody_up(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(ADMIN_IDS="999", **alone) as chat:
        chat.gateway.script(NO_MONEY)
        await chat.row(chat.alice, "a red fox", TOLD)
        await chat.row(chat.alice, "a red fox", PICTURE)
