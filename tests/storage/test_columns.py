"""Columns: moments in UTC, words of an enumeration, requests that are read as they were written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError

from bot.domain import JobState, Preferences, Request, Scope, Source
from bot.storage.columns import EnumText, RequestJson, Unreadable
from tests.storage.direct import Direct
from tests.storage.rows import ANN, NOON, draft


def test_a_moment_of_any_zone_comes_back_in_utc(db: Direct) -> None:
    shanghai = datetime(2026, 1, 1, 3, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with db.transaction() as tx:
        assert tx.jobs.add(draft(), shanghai) is not None
        found = tx.jobs.find(ANN, 1, 0)
    assert found is not None
    assert datetime(2025, 12, 31, 19, 0, 0, 123456, tzinfo=UTC) == found.created_at
    assert found.created_at.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(db: Direct) -> None:
    with pytest.raises(StatementError, match="without a time zone"), db.transaction() as tx:
        tx.keys.add("press", datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake


def test_what_a_database_cannot_keep_is_replaced_and_nothing_is_lost(db: Direct) -> None:
    with db.transaction() as tx:
        tx.preferences.choose(Scope(ANN), "model", "a\0b\ud83dc 🐈")
        assert tx.preferences.get(ANN) == Preferences(model="a\N{REPLACEMENT CHARACTER}b?c 🐈")
        asked = replace(draft(), request=Request("a\0b\ud83dc 🐈", "m"))
        assert tx.jobs.add(asked, NOON) is not None
        found = tx.jobs.find(ANN, 1, 0)
    assert found is not None
    assert found.request.prompt == "a\0b?c 🐈"


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="flying"):
        EnumText(JobState).process_result_value("flying", None)  # type: ignore[arg-type]


DIALECT = sqlite.dialect()


def encode_request(request: Request) -> str:
    written = RequestJson().process_bind_param(request, DIALECT)
    assert written is not None
    return written


def decode_request(document: str) -> Request | None:
    return RequestJson().process_result_value(document, DIALECT)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SOURCES = st.builds(
    Source,
    file_id=st.none() | TEXT,
    sha256=st.none() | TEXT,
    size=st.none() | st.integers(0, 2**63 - 1),
)
REQUESTS = st.builds(
    Request,
    prompt=TEXT,
    model=TEXT,
    sources=st.lists(SOURCES, max_size=4).map(tuple),
    aspect_ratio=st.none() | TEXT,
    size=st.none() | TEXT,
    mask=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


@given(TEXT | JSON.map(json.dumps))
def test_any_other_document_is_refused(document: str) -> None:
    with pytest.raises(Unreadable):
        decode_request(document)


def written(**changes: Any) -> str:  # noqa: ANN401 - wrong types are the point
    request = Request("p", "m", (Source("f"),))
    return json.dumps(json.loads(encode_request(request)) | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 0},
        {"v": 1},
        {"v": 3},
        {"v": None},
        {"v": [2]},
        {"size": 2},
        {"mask": None},
        {"mask": 1},
        {"v": True},
        {"v": "1"},
        {"prompt": None},
        {"prompt": 5},
        {"aspect_ratio": 1},
        {"sources": {}},
        {"sources": ["f"]},
        {"sources": [{"file_id": "f", "sha256": None}]},
        {"sources": [{"file_id": "f", "sha256": None, "size": "7"}]},
        {"extra": 1},
    ],
)
def test_a_request_with_one_field_wrong_is_refused(changes: dict[str, Any]) -> None:
    assert decode_request(written()) == Request("p", "m", (Source("f"),))
    with pytest.raises(Unreadable):
        decode_request(written(**changes))


def test_a_request_as_the_first_release_wrote_it_is_read() -> None:
    document = (
        '{"v":2,"prompt":"p","model":"m","aspect_ratio":null,"size":"2K","mask":true,'
        '"sources":[{"file_id":"f","sha256":null,"size":null}]}'
    )
    assert decode_request(document) == Request("p", "m", (Source("f"),), None, "2K", mask=True)


def test_what_is_refused_is_not_repeated_in_the_error() -> None:
    with pytest.raises(Unreadable, match="model") as caught:
        decode_request(written(model=["private words"]))
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_request_of_the_first_version_is_read() -> None:
    source = {"file_id": "f", "sha256": None, "size": 7}
    first = {"v": 1, "prompt": "p", "model": "m", "aspect_ratio": "16:9", "sources": [source]}
    expected = Request("p", "m", (Source("f", size=7),), "16:9")
    assert decode_request(json.dumps(first)) == expected
    with pytest.raises(Unreadable):
        decode_request(json.dumps({**first, "size": "2K"}))
