"""Options: flag, then preference, then the model's default; only what the model knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import default_model
from bot.catalogue.profiles import Profile
from bot.domain import Preferences, Source
from bot.jobs.options import InvalidOption, ModelOptions, OptionName, Options, UnsupportedReason
from tests.support.choice import choice

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
def choices(tmp_path_factory: pytest.TempPathFactory) -> ModelOptions:
    folder: Path = tmp_path_factory.mktemp("choices")
    choice(folder)
    models = load_catalogue(folder / "choice.toml")
    flash = default_model(models, "flash")
    return ModelOptions(catalogue=models, default=flash, max_count=4, clock=lambda: NOON)


def resolve(
    choices: ModelOptions,
    prompt: str,
    preferences: Preferences | None = None,
    *,
    earlier: str = "",
    profile: Profile | None = None,
) -> Options:
    flags = choices.parse(prompt)
    return choices.resolve(flags, preferences or Preferences(), earlier=earlier, profile=profile)


def invalid(
    choices: ModelOptions, prompt: str, preferences: Preferences | None = None
) -> InvalidOption | None:
    checked = choices.check(choices.parse(prompt), preferences or Preferences())
    return checked if isinstance(checked, InvalidOption) else None


@given(st.lists(WORDS).map(" ".join), st.lists(WORDS).map(" ".join), PREFERENCES)
def test_whatever_is_said_the_model_knows_what_it_is_told(
    choices: ModelOptions, prompt: str, spare: str, chosen: Preferences
) -> None:
    options = resolve(choices, prompt, chosen, earlier=spare)
    assert options.aspect_ratio in (None, *options.profile.aspect_ratios)
    assert options.size in (None, *options.profile.sizes)
    assert 1 <= options.count <= 4


@given(st.lists(WORDS).map(" ".join), PREFERENCES)
def test_what_is_valid_is_obeyed_to_the_word(
    choices: ModelOptions, prompt: str, chosen: Preferences
) -> None:
    if invalid(choices, prompt, chosen) is None and "--ratio 16:9" in prompt:
        assert resolve(choices, prompt, chosen).aspect_ratio == "16:9"


def test_a_model_named_by_a_press_beats_the_written_one(choices: ModelOptions) -> None:
    (pro,) = [model for model in choices.models() if model.id == "pro"]
    options = resolve(choices, "a fox -m flash 2K", profile=pro)
    assert (options.profile, options.size, options.prompt) == (pro, "2K", "a fox")


def test_a_flag_that_a_pressed_model_does_not_know_is_let_go(choices: ModelOptions) -> None:
    (words,) = [model for model in choices.models() if model.id == "words"]
    options = resolve(choices, "a fox --ratio 16:9 x3", profile=words)
    assert (options.aspect_ratio, options.count, options.prompt) == (None, 3, "a fox")


def test_an_invalid_option_names_what_there_is(choices: ModelOptions) -> None:
    nobody = InvalidOption(OptionName.MODEL, ("flash", "banana", "words", "editor", "masker"))
    assert invalid(choices, "a fox --model nobody") == nobody
    ratio = InvalidOption(OptionName.RATIO, ("1:1", "16:9"), "Flash")
    assert invalid(choices, "a fox --ar 4:3") == ratio
    assert invalid(choices, "a fox x5") == InvalidOption(OptionName.COUNT, ("4",))
    assert invalid(choices, "a fox --n 99999999999999999999") is not None
    assert invalid(choices, "a fox x4 4:3 9K", Preferences(count=99)) is None


def test_a_short_flag_or_one_of_a_dash_that_names_no_model_is_part_of_the_prompt(
    choices: ModelOptions,
) -> None:
    for prompt in ("ffmpeg -m fast", "a car \u2014model T", "a hero \u2014mask and hat"):
        assert invalid(choices, prompt) is None
        options = resolve(choices, prompt)
        assert (options.prompt, options.profile.id, options.mask) == (prompt, "flash", False)
    assert resolve(choices, "a fox \u2014model PRO").profile.id == "pro"


def test_retired_models_are_obeyed_where_named_and_offered_to_nobody(choices: ModelOptions) -> None:
    assert invalid(choices, "a fox -m old") is None
    old = resolve(choices, "a fox -m old").profile
    assert old.id == "old"
    assert old not in choices.models()
    assert old in choices.models(old)


@pytest.mark.parametrize(
    ("model", "pictures", "mask", "reason", "others"),
    [
        ("words", 1, False, UnsupportedReason.WORDS_ONLY, ["flash", "pro", "editor", "masker"]),
        ("editor", 0, False, UnsupportedReason.NEEDS_PICTURE, ["flash", "pro", "words", "masker"]),
        ("flash", 3, False, UnsupportedReason.TOO_MANY, ["pro", "masker"]),
        ("pro", 6, False, UnsupportedReason.TOO_MANY, []),
        ("pro", 2, True, UnsupportedReason.NO_MASK, ["masker"]),
        ("words", 2, True, UnsupportedReason.WORDS_ONLY, ["masker"]),
    ],
)
def test_what_a_model_cannot_draw_and_who_can(
    choices: ModelOptions,
    model: str,
    pictures: int,
    mask: bool,  # noqa: FBT001 - a row of the table
    reason: UnsupportedReason,
    others: list[str],
) -> None:
    options = replace(choices.preferred(Preferences(model)), mask=mask)
    unsupported = choices.unsupported(options, [Source("id")] * pictures)
    assert unsupported is not None
    assert (unsupported.reason, unsupported.profile.id) == (reason, model)
    assert [known.id for known in unsupported.others] == others


def test_a_model_that_can_is_supported(choices: ModelOptions) -> None:
    for model, pictures, mask in (("words", 0, False), ("flash", 2, False), ("masker", 4, True)):
        options = replace(choices.preferred(Preferences(model)), mask=mask)
        assert choices.unsupported(options, [Source("id")] * pictures) is None
