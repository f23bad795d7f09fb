"""The gateway's streams over real HTTP: every form, every oddity, byte for byte."""

from __future__ import annotations

import asyncio
import base64
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gateway import CallState, Reply, Shape, Stream, UsageForm, UsagePlace, Wire
from sandbox.gateway.chat_stream import stream
from sandbox.gateway.context import Context
from sandbox.gateway.pictures import Picture
from tests.sandbox.client import BASE64, Client, events, opened, spoken
from tests.support.waiting import patient

NOISE = 30_000


def picture_in(content: str) -> bytes:
    return base64.b64decode(content.partition("base64,")[2].rstrip(")"))


# The forms
# ---------


async def test_a_stream_is_role_words_picture_reason_and_done(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, text="Here it is"))
    answer = await client.post("x", stream=True)
    *chunks, done = events(answer.text)
    deltas = [json.loads(chunk)["choices"][0] for chunk in chunks]
    assert deltas[0]["delta"] == {"role": "assistant", "content": ""}
    assert [choice["delta"]["content"] for choice in deltas[1:4]] == ["Here ", "it ", "is"]
    assert deltas[4]["delta"]["content"].startswith("\n![image](data:image/png;base64,")
    assert (deltas[5]["delta"], deltas[5]["finish_reason"]) == ({}, "stop")
    assert (len(deltas), done) == (6, "[DONE]")


async def test_the_whole_picture_stands_in_one_delta(client: Client) -> None:
    chunks = await client.chunks("a lighthouse")
    (content,) = [text for chunk in chunks if "base64," in (text := spoken([chunk]))]
    assert opened(picture_in(content)).size == (1024, 1024)
    assert client.gateway.calls[0].stream is True


async def test_each_picture_of_a_markdown_stream_has_its_delta(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, pictures=3))
    chunks = await client.chunks("x")
    assert [spoken([chunk]).count("base64,") for chunk in chunks] == [0, 0, 0, 0, 1, 1, 1, 0]


async def test_a_split_picture_is_cut_in_its_head_and_in_its_base64(client: Client) -> None:
    client.gateway.default = Reply(noise=NOISE, stream=Stream.SPLIT, deltas=9)
    for seed in range(5):
        client.gateway.script(Reply(noise=NOISE, stream=Stream.SPLIT, deltas=9, seed=seed))
        chunks = await client.chunks("x")
        contents = [spoken([chunk]) for chunk in chunks[1:-1]]
        assert not any("data:image/png;base64," in content for content in contents)
        assert opened(picture_in("".join(contents))).format == "PNG"


async def test_pictures_can_come_in_a_list_one_in_each_chunk(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, pictures=2, stream=Stream.IMAGES, text="two"))
    chunks = await client.chunks("x")
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    listed = [delta["images"] for delta in deltas if "images" in delta]
    assert [len(images) for images in listed] == [1, 1]
    assert {images[0]["index"] for images in listed} == {0}
    assert spoken(chunks) == "two"


async def test_one_hub_puts_the_picture_beside_a_broken_link(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, stream=Stream.IMAGE))
    chunks = await client.chunks("x")
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    (image,) = [delta["image"] for delta in deltas if "image" in delta]
    assert opened(base64.b64decode(image[0]["data"])).format == "PNG"
    assert "image upload err" in spoken(chunks)


async def test_a_link_is_streamed_and_can_be_fetched(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, shape=Shape.URL))
    content = spoken(await client.chunks("x"))
    url = content.partition("![image](")[2].partition(")")[0]
    assert opened((await client.http.get(url)).content).format == "PNG"


async def test_parts_are_streamed_as_they_are(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, shape=Shape.PARTS))
    deltas = [chunk["choices"][0]["delta"] for chunk in await client.chunks("x")]
    assert deltas[1]["content"][1]["type"] == "image_url"


# Usage and endings
# -----------------


async def test_usage_comes_where_it_was_asked_for(client: Client) -> None:
    client.gateway.default = Reply(noise=NOISE)
    options = {"include_usage": True}
    asked = await client.chunks("x", stream_options=options)
    unasked = await client.chunks("x")
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["completion_tokens_details"]["image_tokens"] == 1290
    assert not any("usage" in chunk for chunk in unasked)


async def test_usage_can_come_unasked_in_the_last_chunk_or_behind_it(client: Client) -> None:
    client.gateway.script(
        Reply(noise=NOISE, usage_place=UsagePlace.LAST, usage=UsageForm.COST),
        Reply(noise=NOISE, usage_place=UsagePlace.FINAL),
    )
    last = (await client.chunks("x"))[-1]
    assert (last["choices"][0]["finish_reason"], last["usage"]["cost"]) == ("stop", 0.039)
    final = (await client.chunks("x"))[-1]
    assert (final["choices"], final["usage"]["total_tokens"] > 1290) == ([], True)


async def test_words_alone_and_refusals_are_streamed(client: Client) -> None:
    described = await client.chunks("x sandbox:text")
    assert spoken(described).startswith("I would rather describe it")
    refused = (await client.chunks("x sandbox:refuse"))[-1]["choices"][0]
    assert refused["finish_reason"] == "content_filter"
    assert refused["native_finish_reason"] == "IMAGE_SAFETY"


async def test_the_end_may_be_missing(client: Client) -> None:
    answer = await client.post("x sandbox:nodone", stream=True)
    assert "[DONE]" not in answer.text
    assert json.loads(events(answer.text)[-1])["choices"][0]["finish_reason"] == "stop"


