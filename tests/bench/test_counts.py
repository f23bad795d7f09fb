"""What an ordinary prompt costs, in counts: they mean the same on any machine, however busy."""

from __future__ import annotations

import pytest

from bench.profile import PHASES, Profile, profile
from bench.scenes import MB, Scene

PRIVATE = Scene(users=1, size=2 * MB, delay=0, rounds=4)
GROUP = Scene(users=1, size=2 * MB, delay=0, rounds=4, group=True)
PHOTO = Scene(users=1, size=2 * MB, delay=0, rounds=4, photos=True)
# Trips to threads with a picture's bytes depend a little on how the network cuts it.
MOST = {
    PRIVATE: {"transactions": 4, "statements": 18, "hops": 8, "tasks": 11, "calls": 2},
    GROUP: {"transactions": 5, "statements": 23, "hops": 8, "tasks": 11, "calls": 2},
    PHOTO: {"transactions": 5, "statements": 18, "hops": 10, "tasks": 12, "calls": 3},
}
FLOOR = {"transactions": 4, "statements": 13, "hops": 20, "tasks": 12, "calls": 2}


def above(found: Profile, most: dict[str, int]) -> dict[str, dict[str, float]]:
    """Tell what is above its bound, by name."""
    return {kind: dict(found.counts[kind]) for kind in most if found.total(kind) > most[kind]}


@pytest.mark.parametrize("scene", [PRIVATE, GROUP, PHOTO], ids=["private", "group", "photo"])
async def test_an_ordinary_prompt_needs_no_more_than(scene: Scene) -> None:
    assert above(await profile("bot", scene), MOST[scene]) == {}


async def test_cpu_is_split_by_phase() -> None:
    phases = (await profile("bot", PRIVATE)).phases
    # Where much is "other", something has another name now: see bench/phases.py.
    assert {name for name in PHASES if phases.get(name, 0.0) > 0} >= set(PHASES) - {"other"}
    assert phases.get("other", 0.0) < sum(phases.values()) / 5


async def test_the_durable_floor_needs_no_more_than() -> None:
    assert above(await profile("durable", PRIVATE), FLOOR) == {}
