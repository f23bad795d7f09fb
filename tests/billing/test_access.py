"""Who is let in, and how much he may have, over the wire."""

from __future__ import annotations

import pytest

from bot.domain import JobState
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

ALICE, BOB, CAROL = 1001, 1002, 1003
FILE = ("a.png", image(), "image/png")
TODAY = "You have used your {} pictures for today. The count starts anew at 00:00 UTC."
MONTH = "You have used your {} pictures for this month.*"


def denied(account: int) -> str:
    return f"This bot is private.*to be let in: {account}"


async def test_strangers_are_told_their_number_and_nothing_else(start: Start) -> None:
    async with start(ACCESS="allowlist") as chat:
        bob = chat.bob
        await chat.row(bob, "a red fox", denied(BOB))
        await chat.row(bob, "/start", denied(BOB))
        await chat.row(bob, "/imagine a red fox", denied(BOB))
        await chat.row(bob, "/id", f"You: {BOB} This chat: {BOB} Topic: -")
        await chat.row(bob, None, denied(BOB), photo=image())
        await chat.row(bob, None, denied(BOB), documents=[FILE] * 3, caption="mix")
        assert await chat.jobs() == []
        await chat.restart(ALLOWED_IDS=str(BOB), ACCESS="allowlist")
        await chat.row(bob, "a red fox", PICTURE)
        assert chat.last_call.inputs == ()  # what a stranger sent was not kept


async def test_admins_allowed_people_and_everybody_in_allowed_chats_are_in(start: Start) -> None:
    # The first group of a sandbox has this number.
    ids = f"{BOB}, -1002000000001"
    async with start(ACCESS="allowlist", ADMIN_IDS=str(ALICE), ALLOWED_IDS=ids) as chat:
        carol = chat.telegram.person("Carol")
        home = chat.telegram.group("Home", [chat.alice, carol])
        away = chat.telegram.group("Away", [chat.alice, carol])
        assert (carol.id, home.id) == (CAROL, -1002000000001)
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.row(chat.bob, "a red fox", PICTURE)
        await chat.row(carol, "a red fox", denied(CAROL))
        await chat.row(carol, "/imagine a red fox", PICTURE, chat=home)
        await chat.row(chat.alice, "/imagine a red fox", PICTURE, chat=away)
        await chat.row(carol, "/imagine a red fox", denied(CAROL), chat=away)
        before = chat.lines(away)
        away.promote_bot()
        carol.send(away, "just talking")
        carol.send(away, documents=[FILE] * 2, caption="just showing")
        await chat.quiet()
        assert chat.lines(away) == before


async def test_a_channel_that_is_not_allowed_is_told_its_number(start: Start) -> None:
    async with start(ACCESS="allowlist", ADMIN_IDS=str(ALICE)) as chat:
        channel = chat.telegram.channel("News", [chat.alice])
        await chat.row(chat.alice, "/imagine a red fox", denied(channel.id), chat=channel)
        await chat.restart(ACCESS="allowlist", ALLOWED_IDS=str(channel.id))
        post = "[photo]* {Again|Original file|Delete}"
        await chat.row(chat.alice, "/imagine a red fox", post, chat=channel)


@pytest.mark.parametrize(
    ("setting", "text"),
    [("USER_IMAGES_PER_DAY", TODAY.format(5)), ("USER_IMAGES_PER_MONTH", MONTH.format(5))],
)
async def test_twenty_prompts_at_once_under_a_limit_of_five_are_five_pictures(
    start: Start, setting: str, text: str
) -> None:
    async with start(**{setting: "5"}) as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        for number in range(10):  # in two chats, which are worked on side by side
            chat.alice.send(text=f"fox {number}")
            chat.alice.send(group, f"/imagine fox {number}")
        await chat.telegram.until(
            lambda: len(chat.from_bot(chat.alice)) + len(chat.from_bot(group)) == 20
        )
        assert await chat.states() == [JobState.DELIVERED] * 5
        lines = [*chat.lines(chat.alice), *chat.lines(group)]
        assert sum(line.startswith("[photo]") for line in lines) == 5
        assert sum(line.startswith(text.rstrip("*")) for line in lines) == 15
        assert len(chat.gateway.calls) == 5
        await chat.row(chat.bob, "a red fox", PICTURE)  # each has his own
        await chat.row(chat.alice, "/usage", "*pictures: 5, left: 0 of 5*All time ? pictures: 5")


async def test_only_pictures_that_came_count_against_a_limit(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="2") as chat:
        failed = "*Nothing was charged. {Try again}"
        for words in ("sandbox:error=500", "sandbox:refuse", "sandbox:text"):
            await chat.row(chat.alice, words, failed)
            await chat.quiet()
        for _ in range(2):
            await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.row(chat.alice, "a red fox", TODAY.format(2))
        await chat.row(chat.alice, None, TODAY.format(2), photo=image(), caption="blue")


async def test_a_new_day_brings_new_pictures(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="1") as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        spent = "You have used your 1 picture for today. The count starts anew at 00:00 UTC."
        await chat.row(chat.alice, "a red fox", spent)
        await put_into_the_past(chat)
        await chat.row(chat.alice, "/usage", "*Today ? pictures: 0*All time ? pictures: 1*")
        await chat.row(chat.alice, "a red fox", PICTURE)


async def put_into_the_past(chat: Conversation) -> None:
    """Let all that was counted have happened years ago."""
    await chat.end()
    await chat.execute(
        "UPDATE ledger SET day = '2020-02-02', month = '2020-02'",
        *(
            f"UPDATE {table} SET period = '{past}' WHERE length(period) = {len(past)}"  # noqa: S608 - our own names
            for table in ("counters", "costs")
            for past in ("2020-02-02", "2020-02")
        ),
    )
    await chat.begin(USER_IMAGES_PER_DAY="1")
