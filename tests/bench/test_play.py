"""Playing a scene: the floors and the bot each answer every prompt once, and are measured."""

from __future__ import annotations

import pytest

from bench.play import SUBJECTS, Subject, play
from bench.scenes import Scene


@pytest.mark.parametrize("photos", [False, True])
@pytest.mark.parametrize("subject", SUBJECTS)
async def test_every_prompt_is_answered_once(subject: Subject, photos: bool) -> None:  # noqa: FBT001
    scene = Scene(users=2, size=500_000, delay=0, rounds=2, photos=photos)
    measured = await play(subject, scene)
    assert (measured.once, scene.prompts) == (4, 4)
    assert measured.peak > 10
    assert measured.cpu_ms > 0
    assert measured.start > 0
    assert 0 < measured.to_gateway[0] <= measured.to_gateway[1]
    assert measured.took > 0
