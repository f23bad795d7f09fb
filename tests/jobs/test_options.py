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
from bot.domain import Note, NoteKind, Preferences, Source
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
    checked = choices.check(choices.parse(prompt), chosen)
    if isinstance(checked, Options) and not checked.notes and "--ratio 16:9" in prompt:
        assert checked.aspect_ratio == "16:9"


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


@pytest.mark.parametrize(
    ("prompt", "drawn", "notes"),
    [
        ("a fox --ar 4:3", ("1:1", None, 1), [Note(NoteKind.NEAREST, "4:3", "1:1", "Flash")]),
        (
            "a fox --ar wide",
            (None, None, 1),
            [Note(NoteKind.THERE_ARE, "wide", "1:1, 16:9", "Flash")],
        ),
        ("a fox --size 2K", (None, None, 1), [Note(NoteKind.LEFT_OUT, "2K", "", "Flash")]),
        ("a fox -m pro --size 8K", (None, "4K", 1), [Note(NoteKind.NEAREST, "8K", "4K", "Pro")]),
        (
            "a fox -m pro --size 1500",
            (None, "2K", 1),
            [Note(NoteKind.NEAREST, "1500", "2K", "Pro")],
        ),
        ("a fox x99", (None, None, 4), [Note(NoteKind.COUNT, "99", "4")]),
        ("a fox --n 0", (None, None, 1), [Note(NoteKind.COUNT, "0", "1")]),
        ("a fox --n 99999999999999999999", (None, None, 4), [Note(NoteKind.COUNT, "9" * 20, "4")]),
        ("a fox --count many", (None, None, 1), [Note(NoteKind.NO_NUMBER, "many", "4")]),
        ("a fox --modle pro", (None, None, 1), [Note(NoteKind.FLAG, "--modle", "--model")]),
        ("a fox --raito 16:9", ("16:9", None, 1), [Note(NoteKind.FLAG, "--raito", "--ratio")]),
        ("a fox --model flsh", (None, None, 1), [Note(NoteKind.MODEL, "flsh", "Flash")]),
        (
            "a fox 16:9 --ar 1:1",
            ("1:1", None, 1),
            [Note(NoteKind.TWICE, "16:9", "--ratio 1:1")],
        ),
    ],
)
def test_what_cannot_be_obeyed_is_told_with_the_nearest(
    choices: ModelOptions,
    prompt: str,
    drawn: tuple[str | None, str | None, int],
    notes: list[Note],
) -> None:
    options = choices.check(choices.parse(prompt), Preferences())
    assert isinstance(options, Options)
    assert options.prompt == "a fox"
    assert (options.aspect_ratio, options.size, options.count) == drawn
    assert list(options.notes) == notes


@pytest.mark.parametrize(
    ("prompt", "notes"),
    [
        ("a fox 8K", [Note(NoteKind.STAYS_ALONE, "8K", "", "Flash")]),
        ("a fox -m pro 8K", [Note(NoteKind.STAYS, "8K", "4K", "Pro")]),
        (
            "a fox --style noir",
            [Note(NoteKind.NO_FLAG, "--style", "--model, --ratio, --size, --count")],
        ),
        (
            "a fox --mode dark",
            [Note(NoteKind.NO_FLAG, "--mode", "--model, --ratio, --size, --count")],
        ),
        ("a skyline at 4K", []),
        ("a clock showing 10:15", []),
        ("a fox -- and a dog", []),
        ("linux x64", []),
    ],
)
def test_what_nobody_can_read_is_told_and_stays_in_the_prompt(
    choices: ModelOptions, prompt: str, notes: list[Note]
) -> None:
    options = choices.check(choices.parse(prompt), Preferences())
    assert isinstance(options, Options)
    assert options.prompt == prompt.replace(" -m pro", "")
    assert list(options.notes) == notes


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
