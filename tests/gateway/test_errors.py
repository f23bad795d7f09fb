"""A gateway's failures: kinds by code and status, words that are safe to keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import OutcomeKind as Kind
from bot.gateway.classify import classify_error, classify_page
from bot.gateway.errors import hiding, plain


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"message": "无效的令牌", "type": "new_api_error"}, 401, Kind.BAD_KEY),
        ({"message": "x", "code": "insufficient_user_quota"}, 403, Kind.OUT_OF_MONEY),
        ({"message": "x", "code": "pre_consume_token_quota_failed"}, 403, Kind.OUT_OF_MONEY),
        ({"message": "x", "code": 402}, 402, Kind.OUT_OF_MONEY),
        ({"message": "该令牌额度已用尽", "type": "one_api_error"}, 403, Kind.OUT_OF_MONEY),
        ({"message": "x", "code": "model_not_found"}, 503, Kind.UNKNOWN_MODEL),
        ({"message": "分组 default 下模型 X 无可用渠道", "code": None}, 503, Kind.UNKNOWN_MODEL),
        ({"message": "当前分组上游负载已饱和"}, 429, Kind.RATE_LIMITED),
        ({"message": "Rate limit exceeded", "code": 429}, None, Kind.RATE_LIMITED),
        ({"message": "x", "code": "429"}, None, Kind.RATE_LIMITED),
        (
            {"message": "x", "metadata": {"error_type": "rate_limit_exceeded"}},
            None,
            Kind.RATE_LIMITED,
        ),
        ({"message": "x", "code": 403, "metadata": {"flagged_input": "…"}}, 403, Kind.REFUSED),
        ({"message": "x", "code": "content_policy_violation"}, 400, Kind.REFUSED),
        ({"message": "x", "code": "invalid_image"}, 400, Kind.BAD_INPUT),
        ({"message": "x", "code": "bad_response_status_code"}, 502, Kind.UNAVAILABLE),
        ({"message": "not supported model for image generation"}, 500, Kind.UNKNOWN_MODEL),
        ({"message": "x"}, 500, Kind.GATEWAY_ERROR),
        ({"message": None, "code": None, "type": None}, 400, Kind.BAD_INPUT),
        ("something broke", None, Kind.GATEWAY_ERROR),
        (["odd"], 504, Kind.TIMEOUT),
        ({"message": "x", "code": "rate_limit_exceeded"}, 504, Kind.TIMEOUT),
        ({"message": "x", "code": "model_not_found"}, 408, Kind.TIMEOUT),
        ({"message": "x", "code": 500}, 524, Kind.TIMEOUT),
        ({"message": "x", "code": 503}, 520, Kind.UNAVAILABLE),
        ({"message": "x", "code": 520}, None, Kind.GATEWAY_ERROR),
        *(({"message": "x"}, status, Kind.UNAVAILABLE) for status in (521, 522, 523, 525, 526)),
        ({"message": {"nested": 1}, "code": ["odd"]}, 524, Kind.TIMEOUT),
    ],
)
def test_errors_are_classified_by_code_then_status(
    error: object, status: int | None, kind: Kind
) -> None:
    assert classify_error(error, status).kind is kind


@pytest.mark.parametrize(
    ("error", "status", "repeatable"),
    [
        ({"message": "x"}, 429, True),
        ({"message": "x"}, 502, True),
        ({"message": "x"}, 503, True),
        ({"message": "x"}, 529, True),
        ("words alone", 503, True),
        ({"message": "x", "code": 429}, None, True),
        ({"message": "x", "code": "502"}, None, True),
        ({"message": "x", "code": 503}, None, True),
        ({"message": "x", "code": "rate_limit_exceeded"}, None, True),
        ({"message": "x", "code": "model_not_found"}, 503, False),
        ({"message": "x", "code": "insufficient_quota"}, 429, False),
        ({"message": "x", "code": "content_filter"}, 429, False),
        ({"message": "x", "code": 502}, 504, False),
        ({"message": "x", "code": 504}, 502, False),
        ({"message": "x", "code": "rate_limit_exceeded"}, 500, False),
        *(({"message": "x"}, status, False) for status in (400, 401, 402, 403, 404, 408, 500)),
        *(({"message": "x"}, status, False) for status in (504, 520, 521, 522, 523, 524, 525, 526)),
        ({"message": "x", "code": 504}, None, False),
        ("words alone", None, False),
        (None, None, False),
    ],
)
def test_only_what_says_that_nothing_was_done_may_be_repeated(
    error: object, status: int | None, *, repeatable: bool
) -> None:
    assert classify_error(error, status).repeatable is repeatable


@pytest.mark.parametrize(
    ("status", "repeatable"), [(429, True), (502, True), (503, True), (524, False), (200, False)]
)
def test_a_page_may_be_repeated_by_its_status(status: int, *, repeatable: bool) -> None:
    assert classify_page("<html>", status).repeatable is repeatable


def test_an_error_page_is_reduced_to_its_title() -> None:
    failed = classify_page("<html><head><title>502 Bad &amp; Gateway</title></head>…", 502)
    assert (failed.kind, failed.detail) == (Kind.UNAVAILABLE, "502 Bad & Gateway")


def test_an_error_page_without_a_title_is_an_html_page() -> None:
    assert classify_page("<p>oops", 500).detail == "HTML page"


def test_an_html_page_inside_a_message_is_reduced_too() -> None:
    message = "bad response: <!DOCTYPE html><html><title>524: A timeout occurred</title>"
    failed = classify_error({"message": message, "code": "bad_response_status_code"}, 524)
    assert (failed.kind, failed.detail) == (Kind.TIMEOUT, "524: A timeout occurred")


def test_secrets_and_base64_do_not_stay_in_words() -> None:
    text = plain("Incorrect API key provided: sk-abcdefgh****wxyz " + "A" * 300)
    assert text == "Incorrect API key provided: <secret> <secret>"


def test_our_key_is_blanked_before_anything_is_cut() -> None:
    key = "AIzaSyD-made-up-for-these-tests"
    with hiding(key):
        for before in range(1000 - len(key), 1001):
            words = plain("b " * (before // 2) + "." * (before % 2) + key)
            assert "AIza" not in words
        split = plain(f"{key[:9]}\0{key[9:]}")
        title = classify_page(f"<title>{'b ' * 140}{key}</title>", 500).detail
        nested = classify_error({"message": ["b" * 180, key]}, 500).detail
        assert split == "<secret>"
        assert not any("AIza" in words for words in (title, nested))
    assert plain(key) == key


@given(st.text(st.characters()))
def test_words_are_short_encodable_and_without_control_characters(text: str) -> None:
    words = plain(text * 3, 100)
    assert len(words) <= 100
    words.encode()
    assert all(char.isprintable() or char in "\n\t" or ord(char) > 0x9F for char in words)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["code", "message", "type", "metadata"]), inner)
        ),
    ),
    st.none() | st.integers(100, 999),
)
def test_any_error_is_classified(error: object, status: int | None) -> None:
    assert isinstance(classify_error(error, status).kind, Kind)
