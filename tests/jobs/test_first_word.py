"""The first word of a job, over the wire: where it is refused nothing is bought."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain import JobState, OutcomeKind, Period, now
from bot.features.inline import inline_delivery
from bot.jobs import worker
from bot.tg import status
from sandbox.telegram import BadRequest, Fault, Flood, Forbidden, ResetAfter, ServerError
from tests.conftest import Start
from tests.features.inline.test_inline import stored
from tests.support.conversation import PICTURE, Conversation, image
from tests.support.inline import DRAWN, sees_inline
from tests.support.waiting import patient

PRIVATELY = "I could not show you the answer in the group where you asked*Nothing was charged.*"
REFUSALS = [
    BadRequest("TOPIC_CLOSED"),
    BadRequest("CHAT_SOMETHING_NEW"),
    BadRequest("have no rights to send a message"),
    Forbidden(),
]


async def nothing_was_bought(chat: Conversation) -> None:
    async with patient():  # who is called off says it with his last breath
        while await chat.store.read(lambda tx: tx.calls.unfinished(10)):
            await asyncio.sleep(0.02)
    assert not chat.gateway.calls
    totals = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
    assert (totals[Period.ALL].pictures, totals[Period.ALL].reserved) == (0, 0)


async def test_in_a_closed_topic_nothing_is_bought_and_who_asked_hears_in_private(
    chat: Conversation,
) -> None:
    group = chat.telegram.group("Friends", [chat.bob, chat.alice], topics=("Art",))
    art = group.topic("Art")
    group.close_topic("Art")
    chat.alice.send(group, "/imagine a red fox", thread=art)
    await chat.sees(chat.alice, PRIVATELY)
    (job,) = await chat.quiet()
    assert (job.state, job.outcome) == (JobState.FAILED, OutcomeKind.UNDELIVERABLE)
    await nothing_was_bought(chat)
    assert chat.lines(group) == []


@pytest.mark.parametrize("photo", [None, image()])
@pytest.mark.parametrize("refusal", REFUSALS)
async def test_whatever_refuses_the_first_word_nothing_is_bought(
    chat: Conversation, refusal: Fault, photo: bytes | None
) -> None:
    chat.telegram.fault("sendMessage", refusal)
    how = {"photo": photo, "caption": "a red fox"} if photo else {"text": "a red fox"}
    chat.alice.send(**how)
    (job,) = await chat.quiet()
    assert job.outcome is OutcomeKind.UNDELIVERABLE
    await nothing_was_bought(chat)
    await chat.row(chat.alice, "a blue fox", *chat.lines(chat.alice)[1:], PICTURE)


async def test_what_waits_in_the_queue_is_called_off_by_a_refusal_too(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold() as gate:
            chat.alice.send(text="one")
            await chat.gateway.until(lambda: gate.waiting)
            chat.telegram.fault("sendMessage", BadRequest("SOMETHING_NEW"))
            chat.alice.send(text="two")
            await chat.telegram.until(lambda: len(chat.from_bot(chat.alice)) == 2)
        assert [job.state for job in await chat.quiet()] == [
            JobState.DELIVERED,
            JobState.CANCELLED,
        ]
        assert len(chat.gateway.calls) == 1


async def test_before_something_was_said_nothing_is_asked(chat: Conversation) -> None:
    with chat.telegram.hold("sendMessage") as gate:
        chat.alice.send(text="a red fox")
        await gate.reached()
        await asyncio.sleep(0.1)
        assert not chat.gateway.calls
    await chat.sees(chat.alice, PICTURE)


async def test_who_cancels_before_something_was_said_buys_nothing(chat: Conversation) -> None:
    with chat.telegram.hold("sendMessage") as gate:
        chat.alice.send(text="a red fox")
        await gate.reached()
        chat.alice.send(text="/cancel")
        await chat.telegram.until(lambda: gate.waiting)
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    (job,) = await chat.quiet()
    assert job.state is JobState.CANCELLED
    await nothing_was_bought(chat)


@pytest.mark.parametrize("fault", [ServerError(502), Flood(1), ResetAfter()])
async def test_what_is_no_refusal_is_drawn_all_the_same(chat: Conversation, fault: Fault) -> None:
    chat.telegram.fault("sendMessage", fault)
    await chat.row(chat.alice, "a red fox", PICTURE)


async def test_in_private_what_a_closed_topic_refuses_is_said_beside_it(
    chat: Conversation,
) -> None:
    chat.telegram.fault("sendMessage", BadRequest("TOPIC_CLOSED"))
    user = {"id": chat.alice.id, "is_bot": False, "first_name": "Alice"}
    message = {"message_id": 900, "date": 1, "from": user, "text": "a red fox"}
    topic = {"message_thread_id": 77, "is_topic_message": True}
    private = {"chat": {"id": chat.alice.id, "type": "private"}}
    chat.telegram.world.updates.put("message", message | topic | private)
    await chat.sees(chat.alice, PICTURE)


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "FIRST_WORD_SECONDS", 0.1)
    monkeypatch.setattr(inline_delivery, "FIRST_WORD_SECONDS", 0.1)
    monkeypatch.setattr(worker, "SOONEST", 0.1)


async def put_back(chat: Conversation, jobs: int, times: int = 3) -> None:
    """Wait until so many jobs were begun so often, and let go of."""
    async with patient():
        while [job.claim >= times for job in await chat.jobs()] != [True] * jobs:
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("_hasty")
async def test_while_nothing_can_be_said_nothing_is_drawn_and_no_slot_held(start: Start) -> None:
    async with start(MAX_CONCURRENCY="1") as chat:
        with chat.telegram.hold("sendMessage"):
            chat.alice.send(text="a red fox")
            chat.bob.send(text="a blue fox")
            await put_back(chat, 2)
            assert not chat.gateway.calls
        await chat.sees(chat.alice, PICTURE)
        await chat.sees(chat.bob, PICTURE)
        assert await chat.states() == [JobState.DELIVERED] * 2
        assert len(chat.gateway.calls) == 2
        assert await chat.store.read(lambda tx: tx.calls.unfinished(10)) == []


@pytest.mark.usefixtures("_hasty")
async def test_a_refusal_that_comes_late_costs_no_picture(chat: Conversation) -> None:
    with chat.telegram.hold("sendMessage") as gate:
        chat.alice.send(text="a red fox")
        await put_back(chat, 1)
        chat.telegram.fault("sendMessage", BadRequest("SOMETHING_NEW"), times=99)
        gate.drop()
    (job,) = await chat.quiet()
    assert job.outcome in {OutcomeKind.UNDELIVERABLE, OutcomeKind.CANCELLED}
    await nothing_was_bought(chat)


@pytest.mark.usefixtures("_hasty")
async def test_who_cancels_what_could_not_be_said_yet_buys_nothing(chat: Conversation) -> None:
    with chat.telegram.hold("sendMessage"):
        chat.alice.send(text="a red fox")
        await put_back(chat, 1, times=2)
        chat.alice.send(text="/cancel")
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
    (job,) = await chat.quiet()
    assert job.state is JobState.CANCELLED
    await nothing_was_bought(chat)


@pytest.mark.usefixtures("_hasty")
async def test_a_restart_finds_what_could_not_be_said(chat: Conversation) -> None:
    with chat.telegram.hold("sendMessage") as gate:
        chat.alice.send(text="a red fox")
        await put_back(chat, 1)
        gate.drop()
    await chat.restart()
    await chat.sees(chat.alice, PICTURE)
    assert len(chat.gateway.calls) == 1


async def test_who_cancels_before_anything_is_begun_leaves_no_call_that_may_be_billed(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = asyncio.Event()

    async def look(*_: object) -> None:
        looking.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(worker.Worker, "_obstacle", look)
    chat.alice.send(text="a red fox")
    async with patient():
        await looking.wait()
    chat.alice.send(text="/cancel")
    assert await chat.states() == [JobState.CANCELLED]
    await chat.end()
    await nothing_was_bought(chat)


async def test_what_ends_before_something_was_said_leaves_no_call_that_may_be_billed(
    start: Start,
) -> None:
    async with start(SHUTDOWN_SECONDS="1") as chat:
        with chat.telegram.hold("sendMessage") as gate:
            chat.alice.send(text="a red fox")
            await gate.reached()
            await chat.end()
            gate.drop()
        assert await chat.store.read(lambda tx: tx.calls.unfinished(10)) == []
        await chat.begin()
        await chat.sees(chat.alice, PICTURE)
        assert len(chat.gateway.calls) == 1


@pytest.mark.usefixtures("_hasty")
async def test_a_guest_who_cannot_be_answered_yet_costs_no_picture(start: Start) -> None:
    async with stored(start) as (chat, _, away):
        with chat.telegram.hold("answerGuestQuery"):
            chat.alice.send(away, "@sandbox_bot a red fox")
            await put_back(chat, 1)
            assert not chat.gateway.calls
        await sees_inline(chat, away, DRAWN.format("a red fox"))
        assert len(chat.gateway.calls) == 1
