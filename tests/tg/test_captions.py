"""Captions fit Telegram's limits whatever they are made of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.features.history.handlers import PROMPT as OF_HISTORY
from bot.features.inline.query_results import PROMPT as OF_INLINE
from bot.features.queue.handlers import PROMPT as OF_QUEUE
from bot.tg.text_limits import CAPTION, TEXT, fit, units, without_codes

ANY_TEXT = st.text(
    st.characters(exclude_categories=()) | st.sampled_from("🦊👩‍🚀 \n\u200d\ufe0f\ud800")
)


@given(ANY_TEXT, st.integers(1, 60))
def test_a_text_never_exceeds_its_limit_and_can_always_be_sent(text: str, limit: int) -> None:
    fitted = fit(text, limit)
    assert units(fitted) <= limit
    fitted.encode()  # no half of a character is left
    assert "\0" not in fitted


@given(ANY_TEXT, st.integers(1, 60))
def test_fitting_twice_changes_nothing(text: str, limit: int) -> None:
    assert fit(fit(text, limit), limit) == fit(text, limit)


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=60))
def test_what_fits_stays_as_it_is(text: str) -> None:
    assert fit(text, 120) == text


@given(st.text(st.characters(categories=("L", "P", "Zs")), min_size=30), st.integers(2, 20))
def test_what_is_cut_is_a_beginning_with_an_ellipsis(text: str, limit: int) -> None:
    fitted = fit(text, limit)
    if units(text.strip()) > limit:
        assert fitted.endswith("…")
        assert text.strip().startswith(fitted.removesuffix("…"))


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 10, ""),
        ("  a fox \n", 10, "a fox"),
        ("a\tfox\nruns", 20, "a\tfox\nruns"),
        ("a\0fox\x07", 10, "afox"),
        ("half \ud83e a fox", 20, "half  a fox"),
        ("the quick brown fox", 18, "the quick brown…"),
        ("incomprehensibilities", 10, "incompreh…"),
        ("🦊🦊🦊", 6, "🦊🦊🦊"),
        ("🦊🦊🦊", 5, "🦊🦊…"),
        ("🦊🦊🦊", 4, "🦊…"),
        ("ab👩‍🚀", 6, "ab…"),  # an astronaut is a woman and a rocket, not one of them
        ("❤️❤️", 3, "❤️…"),
        ("狐狸在雪地里奔跑", 5, "狐狸在雪…"),
    ],
)
def test_texts_are_cut_where_a_reader_would(text: str, limit: int, expected: str) -> None:
    assert fit(text, limit) == expected


# Whatever is shown of a prompt, in inline results, galleries and queues, is cut by these.
@pytest.mark.parametrize("limit", [CAPTION, TEXT, OF_INLINE, OF_HISTORY, OF_QUEUE])
@settings(max_examples=30, deadline=None)
@given(text=ANY_TEXT, times=st.integers(1, 400))
def test_every_limit_holds_for_long_texts(limit: int, text: str, times: int) -> None:
    fitted = fit(text * times, limit)
    assert units(fitted) <= limit
    fitted.encode()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("IMAGE_SAFETY", ""),
        ("safety", ""),
        ("content_filter", ""),
        ("openai.error/ContentPolicyViolation", ""),
        ("Blocked (IMAGE_PROHIBITED_CONTENT)", ""),
        ("I can't help with that.", "I can't help with that."),
        ("The image was blocked. finish_reason: IMAGE_SAFETY", "The image was blocked."),
        ("Your prompt was refused, safety_violations=[sexual].", "Your prompt was refused"),
        ("It was refused. Please include the request ID req_12ab.", "It was refused. Please"),
        ("该请求违规 (request id: 2026112)", "该请求违规"),
        ("涉嫌违规", "涉嫌违规"),
        ("Error code: 400 - {'error': {'message': 'no', 'code': 'x_y'}}", ""),
    ],
)
def test_what_a_service_says_to_machines_is_kept_from_people(said: str, left: str) -> None:
    assert without_codes(said) == left


@given(
    st.lists(st.sampled_from(("the", "IMAGE_SAFETY", "finish_reason=OTHER", "猫", "{", "}", "(")))
)
def test_no_code_is_left_of_any_words(words: list[str]) -> None:
    assert "_" not in without_codes(" ".join(words))


@given(ANY_TEXT)
def test_words_without_codes_are_found_quickly_and_stay_short(text: str) -> None:
    assert len(without_codes(text * 100)) <= len(text * 100)
