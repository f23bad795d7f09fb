"""Inheritance: the strongest level that has chosen decides, field by field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Preferences, Scope
from bot.jobs import preferences

LEVELS = st.lists(
    st.builds(
        Preferences,
        model=st.none() | st.sampled_from(["a", "b"]),
        count=st.none() | st.integers(1, 4),
        ready_ping=st.none() | st.booleans(),
    ),
    max_size=3,
)


@given(LEVELS)
def test_each_field_comes_from_the_first_level_that_has_it(chosen: list[Preferences]) -> None:
    held = preferences.merged(chosen)
    for name in preferences.FIELDS:
        values = [getattr(one, name) for one in chosen]
        assert getattr(held, name) == next((one for one in values if one is not None), None)


def test_the_levels_of_every_kind_of_place() -> None:
    ann, group = 5, -7
    assert preferences.scopes(ann, ann) == [Scope(ann)]
    assert preferences.scopes(ann, group) == [Scope(group), Scope(ann)]
    assert preferences.scopes(ann, group, 3) == [Scope(group, 3), Scope(group), Scope(ann)]
    assert preferences.scopes(group, group, 3) == [Scope(group, 3), Scope(group)]
