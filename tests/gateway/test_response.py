"""Reading an answer: whatever it is, it is read or it fails in a classified way."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import OutcomeKind
from bot.gateway.documents import parse_response
from bot.gateway.errors import CallFailed
from bot.gateway.image_locations import ExtractedImage, LinkedImage
from bot.gateway.json import amount, number
from bot.gateway.links import without_links
from bot.gateway.response import ParsedResponse, classify_failure

KEYS = [
    "choices",
    "message",
    "delta",
    "content",
    "images",
    "image",
    "image_url",
    "url",
    "data",
    "b64_json",
    "text",
    "parts",
    "inlineData",
    "multi_mod_content",
    "thought",
    "refusal",
    "finish_reason",
    "native_finish_reason",
    "error",
    "code",
    "type",
    "usage",
    "completion_tokens",
    "completion_tokens_details",
    "image_tokens",
    "cost",
    "output",
    "candidates",
    "result",
    "promptFeedback",
    "task_id",
    "id",
    "model",
    "success",
    "metadata",
    "prompt_tokens",
    "index",
    "finishReason",
    "revised_prompt",
    "mime_type",
]
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\ue0000\ue001", "![a](data:x;base64,\ue0001\ue001)", "![a](https://b/c)"])
)
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=40,
)


@given(
    document=st.dictionaries(st.sampled_from(KEYS), documents, max_size=6) | documents,
    status=st.sampled_from([200, 201, 301, 400, 429, 503]),
)
def test_any_json_is_read_or_fails_with_a_kind(document: object, status: int) -> None:
    remainder = json.dumps(document).encode()
    with suppress(CallFailed):
        reading = parse_response(remainder, status)
        assert isinstance(classify_failure(reading).kind, OutcomeKind)
        reading.text.encode()


@given(body=st.binary(max_size=300), status=st.integers(100, 599))
def test_any_bytes_are_read_or_fail_with_a_kind(body: bytes, status: int) -> None:
    with suppress(CallFailed):
        assert isinstance(parse_response(body, status), ParsedResponse)


def test_pictures_come_in_the_order_of_their_places() -> None:
    message = {
        "content": [{"text": "a"}, {"image_url": {"url": "\ue0004\ue001"}}],
        "multi_mod_content": [{"inlineData": {"data": "\ue0003\ue001"}}],
        "image": {"url": "\ue0002\ue001"},
        "images": [
            {"image_url": {"url": "\ue0001\ue001"}},
            {"image_url": {"url": "\ue0001\ue001"}},
        ],
    }
    document = {
        "candidates": [{"content": {"parts": [{"inlineData": {"data": "\ue0007\ue001"}}]}}],
        "output": [{"type": "image_generation_call", "result": "\ue0006\ue001"}],
        "data": [{"b64_json": "\ue0005\ue001"}],
        "choices": [{"message": message}],
    }
    found = parse_response(json.dumps(document).encode(), 200).images
    assert found == tuple(map(ExtractedImage, range(1, 8)))


def test_links_are_ranked_below_pictures_and_markdown() -> None:
    text = "![a](https://a/1) see https://b/2, or [here](https://c/3)."
    reading = parse_response(
        json.dumps({"choices": [{"message": {"content": text}}]}).encode(), 200
    )
    assert reading.images == ()
    assert reading.markdown_images == (LinkedImage("https://a/1"),)
    assert reading.links == (LinkedImage("https://b/2"), LinkedImage("https://c/3"))
    assert reading.text == text


def test_links_that_became_pictures_leave_the_text() -> None:
    text = "see https://b/2, [here](https://c/3) or https://b/22"
    assert without_links(text, {"https://b/2", "https://c/3"}) == "see ,  or https://b/22"


@pytest.mark.parametrize("text", ["None", "", "-1", "NaN", "Infinity", "1e9", "a lot", "9" * 99])
def test_what_is_no_amount_of_money_is_none(text: str) -> None:
    assert amount(text) is None


@pytest.mark.parametrize(
    "text", ["1e99999999999999999999", "1e9999999", "1e-9999999", "NaN", "-Infinity", "x", ""]
)
def test_a_number_that_cannot_be_counted_with_is_none(text: str) -> None:
    assert number(text) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=999_999))
def test_an_amount_is_read_exactly(value: Decimal) -> None:
    assert amount(value) == value


def test_counts_that_no_database_holds_are_unknown() -> None:
    usage = {"prompt_tokens": 2**31, "completion_tokens": -1, "input_tokens": 2**31 - 1}
    tokens = parse_response(json.dumps({"usage": usage}).encode(), 200).tokens
    assert (tokens.tokens_in, tokens.tokens_out) == (2**31 - 1, None)
