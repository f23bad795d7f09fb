"""Scenes: what the users do, and how large and how late the pictures come."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Scene:
    """`users` ask `rounds` times each; `size` of a picture in bytes, `delay` in seconds.

    Their first prompts are spread over the delay, so that the load is even; in a `burst` they all
    come in the same instant. With `photos` each prompt comes with a photo of that size, to be
    edited. In a `group` all of them write in one.
    """

    users: int
    size: int
    delay: float
    rounds: int
    photos: bool = False
    burst: bool = False
    group: bool = False

    @property
    def prompts(self) -> int:
        """How many pictures are asked for."""
        return self.users * self.rounds

    @property
    def name(self) -> str:
        """Name it in a few words."""
        who = "1 user" if self.users == 1 else f"{self.users} users"
        what = "edits" if self.photos else "texts"
        how = ", in a group" * self.group + ", burst" * self.burst
        return f"{who}, {what}, {self.size / MB:g} MB, {self.delay:g} s{how}"


ALONE = Scene(1, 2 * MB, 0, 40)
ALONE_8 = Scene(1, 8 * MB, 0, 20)
ALONE_20 = Scene(1, 20 * MB, 0, 10)
EDITS = Scene(1, 2 * MB, 0, 20, photos=True)
CROWD = Scene(200, 2 * MB, 2, 4)
CROWD_8 = Scene(200, 8 * MB, 2, 2)
BURST = Scene(200, 2 * MB, 2, 1, burst=True)
HERD = Scene(2000, 2 * MB, 10, 1)

FULL = (
    ALONE,
    ALONE_8,
    ALONE_20,
    EDITS,
    CROWD,
    CROWD_8,
    Scene(40, 20 * MB, 2, 2),
    Scene(200, 2 * MB, 0, 2),
    Scene(200, 2 * MB, 2, 2, photos=True),
    BURST,
)
QUICK = (ALONE, CROWD)
PROFILED = (Scene(1, 2 * MB, 0, 20), CROWD)