# The oddities
# ------------


async def test_comments_stand_between_the_first_events(client: Client) -> None:
    answer = await client.post("x sandbox:comments", stream=True)
    comments = [line for line in answer.text.split("\n") if line.startswith(":")]
    assert comments == [": OPENROUTER PROCESSING", ": PING", ": keep-alive"]
    assert answer.text.startswith(": OPENROUTER PROCESSING\n\ndata: {")
    assert "base64," in answer.text


async def test_lines_can_end_as_on_windows(client: Client) -> None:
    answer = await client.post("x sandbox:crlf", stream=True)
    assert answer.text.count("\n") == answer.text.count("\r\n") > 10


async def test_an_events_json_can_stand_on_many_lines(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, multiline=True))
    answer = await client.post("x", stream=True)
    assert answer.text.count("data: ") > 60
    content = spoken([json.loads(data) for data in events(answer.text)[:-1]])
    assert opened(picture_in(content)).format == "PNG"


@pytest.mark.parametrize("after", [2, 99])
async def test_an_error_can_come_under_status_200(client: Client, after: int) -> None:
    client.gateway.script(Reply(noise=NOISE, midstream=429, midstream_after=after))
    chunks = await client.chunks("x")
    assert chunks[-1]["error"]["code"] == 429
    assert chunks[-1]["choices"][0]["finish_reason"] == "error"
    assert ("base64," in spoken(chunks)) == (after == 99)


async def test_a_stream_can_come_unasked_and_json_instead_of_one(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, wire=Wire.SSE), Reply(noise=NOISE, wire=Wire.JSON))
    unasked = await client.post("x")
    assert unasked.headers["content-type"] == "text/event-stream"
    assert events(unasked.text)[-1] == "[DONE]"
    refused = await client.post("x", stream=True)
    assert refused.headers["content-type"] == "application/json"
    assert BASE64.search(refused.json()["choices"][0]["message"]["content"])


async def test_a_stream_can_be_cut_and_can_end_early_as_if_whole(client: Client) -> None:
    seen = bytearray()
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        await collect(client, "x sandbox:cut=0.5", seen)
    assert b"Here " in seen
    await client.gateway.until(lambda: client.gateway.calls[0].state is CallState.CUT)
    assert client.gateway.calls[0].sent == len(seen)
    early = await client.post("x sandbox:truncated", stream=True)
    assert "[DONE]" not in early.text


async def collect(client: Client, prompt: str, seen: bytearray) -> None:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    async with client.http.stream("POST", "chat/completions", json=body) as answer:
        async for piece in answer.aiter_bytes():
            seen += piece


async def test_an_error_before_the_stream_is_plain_json(client: Client) -> None:
    answer = await client.post("x sandbox:error=429", stream=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")


# As it comes
# -----------


async def until(seen: Callable[[], bool]) -> None:
    async with patient():
        while not seen():
            await asyncio.sleep(0)


async def test_words_can_be_read_while_the_picture_is_held(client: Client) -> None:
    seen = bytearray()
    client.gateway.script(Reply(noise=NOISE, text="soon", pause=0.001))
    with client.gateway.hold_streams() as gate:
        reading = asyncio.create_task(collect(client, "x", seen))
        await client.gateway.until(lambda: gate.waiting)
        await until(lambda: b"soon" in seen)
        assert b"base64" not in seen
    await reading
    assert seen.endswith(b"data: [DONE]\n\n")


async def test_who_leaves_a_stream_is_noticed(client: Client) -> None:
    client.gateway.script(Reply(noise=NOISE, pause=30))
    seen = bytearray()
    reading = asyncio.create_task(collect(client, "x", seen))
    await client.gateway.until(lambda: client.gateway.calls)
    await until(lambda: b"assistant" in seen)
    reading.cancel()
    await client.gateway.until(lambda: client.gateway.calls[0].state is CallState.CUT)
    with pytest.raises(asyncio.CancelledError):
        await reading


def test_a_large_picture_is_not_copied_to_be_cut() -> None:
    large = Picture("image/png", (b"A" * 20_000_000,))
    tracemalloc.start()
    try:
        body = stream(
            Reply(stream=Stream.SPLIT, deltas=500, shape=Shape.MARKDOWN),
            [large],
            Context(1, "m", 1),
            include_usage=True,
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert body.length > 20_000_000
    assert peak < 3_000_000


TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\u2028\u27e6\U0001f408'),
    max_size=40,
)


@given(
    text=TEXT,
    encoded=st.binary(min_size=1, max_size=60).map(base64.b64encode),
    seed=st.integers(0, 1000),
    deltas=st.integers(1, 200),
    crlf=st.booleans(),
    multiline=st.booleans(),
)
def test_wherever_it_is_cut_the_content_is_the_same(
    text: str, encoded: bytes, seed: int, deltas: int, *, crlf: bool, multiline: bool
) -> None:
    reply = Reply(
        stream=Stream.SPLIT, text=text, seed=seed, deltas=deltas, crlf=crlf, multiline=multiline
    )
    body = stream(
        reply, [Picture("image/png", (encoded,))], Context(1, "m", 1), include_usage=False
    )
    chunks: list[dict[str, Any]] = [json.loads(data) for data in events(body.data().decode())[:-1]]
    picture = f"![image](data:image/png;base64,{encoded.decode()})"
    assert spoken(chunks) == (f"{text}\n{picture}" if text else picture)
