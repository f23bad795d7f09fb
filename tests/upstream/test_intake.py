"""An intake: what an answer is, its first bytes tell."""

from __future__ import annotations

import pytest

from bot.upstream.intake import Intake
from tests.upstream.streams import taken


@pytest.mark.parametrize(
    ("answer", "stream"),
    [
        (b'{"choices":[]}', False),
        (b'\n \r\n\t{"choices":[]}', False),
        (b'\xef\xbb\xbf{"choices":[]}', False),
        (b"<html>", False),
        (b"database is down", False),
        (b"data", False),
        (b"", False),
        (b"\n\n", False),
        (b"data: {}", True),
        (b"data:", True),
        (b"\n\n: PING\n\n", True),
        (b"\xef\xbb\xbf:", True),
        (b"event: a\ndata: {}\n\n", True),
        (b"id: 1\ndata: {}\n\n", True),
        (b"retry: 1\ndata: {}\n\n", True),
    ],
)
def test_what_an_answer_is_its_first_bytes_tell(answer: bytes, *, stream: bool) -> None:
    assert taken([answer]).intake.stream is stream
    assert taken([bytes([byte]) for byte in answer]).intake.stream is stream


def test_blanks_before_an_answer_are_not_held() -> None:
    intake = Intake(skeleton=100, pictures=1)
    assert taken([b"\n" * 1000, b'{"model":"a"}'], intake).intake.read(200).model == "a"
