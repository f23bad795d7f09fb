"""Flags: found where they are meant, left where they are words; nothing else is ever lost."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.flags import Flags, parse_flags, with_bare_words

RATIOS, SIZES = ("1:1", "16:9"), ("512", "1K", "2K")
PIECES = (
    *("--ratio", "--ar", "--size", "--count=2", "--n", "--mask", "-m", "--model=x", "—ratio"),
    *("--enhance", "--no-enhance", "--Enhance=1", "—enhance"),
    *("—mask", "—model", "flux", "bmw", "in", "VW"),
    *(
        "–size",
        "--",
        "—",
        "16:9",
        "16：9",
        "x3",
        "X3",
        "×2",
        "х4",
        "2K",
        "4k",
        "512",
        "a",
        "fox",
        "=",
    ),
)
PROMPTS = st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join)
PLAIN = st.lists(
    st.sampled_from(("a", "red", "狐狸", "Füchsin,", "🦊", "x-ray", "16:99", "--", "—", "—mask"))
)
EXPLICIT = st.lists(
    st.sampled_from(
        (
            "--ratio 16:9",
            "--ar=1:1",
            "--size 2K",
            "—count 3",
            "--n=2",
            "-m flux",
            "—model FLUX",
            "--mask",
            "--enhance",
            "--no-enhance",
        )
    ),
    min_size=1,
)
HEADS = st.lists(st.sampled_from(("16:9", "1:1", "2K", "1k")))
TAILS = st.lists(st.sampled_from(("16:9", "1:1", "x3", "×2", "2K", "1k")))


def known(word: str) -> bool:
    return word.casefold() in {"flux", "x"}


def told(prompt: str) -> Flags:
    return parse_flags(prompt, known)


def read(prompt: str) -> Flags:
    return with_bare_words(told(prompt), RATIOS, SIZES)


@given(PROMPTS)
def test_any_prompt_is_read_and_reading_the_rest_finds_nothing_more(prompt: str) -> None:
    first = read(prompt)
    assert read(first.prompt) == Flags(first.prompt)


@given(PROMPTS)
def test_words_are_taken_and_none_is_made(prompt: str) -> None:
    before = iter(prompt.split())
    assert all(word in before for word in read(prompt).prompt.split())


@given(PLAIN, EXPLICIT, st.randoms(use_true_random=False))
def test_explicit_flags_between_words_leave_all_of_them(
    words: list[str], flags: list[str], dice: Random
) -> None:
    mixed = list(words)
    for flag in flags:
        mixed.insert(dice.randint(0, len(mixed)), flag)
    assert told(" ".join(mixed)).prompt.split() == words


@given(HEADS, PLAIN, TAILS)
def test_bare_words_at_both_ends_leave_what_is_between(
    head: list[str], words: list[str], tail: list[str]
) -> None:
    assert read(" ".join([*head, *words, *tail])).prompt.split() == words


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a fox --ratio 16:9 in snow", Flags("a fox in snow", ratio="16:9")),
        ("--ar=16:9 a fox", Flags("a fox", ratio="16:9")),
        ("a fox —ratio 16：9", Flags("a fox", ratio="16:9")),
        ("a fox --SIZE 2k, please", Flags("a fox please", size="2k")),
        ("a fox\nin snow --n 3", Flags("a fox\nin snow", count="3")),
        ("--model flux --model=pro a fox", Flags("a fox", model="pro")),
        ("-m flux a fox --mask", Flags("a fox", model="flux", mask=True)),
        ("a fox --ratio", Flags("a fox", ratio="")),
        ("a fox --model=", Flags("a fox", model="")),
        ("--model= a fox", Flags("a fox", model="")),
        ("--ratio --mask a fox", Flags("a fox", ratio="", mask=True)),
    ],
)
def test_explicit_flags(prompt: str, expected: Flags) -> None:
    said = told(prompt)
    assert (said.prompt, said.ratio, said.size) == (expected.prompt, expected.ratio, expected.size)
    assert (said.count, said.model, said.mask) == (expected.count, expected.model, expected.mask)


@pytest.mark.parametrize(
    ("prompt", "expected", "misspelt"),
    [
        ("a fox --ratios 16:9", Flags("a fox", ratio="16:9"), ("--ratios", "--ratio")),
        ("--modle=flux a fox", Flags("a fox", model="flux"), ("--modle", "--model")),
        ("a fox --siez 2K x2", Flags("a fox x2", size="2K"), ("--siez", "--size")),
        ("a fox --coutn 3", Flags("a fox", count="3"), ("--coutn", "--count")),
        ("a fox --enhanse", Flags("a fox", enhance=True), ("--enhanse", "--enhance")),
    ],
)
def test_a_misspelt_flag_is_read_as_the_nearest(
    prompt: str, expected: Flags, misspelt: tuple[str, str]
) -> None:
    assert told(prompt) == expected
    assert told(prompt).misspelt == (misspelt,)


@pytest.mark.parametrize("prompt", ["a fox --stylize 100", "--task a fox", "a fox --modle T"])
def test_what_nobody_can_read_as_a_flag_is_named_and_stays(prompt: str) -> None:
    assert told(prompt) == Flags(prompt)
    assert len(told(prompt).unknown) == 1


@pytest.mark.parametrize(
    "prompt",
    [
        *("a fox --style noir", "foo--ratio 16:9", "grep -n 3 -m", "a --"),
        *("the elephant —size matters— sleeps", "well —count me in", "a -ratio 16:9 b"),
        *("a hero —mask and hat", "ffmpeg -m fast", "a car —model T", "a car —model X", "a fox -m"),
    ],
)
def test_what_only_looks_like_an_explicit_flag_stays(prompt: str) -> None:
    assert told(prompt) == Flags(prompt)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a fox 16:9 x3 2k", Flags("a fox", "16:9", "2k", "3")),
        ("a fox x12", Flags("a fox", count="12")),
        ("a fox x123", Flags("a fox", count="123")),
        ("16：9 2k a fox ×2", Flags("a fox", ratio="16:9", size="2k", count="2")),
        ("ein Fuchs x3", Flags("ein Fuchs", count="3")),
        ("a fox x3 2K", Flags("a fox", size="2K", count="3")),
        ("a fox 2K x3", Flags("a fox", size="2K", count="3")),
        ("a fox, x3", Flags("a fox,", count="3")),
        ("a bmw ×3", Flags("a bmw", count="3")),
        ("wallpaper in 4K x3", Flags("wallpaper in 4K", count="3")),
        ("x2", Flags("", count="2")),
        ("a fox х9", Flags("a fox", count="9")),
        ("a fox X2", Flags("a fox", count="2")),
        ("a fox 2K X2", Flags("a fox 2K X2")),
        ("1:1 a fox 16:9", Flags("a fox", ratio="16:9")),
        ("16:9 x2", Flags("", ratio="16:9", count="2")),
    ],
)
def test_bare_words_at_an_end(prompt: str, expected: Flags) -> None:
    assert read(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    [
        *("a skyline at 4K", "a clock showing 10:15", "a BMW X5", "the 16:9 frame of a fox"),
        *("route 512", "a fox x0", "fox x3.", "draw a bmw x5", "bmw x3"),
        *(
            "X5 in the snow",
            "x6 bmw",
            "a VW x3",
            "a Tesla X3",
            "X3",
            "Mega Man X4",
            "a bmw X5",
            "\u0431\u043c\u0432 \u04455",
            "a 4 x4",
        ),
        *("wallpaper in 2K", "Plakat im 16:9", "x3 foxes"),
    ],
)
def test_bare_words_that_the_model_does_not_know_or_that_belong_to_others_are_part_of_the_prompt(
    prompt: str,
) -> None:
    kept = read(prompt).prompt
    assert kept == prompt


def test_what_is_explicit_holds_against_bare_words() -> None:
    said = read("a fox --ratio 1:1 16:9")
    assert (said.prompt, said.ratio) == ("a fox", "1:1")


def test_later_flags_go_over_earlier_ones() -> None:
    said = told("a fox --ratio 1:1").over(told("a dog --ratio 16:9 --count 2 --mask"))
    assert (said.prompt, said.ratio, said.count, said.mask) == ("a fox", "1:1", "2", True)


@pytest.mark.parametrize(
    ("prompt", "left", "ratio", "count"),
    [
        ("a ship 16:9 x2 2K", "a ship 2K", "16:9", "2"),
        ("a ship x2 5:7", "a ship 5:7", None, "2"),
        ("a ship 2K", "a ship 2K", None, None),
        ("a clock at 10:15", "a clock at 10:15", None, None),
    ],
)
def test_what_the_model_does_not_know_stays_and_hides_nothing_before_it(
    prompt: str, left: str, ratio: str | None, count: str | None
) -> None:
    flags = with_bare_words(parse_flags(prompt, lambda _: None), ("16:9", "1:1"), ())
    assert (flags.prompt, flags.ratio, flags.count) == (left, ratio, count)
