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
        await chat.row(chat.bob, "a red fox", TOLD)
        await chat.quiet()
        await chat.sees(chat.bob, TOLD)


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
