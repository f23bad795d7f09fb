"""The catalogue itself: who is found by which word, and who stands in for whom."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import Catalogue, default_model
from bot.catalogue.profiles import Profile, Route
from bot.config import ConfigError, load_settings

TODAY = date(2026, 11, 22)
SHIPPED = load_catalogue()

KNOWN = Catalogue(
    (
        Profile("flux", "FLUX One", aliases=("quick",), fallbacks=("seed-4", "old")),
        Profile("flux-pro", "Quick Pro", edit_route=Route.CHAT, max_inputs=2, fallbacks=("flux",)),
        Profile("seed-4", "Seed", edit_route=Route.CHAT, max_inputs=9, fallbacks=("flux-pro",)),
        Profile("old", "Old", edit_route=Route.CHAT, max_inputs=9, retires=date(2026, 1, 1)),
        Profile("seed-3", "Seed three", edit_route=Route.CHAT, max_inputs=9, hidden=True),
    )
)


def found(word: str) -> str | None:
    profile = KNOWN.find(word)
    return profile.id if profile else None


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("flux", "flux"),
        ("FLUX-Pro", "flux-pro"),
        ("Quick", "flux"),
        ("quick  pro", "flux-pro"),
        ("flux-p", "flux-pro"),
        ("flu", None),
        ("see", "seed-4"),
        ("seed-3", "seed-3"),
        ("old", "old"),
        ("none", None),
        ("", None),
        (" ", None),
    ],
)
def test_a_model_is_found_by_id_alias_label_or_beginning(word: str, expected: str | None) -> None:
    assert expected == found(word)


@given(st.text())
def test_no_word_breaks_the_search(word: str) -> None:
    profile = SHIPPED.find(word)
    assert profile is None or profile in list(SHIPPED)


def test_the_first_of_equal_labels_is_meant() -> None:
    known = Catalogue((Profile("a", "Same"), Profile("b", "Same")))
    assert known.find("same") == known.get("a")


def test_fallbacks_are_nearest_first_and_end_where_they_go_round() -> None:
    profile = KNOWN.get("flux")
    assert profile is not None
    assert [known.id for known in KNOWN.fallbacks(profile)] == ["seed-4", "old", "flux-pro"]


def test_fallbacks_that_are_hidden_or_have_retired_are_passed_over_for_their_own() -> None:
    first = Profile("a", "A", fallbacks=("hidden",))
    known = Catalogue(
        (
            first,
            Profile("hidden", "Hidden", hidden=True, fallbacks=("retiring",)),
            Profile("retiring", "Retiring", retires=TODAY, fallbacks=("b", "a")),
            Profile("b", "B"),
        )
    )
    assert [other.id for other in known.fallbacks(first)] == ["retiring", "b"]
    assert [other.id for other in known.fallbacks(first, date(2026, 11, 21))] == ["retiring", "b"]
    assert [other.id for other in known.fallbacks(first, TODAY)] == ["b"]


def test_a_model_without_fallbacks_has_none() -> None:
    assert KNOWN.fallbacks(Profile("x", "X")) == []


def test_an_unknown_model_is_none() -> None:
    assert KNOWN.get("no-such-model") is None


def test_a_default_model_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^DEFAULT_MODEL is not .*gemini-2\.5-flash-image"):
        default_model(load_catalogue(), "no-such-model")


def test_a_default_model_that_needs_a_picture_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^DEFAULT_MODEL qwen-image-edit "):
        default_model(load_catalogue(), "qwen-image-edit")


def test_the_shipped_default_is_the_settings_default() -> None:
    default = default_model(load_catalogue(), load_settings({}, None).default_model)
    assert default == next(iter(load_catalogue()))
