"""Latencies: what a model usually takes, and what is said of it."""

from __future__ import annotations

import pytest

from bot.catalogue.load import load_catalogue
from bot.domain import Job, JobState, Request
from bot.i18n.texts import Texts
from bot.jobs.queue import Latencies, TypicalLatency
from bot.jobs.submit import QueuedJob
from bot.tg.status_text import StatusText, age
from tests.storage.rows import NOON

JOB = Job(
    id=1,
    account_id=1001,
    chat_id=1001,
    thread_id=None,
    message_id=1,
    ordinal=0,
    request=Request(prompt="a cat", model="painter"),
    locale="en",
    state=JobState.ACCEPTED,
    claim=0,
    dispatched=True,
    created_at=NOON,
)


def known(*seconds: float) -> Latencies:
    latencies = Latencies()
    for each in seconds:
        latencies.note("painter", round(each * 1000))
    return latencies


def test_a_few_calls_tell_nothing() -> None:
    assert known(9, 9).typical("painter") is None
    assert known(9, 9, 9).typical("painter") == TypicalLatency("painter", 9.0, 3)


def test_one_slow_call_changes_little_and_old_ones_are_forgotten() -> None:
    assert known(8, 9, 90).typical("painter") == TypicalLatency("painter", 9.0, 3)
    latencies = known(*[90] * 30, *[10] * 20)
    assert latencies.all() == [TypicalLatency("painter", 10.0, 20)]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (2.9, ""),
        (3.2, "usually about 3 s"),
        (9.6, "usually about 10 s"),
        (18, "usually about 20 s"),
        (88, "usually about 90 s"),
        (100, "usually about 2 min"),
        (400, "usually about 7 min"),
    ],
)
def test_what_is_usual_is_said_roughly(seconds: float, said: str) -> None:
    text = StatusText(Texts.load(), load_catalogue(None), known(*[seconds] * 3))
    assert text.usual(JOB) == said
    queued = QueuedJob(JOB, ahead=0, dispatched=True)
    assert text.position(queued, started=True) == "Drawing…" + (f"\n{said}" if said else "")


def test_what_has_lasted_is_said_as_clocks_say_it() -> None:
    assert [age(seconds) for seconds in (-1, 0, 59.9, 60, 3601)] == [
        "0:00",
        "0:00",
        "0:59",
        "1:00",
        "60:01",
    ]
