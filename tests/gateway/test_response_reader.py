"""An answer as it arrives: what it is, its first bytes tell."""

from __future__ import annotations

import json

import pytest

from bot.gateway.receive import ResponseReader
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import event, pieces, taken


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
    assert taken([answer]).reader.is_stream is stream
    assert taken([bytes([byte]) for byte in answer]).reader.is_stream is stream


def test_blanks_before_an_answer_are_not_held() -> None:
    reader = ResponseReader(limit=100, images=1)
    assert taken([b"\n" * 1000, b'{"model":"a"}'], reader).reader.response(200).model == "a"


PNG = picture("PNG")
SIGNATURE = base64(bytes(range(256)) * 12_000)
PICTURE = f"![image](data:image/png;base64,{base64(PNG)})"
THOUGHT = {"reasoning_details": [{"type": "reasoning.encrypted", "data": SIGNATURE}]}
PARTS = [
    {"thoughtSignature": SIGNATURE, "text": "Here"},
    {"inlineData": {"mimeType": "image/png", "data": base64(PNG)}},
]
SAID = {"content": PICTURE, **THOUGHT}
CHOICE = {"finish_reason": "stop"}
SIGNED = {
    "message": json.dumps({"choices": [{"message": SAID, **CHOICE}]}).encode(),
    "delta": event({"choices": [{"delta": SAID, **CHOICE}]}),
    "candidate": json.dumps({"candidates": [{"content": {"parts": PARTS}}]}).encode(),
    "streamed candidate": event(
        {"candidates": [{"content": {"parts": PARTS}, "finishReason": "STOP"}]}
    ),
    "output": json.dumps(
        {
            "output": [
                {"type": "reasoning", "encrypted_content": SIGNATURE},
                {"type": "image_generation_call", "result": base64(PNG)},
            ]
        }
    ).encode(),
}


@pytest.mark.parametrize("name", SIGNED)
def test_a_picture_behind_megabytes_of_signature_is_read(name: str) -> None:
    chunks = pieces(SIGNED[name], list(range(0, len(SIGNED[name]), 65_536)))
    one = taken(chunks, ResponseReader(limit=50_000, images=4))
    assert len(one.reader.response(200).images) == 1
    assert one.pictures == {0: PNG}


@pytest.mark.parametrize("body", [b"data", b"i", b"event"])
def test_an_answer_that_ends_where_a_stream_could_begin_is_text(body: bytes) -> None:
    assert taken([body]).reader.recorded == body
