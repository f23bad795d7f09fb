"""Options: flag, then preference, then the model's default; only what the model knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import catalogue
from bot.domain import Preferences
from bot.options import Choices, Lack, Misfit, Problem
from tests.support.choice import choice

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = st.sampled_from(
    ("a", "fox", "16:9", "4:3", "x2", "x9", "2K", "--ratio", "--size=2K", "-m", "pro", "--mask")
)
PREFERENCES = st.builds(
    Preferences,
    model=st.sampled_from((None, "flash", "pro", "words", "old", "gone")),
    aspect_ratio=st.sampled_from((None, "16:9", "4:3")),
    size=st.sampled_from((None, "2K", "9K")),
    count=st.sampled_from((None, 1, 3, 99)),
)


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> Choices:
    folder: Path = tmp_path_factory.mktemp("choices")
    choice(folder)
    models = catalogue.load(folder / "choice.toml")
    flash = catalogue.default_model(models, "flash")
    return Choices(catalogue=models, default=flash, max_count=4, clock=lambda: NOON)


@given(st.lists(WORDS).map(" ".join), st.lists(WORDS).map(" ".join), PREFERENCES)
def test_whatever_is_said_the_model_knows_what_it_is_told(
    choices: Choices, prompt: str, spare: str, chosen: Preferences
) -> None:
    options = choices.options(prompt, chosen, spare=spare)
    assert options.aspect_ratio in (None, *options.profile.aspect_ratios)
    assert options.size in (None, *options.profile.sizes)
    assert 1 <= options.count <= 4


@given(st.lists(WORDS).map(" ".join), PREFERENCES)
def test_what_is_no_misfit_is_obeyed_to_the_word(
    choices: Choices, prompt: str, chosen: Preferences
) -> None:
    if choices.misfit(prompt, chosen) is None and "--ratio 16:9" in prompt:
        assert choices.options(prompt, chosen).aspect_ratio == "16:9"


def test_a_model_named_by_a_press_beats_the_written_one(choices: Choices) -> None:
    (pro,) = [model for model in choices.models() if model.id == "pro"]
    options = choices.options("a fox -m flash 2K", Preferences(), model=pro)
    assert (options.profile, options.size, options.prompt) == (pro, "2K", "a fox")


def test_a_flag_that_a_pressed_model_does_not_know_is_let_go(choices: Choices) -> None:
    (words,) = [model for model in choices.models() if model.id == "words"]
    options = choices.options("a fox --ratio 16:9 x3", Preferences(), model=words)
    assert (options.aspect_ratio, options.count, options.prompt) == (None, 3, "a fox")


def test_misfits_name_what_there_is(choices: Choices) -> None:
    nobody = Misfit(Problem.MODEL, ("flash", "banana", "words", "editor", "masker"))
    assert choices.misfit("a fox --model nobody", Preferences()) == nobody
    ratio = Misfit(Problem.RATIO, ("1:1", "16:9"), "Flash")
    assert choices.misfit("a fox --ar 4:3", Preferences()) == ratio
    assert choices.misfit("a fox x5", Preferences()) == Misfit(Problem.COUNT, ("4",))
    assert choices.misfit("a fox --n 99999999999999999999", Preferences()) is not None
    assert choices.misfit("a fox x4 4:3 9K", Preferences(count=99)) is None


def test_a_short_flag_or_one_of_a_dash_that_names_no_model_is_part_of_the_prompt(
    choices: Choices,
) -> None:
    for prompt in ("ffmpeg -m fast", "a car \u2014model T", "a hero \u2014mask and hat"):
        assert choices.misfit(prompt, Preferences()) is None
        options = choices.options(prompt, Preferences())
        assert (options.prompt, options.profile.id, options.mask) == (prompt, "flash", False)
    assert choices.options("a fox \u2014model PRO", Preferences()).profile.id == "pro"


def test_retired_models_are_obeyed_where_named_and_offered_to_nobody(choices: Choices) -> None:
    assert choices.misfit("a fox -m old", Preferences()) is None
    old = choices.options("a fox -m old", Preferences()).profile
    assert old.id == "old"
    assert old not in choices.models()
    assert old in choices.models(old)


@pytest.mark.parametrize(
    ("model", "pictures", "mask", "lack", "others"),
    [
        ("words", 1, False, Lack.WORDS_ONLY, ["flash", "pro", "editor", "masker"]),
        ("editor", 0, False, Lack.NEEDS_PICTURE, ["flash", "pro", "words", "masker"]),
        ("flash", 3, False, Lack.TOO_MANY, ["pro", "masker"]),
        ("pro", 6, False, Lack.TOO_MANY, []),
        ("pro", 2, True, Lack.NO_MASK, ["masker"]),
        ("words", 2, True, Lack.WORDS_ONLY, ["masker"]),
    ],
)
def test_what_a_model_cannot_draw_and_who_can(
    choices: Choices,
    model: str,
    pictures: int,
    mask: bool,  # noqa: FBT001 - a row of the table
    lack: Lack,
    others: list[str],
) -> None:
    profile = choices.profile(Preferences(model))
    inability = choices.inability(profile, pictures, mask=mask)
    assert inability is not None
    assert (inability.lack, inability.profile) == (lack, profile)
    assert [known.id for known in inability.others] == others


def test_a_model_that_can_lacks_nothing(choices: Choices) -> None:
    for model, pictures, mask in (("words", 0, False), ("flash", 2, False), ("masker", 4, True)):
        assert choices.inability(choices.profile(Preferences(model)), pictures, mask=mask) is None
