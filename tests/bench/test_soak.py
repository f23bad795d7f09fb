"""The soak: what grows is told by its name."""

from __future__ import annotations

from bench import held
from bench.soak import rows, slopes, soak
from bot.media.store import StoredFile


def test_what_grows_with_the_pictures_is_told_and_what_stays_is_not() -> None:
    samples = [
        (100.0 * at, {"memory, MB": 120.0, "tasks": 5.0, "leak": 3.0 * at, "cache": 40.0})
        for at in range(20)
    ]
    assert rows(slopes(samples)) == [
        ("memory, MB", "120", "120", "+0"),
        ("tasks", "5", "5", "+0"),
        ("leak", "15", "57", "+30"),
    ]


def test_the_first_quarter_does_not_count() -> None:
    samples = [(100.0 * at, {"cache": min(50.0, 10.0 * at)}) for at in range(40)]
    assert rows(slopes(samples)) == []


async def test_collections_are_counted_by_class_and_attribute() -> None:
    name = "instances of bot.media.store.StoredFile"
    before = held.census().get(name, 0)
    kept = [StoredFile("a" * 64, size) for size in range(3)]
    assert held.census()[name] == before + len(kept)
    assert held.census()["tasks"] == 1


async def test_the_bot_answers_whoever_asks_while_it_soaks() -> None:
    found, asked = await soak("bot", minutes=0.05)
    assert asked >= 20
    names = {one.name for one in found}
    assert {
        "memory, MB",
        "descriptors",
        "tasks",
        "bot.jobs.dispatch.LocalDispatch._running",
    } <= names
