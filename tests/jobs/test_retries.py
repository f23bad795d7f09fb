"""Retries: only what cannot have been bought is asked for again, and not for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.profiles import Profile
from bot.domain import CallReport, OutcomeKind
from bot.jobs.retries import (
    LONGEST_WAIT,
    REPEATS,
    asks_for_picture,
    delay,
    may_fall_back,
    rules_out_gateway,
)

EAGER = Profile("m", "M", retry_sentence="Answer with a picture.")


@pytest.mark.parametrize(
    ("repeats", "asked", "seconds"),
    [(0, None, 1.0), (1, None, 3.0), (2, None, None), (0, 7.0, 7.0), (1, 0.0, 0.0)],
)
def test_a_free_call_is_made_again_twice(
    repeats: int, asked: float | None, seconds: float | None
) -> None:
    report = CallReport(OutcomeKind.RATE_LIMITED, repeatable=True, retry_after=asked)
    assert delay(report, repeats, 0.5) == seconds


@pytest.mark.parametrize("kind", OutcomeKind)
def test_what_may_have_been_bought_is_never_asked_for_again(kind: OutcomeKind) -> None:
    assert delay(CallReport(kind, retry_after=1), 0, 0.5) is None


@given(st.floats(0, 1e9), st.integers(0, 5), st.floats(0, 1), st.floats(0, LONGEST_WAIT))
def test_no_wait_is_longer_than_what_a_place_may_be_held_for(
    asked: float, repeats: int, dice: float, waited: float
) -> None:
    report = CallReport(OutcomeKind.UNAVAILABLE, repeatable=True, retry_after=asked)
    seconds = delay(report, repeats, dice, waited)
    assert (seconds is None) == (repeats >= REPEATS or waited + asked > LONGEST_WAIT)
    assert seconds in (None, asked)


@pytest.mark.parametrize(
    ("asked", "waited", "seconds"),
    [(20.0, 0.0, 20.0), (21.0, 0.0, None), (300.0, 0.0, None), (15.0, 15.0, None), (5.0, 15.0, 5)],
)
def test_who_asks_for_minutes_of_patience_is_not_asked_again(
    asked: float, waited: float, seconds: float | None
) -> None:
    report = CallReport(
        OutcomeKind.RATE_LIMITED, http_status=429, repeatable=True, retry_after=asked
    )
    assert delay(report, 0, 0.5, waited) == seconds
    assert may_fall_back(report)


def test_words_alone_are_insisted_upon_once_and_only_where_the_model_has_a_sentence_for_it() -> (
    None
):
    words = CallReport(OutcomeKind.TEXT_ONLY)
    assert asks_for_picture(words, EAGER, insisted=False)
    assert not asks_for_picture(words, EAGER, insisted=True)
    assert not asks_for_picture(words, Profile("m", "M"), insisted=False)
    assert not asks_for_picture(CallReport(OutcomeKind.REFUSED), EAGER, insisted=False)


@pytest.mark.parametrize(
    ("report", "goes"),
    [
        (CallReport(OutcomeKind.UNAVAILABLE, repeatable=True), True),
        (CallReport(OutcomeKind.UNAVAILABLE, http_status=521), False),
        (CallReport(OutcomeKind.RATE_LIMITED, http_status=429, repeatable=True), True),
        (CallReport(OutcomeKind.RATE_LIMITED, http_status=200), False),
        (CallReport(OutcomeKind.OUT_OF_MONEY, http_status=403), True),
        (CallReport(OutcomeKind.BAD_KEY, http_status=401), True),
        (CallReport(OutcomeKind.UNKNOWN_MODEL, http_status=503), True),
        (CallReport(OutcomeKind.GATEWAY_ERROR, http_status=500), False),
        (CallReport(OutcomeKind.GATEWAY_ERROR, http_status=200), False),
        (CallReport(OutcomeKind.TIMEOUT, http_status=504), False),
        (CallReport(OutcomeKind.CUT_OFF, http_status=200), False),
        (CallReport(OutcomeKind.TEXT_ONLY, http_status=200), False),
        (CallReport(OutcomeKind.REFUSED, http_status=200), False),
        (CallReport(OutcomeKind.BAD_INPUT, http_status=400), False),
        (CallReport(OutcomeKind.DRAWN, http_status=200), False),
    ],
)
def test_another_model_is_asked_only_where_nothing_was_bought(
    report: CallReport, *, goes: bool
) -> None:
    assert may_fall_back(report) is goes


@pytest.mark.parametrize(
    ("kind", "status", "barred"),
    [
        (OutcomeKind.OUT_OF_MONEY, 403, True),
        (OutcomeKind.BAD_KEY, 401, True),
        (OutcomeKind.UNAVAILABLE, None, True),
        (OutcomeKind.UNAVAILABLE, 503, False),
        (OutcomeKind.RATE_LIMITED, 429, False),
        (OutcomeKind.UNKNOWN_MODEL, 503, False),
    ],
)
def test_an_empty_purse_bars_all_models_of_its_gateway(
    kind: OutcomeKind, status: int | None, *, barred: bool
) -> None:
    assert rules_out_gateway(CallReport(kind, http_status=status)) is barred
