"""The gateway over real HTTP: its shapes, its oddities, its record of calls."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gateway import CallState, Failure, Format, Reply, Route, Shape, UsageForm
from sandbox.gateway.chat_request import read
from sandbox.gateway.inputs import InvalidRequest
from tests.sandbox.client import BASE64, Client, opened, part, pictures, png

# What it draws
# -------------


async def test_a_prompt_becomes_a_picture_with_usage(client: Client) -> None:
    answer = await client.post("a lighthouse", modalities=["text", "image"])
    assert answer.headers["content-type"] == "application/json"
    (data,) = pictures(answer)
    assert opened(data).size == (1024, 1024)
    assert answer.json()["usage"]["completion_tokens_details"]["image_tokens"] == 1290


async def test_the_picture_carries_its_prompt_in_the_file(client: Client) -> None:
    (data,) = pictures(await client.post("雨中的橘猫 🐈 and a very_long_word" + "x" * 3000))
    assert opened(data).info["Description"].startswith("雨中的橘猫")


@pytest.mark.parametrize(
    "dialect",
    [
        {"image_config": {"aspect_ratio": "16:9"}},
        {"extra_body": {"google": {"image_config": {"aspect_ratio": "16:9"}}}},
    ],
)
async def test_the_ratio_is_understood_in_the_body(client: Client, dialect: dict[str, Any]) -> None:
    (data,) = pictures(await client.post("wide", **dialect))
    assert opened(data).size == (1344, 768)
    assert client.gateway.calls[0].aspect_ratio == "16:9"


async def test_the_ratio_is_understood_in_a_system_message(client: Client) -> None:
    messages = [
        {"role": "system", "content": "aspect_ratio=9:16"},
        {"role": "user", "content": "high"},
    ]
    answer = await client.http.post("chat/completions", json={"model": "m", "messages": messages})
    assert opened(pictures(answer)[0]).size == (768, 1344)
    assert client.gateway.calls[0].prompt == "high"


async def test_an_edit_keeps_the_form_of_its_picture_and_is_remembered(client: Client) -> None:
    data = png(300, 150)
    answer = await client.post([{"type": "text", "text": "make it blue"}, part(data)])
    width, height = opened(pictures(answer)[0]).size
    assert round(width / height, 1) == 2.0
    (call,) = client.gateway.calls
    assert call.prompt == "make it blue"
    (seen,) = call.inputs
    assert (seen.sha256, seen.mime, seen.size) == (
        hashlib.sha256(data).hexdigest(),
        "image/png",
        len(data),
    )
    assert (call.state, call.status) == (CallState.ANSWERED, 200)


async def test_the_record_of_a_call_holds_no_base64(client: Client) -> None:
    data = png(500, 500)
    await client.post([{"type": "text", "text": "edit"}, part(data)])
    skeleton = client.gateway.calls[0].skeleton
    assert base64.b64encode(data).decode() not in skeleton
    assert json.loads(skeleton)["messages"][0]["content"][1]["type"] == "image_url"


async def test_many_pictures_differ(client: Client) -> None:
    answer = await client.post("x sandbox:pictures=3")
    assert len({hashlib.sha256(data).hexdigest() for data in pictures(answer)}) == 3
    names = [hashlib.sha256(data).hexdigest() for data in pictures(answer)]
    assert list(client.gateway.calls[0].pictures) == names


@pytest.mark.parametrize("form", list(Format))
async def test_pictures_come_in_every_format(client: Client, form: Format) -> None:
    (data,) = pictures(await client.post(f"x sandbox:format={form} sandbox:shape=4"))
    assert opened(data).format == form.name


async def test_noise_has_the_size_asked_for_and_never_repeats(client: Client) -> None:
    client.gateway.default = Reply(noise=300_000)
    first, second = [pictures(await client.post("n"))[0] for _ in range(2)]
    assert abs(len(first) - 300_000) < 6_000
    assert first != second
    assert opened(first).tobytes() == opened(second).tobytes()


# The shapes
# ----------


FINDERS = {
    Shape.MARKDOWN: lambda m: m["content"].partition("![image](")[2],
    Shape.ONE_HUB: lambda m: m["image"][0]["data"],
    Shape.IMAGES: lambda m: m["images"][0]["image_url"]["url"],
    Shape.IMAGES_STRING: lambda m: m["images"][0]["image_url"],
    Shape.PARTS: lambda m: m["content"][1]["image_url"]["url"],
    Shape.PARTS_INLINE: lambda m: m["content"][1]["inline_data"]["data"],
    Shape.PARTS_INLINE_CAMEL: lambda m: m["content"][1]["inlineData"]["data"],
    Shape.PARTS_IMAGE: lambda m: m["content"][1]["image"],
    Shape.PARTS_B64_JSON: lambda m: m["content"][1]["b64_json"],
    Shape.PARTS_IMAGE_BASE64: lambda m: m["content"][1]["image_base64"],
    Shape.PARTS_OUTPUT_IMAGE: lambda m: m["content"][1]["image_url"],
    Shape.MULTI_CAMEL: lambda m: m["multi_mod_content"][0]["inlineData"]["data"],
    Shape.MULTI_SNAKE: lambda m: m["multi_mod_content"][0]["inline_data"]["data"],
    Shape.MULTI_MODAL: lambda m: m["multi_modal_content"][0]["inline_data"]["data"],
    Shape.LEGACY: lambda m: m["image"]["url"],
}


@pytest.mark.parametrize("shape", FINDERS)
async def test_the_picture_is_where_the_shape_has_it(client: Client, shape: Shape) -> None:
    message = await client.message(f"x sandbox:shape={shape}")
    encoded = BASE64.search(FINDERS[shape](message))
    assert encoded is not None
    assert opened(base64.b64decode(encoded[0])).format == "PNG"


@pytest.mark.parametrize("shape", [Shape.URL, Shape.URL_BARE])
async def test_the_url_shapes_serve_the_picture(client: Client, shape: Shape) -> None:
    message = await client.message(f"x sandbox:shape={shape}")
    found = re.search(r"http://[^)\s]+", message["content"])
    assert found is not None
    async with httpx.AsyncClient() as stranger:
        answer = await stranger.get(found[0])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert opened(answer.content).size == (1024, 1024)


async def test_every_image_of_the_third_shape_has_index_zero(client: Client) -> None:
    message = await client.message("x sandbox:shape=3 sandbox:pictures=2")
    assert message["content"] is None
    assert [image["index"] for image in message["images"]] == [0, 0]


# The oddities
# ------------


@pytest.mark.parametrize(
    ("word", "finish", "native"),
    [
        ("refuse", "content_filter", "IMAGE_SAFETY"),
        ("refuse=native", "stop", "image_safety"),
        ("refuse=plain", "content_filter", None),
        ("refuse=message", "stop", None),
        ("text", "stop", None),
    ],
)
async def test_no_picture_has_many_reasons(
    client: Client, word: str, finish: str, native: str | None
) -> None:
    answer = await client.post(f"x sandbox:{word}")
    choice = answer.json()["choices"][0]
    assert (choice["finish_reason"], choice.get("native_finish_reason")) == (finish, native)
    assert not pictures(answer)
    assert ("refusal" in choice["message"]) == (word == "refuse=message")


@pytest.mark.parametrize("failure", list(Failure))
async def test_every_failure_comes_with_its_status(client: Client, failure: Failure) -> None:
    answer = await client.post(f"x sandbox:error={failure}")
    named = failure.partition("-")[0]
    assert answer.status_code == int(named if named.isdigit() else 200)
    assert client.gateway.calls[0].status == answer.status_code
    assert not pictures(answer)


async def test_failures_speak_as_gateways_do(client: Client) -> None:
    limited = await client.post("sandbox:error=429")
    assert limited.headers["retry-after"] == "3"
    assert (await client.post("sandbox:error=503")).json()["error"]["code"] == "model_not_found"
    poor = await client.post("sandbox:error=403")
    assert poor.json()["error"]["code"] == "insufficient_user_quota"
    assert "error" in (await client.post("sandbox:error=200")).json()
    assert (await client.post("sandbox:empty")).json()["choices"] == []
    assert (await client.post("sandbox:error=502")).text.startswith("<!DOCTYPE html>")


async def test_when_to_come_again_is_said_in_seconds_as_a_date_or_not_at_all(
    client: Client,
) -> None:
    date = "Sun, 22 Nov 2026 23:59:59 GMT"
    busy = Failure.OVERLOADED
    client.gateway.script(
        Reply(failure=busy, retry_after=7),
        Reply(failure=busy, retry_after=date),
        Reply(failure=Failure.RATE_LIMITED, retry_after=None),
    )
    said = [(await client.post("x")).headers.get("retry-after") for _ in range(3)]
    assert said == ["7", date, None]
    words = await client.post("sandbox:error=429 sandbox:retry=date")
    assert words.headers["retry-after"].endswith(" GMT")


async def test_an_overload_is_not_a_model_that_is_not_there(client: Client) -> None:
    answer = await client.post("sandbox:error=503-overloaded")
    assert answer.json()["error"]["code"] != "model_not_found"
    assert "overloaded" in answer.json()["error"]["message"]


@pytest.mark.parametrize("ending", ["", " sandbox:error=502-json"])
async def test_blank_lines_fix_the_status_before_the_answer_is_known(
    client: Client, ending: str
) -> None:
    answer = await client.post(f"x sandbox:keepalive=4 sandbox:pause=0{ending}")
    assert answer.status_code == 200
    assert answer.content.startswith(b"\n\n\n\n{")
    assert ("error" in answer.json()) == bool(ending)
    assert "content-length" not in answer.headers


async def test_a_connection_can_be_dropped_before_any_byte(client: Client) -> None:
    client.gateway.script(Reply(cut=0.0))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await client.post("x")
    await client.gateway.until(lambda: client.gateway.calls[0].state is CallState.CUT)
    assert client.gateway.calls[0].sent == 0


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (UsageForm.NULL, None),
        (UsageForm.ZERO, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
    ],
)
async def test_usage_takes_odd_forms(client: Client, form: UsageForm, expected: object) -> None:
    answer = await client.post(f"x sandbox:usage={form}")
    assert answer.json()["usage"] == expected


async def test_usage_may_be_absent_hold_nulls_a_cost_or_other_names(client: Client) -> None:
    absent, nulls, cost, images = [
        (await client.post(f"x sandbox:usage={form}")).json()
        for form in ("absent", "nulls", "cost", "images")
    ]
    assert "usage" not in absent
    assert set(nulls["usage"].values()) == {None}
    assert cost["usage"]["cost"] == 0.039
    assert images["usage"]["output_tokens"] > 1290


async def test_blanks_can_stand_before_the_json(client: Client) -> None:
    answer = await client.post("x sandbox:space")
    assert answer.content.startswith(b"\n\n \n{")
    assert answer.json()["choices"]


async def test_truncated_json_looks_whole_to_http(client: Client) -> None:
    answer = await client.post("x sandbox:truncated")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_a_cut_connection_ends_in_the_middle_of_the_body(client: Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        await client.post("x sandbox:cut")
    await client.gateway.until(lambda: client.gateway.calls[0].state is CallState.CUT)


async def test_a_word_that_means_nothing_is_told_in_words(client: Client) -> None:
    message = await client.message("x sandbox:bogus=1")
    assert "sandbox:bogus=1 means nothing here" in message["content"]


# Scripts, gates, the record
# --------------------------


async def test_a_call_tells_its_route_and_its_other_fields(client: Client) -> None:
    config = {"image_size": "2K"}
    await client.post("x", temperature=0.5, user="a", image_config=config)
    (call,) = client.gateway.calls
    assert (call.route, call.stream, call.size, call.count) == (Route.CHAT, False, "2K", 1)
    assert call.fields == {"temperature": "0.5", "user": "a"}


async def test_the_script_comes_before_the_words_and_ends(client: Client) -> None:
    client.gateway.script(Reply(pictures=0, text="first"), Reply(failure=Failure.BAD_GATEWAY))
    assert (await client.message("x sandbox:error=500"))["content"] == "first"
    assert (await client.post("x")).status_code == 502
    assert pictures(await client.post("x"))


async def test_a_scripted_body_is_sent_as_it_is(client: Client) -> None:
    client.gateway.script(
        Reply(body=b"[]", status=418, content_type="text/x", headers=(("X-Odd", "1"),))
    )
    answer = await client.post("x")
    assert (answer.status_code, answer.content, answer.headers["x-odd"]) == (418, b"[]", "1")


async def test_a_gate_holds_calls_until_it_is_released(client: Client) -> None:
    gate = client.gateway.hold()
    asked = asyncio.create_task(client.post("x"))
    await client.gateway.until(lambda: gate.waiting == 1)
    assert client.gateway.calls[0].state is CallState.OPEN
    gate.release()
    assert (await asked).status_code == 200
    assert gate.waiting == 0


async def test_a_client_who_leaves_is_noticed_and_not_drawn_for(client: Client) -> None:
    with client.gateway.hold() as gate:
        asked = asyncio.create_task(client.post("x"))
        await client.gateway.until(lambda: gate.waiting == 1)
        asked.cancel()
        await client.gateway.until(lambda: client.gateway.calls[0].state is CallState.CUT)
    assert client.gateway.calls[0].pictures == ()


async def test_a_wait_that_fails_names_the_calls(client: Client) -> None:
    await client.post("a telling prompt")
    with pytest.raises(TimeoutError, match="a telling prompt"):
        await client.gateway.until(lambda: False, timeout=0.01)


# What it refuses
# ---------------


async def test_a_wrong_key_is_refused_everywhere(client: Client) -> None:
    client.http.headers["Authorization"] = "Bearer wrong"
    answer = await client.post("x")
    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("无效的令牌")
    assert (await client.http.get("models")).status_code == 401
    assert [(await client.http.post(route)).status_code for route in Route] == [401] * len(Route)
    assert client.gateway.calls == []


async def test_models_are_listed(client: Client) -> None:
    listed = (await client.http.get("models")).json()["data"]
    assert "gemini-2.5-flash-image" in [model["id"] for model in listed]


@pytest.mark.parametrize(
    "content",
    [
        "",
        [],
        None,
        [{"type": "text", "text": " "}],
        [
            {"type": "text", "text": "x"},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        ],
        [{"type": "text", "text": "x"}, part(b"GIF89a not a picture", "image/gif")],
        [{"type": "text", "text": "x"}, part(b"not a picture")],
        [{"type": "text", "text": "x"}, part(png(), "image/webp")],
        [{"type": "text", "text": "x"}, part(png()[:60])],
        [{"type": "text", "text": "x"}, *[part(png(4, 4))] * 17],
        [{"type": "video", "video": "x"}],
    ],
)
async def test_what_is_no_prompt_is_refused(client: Client, content: object) -> None:
    answer = await client.post(content)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request_error"


@pytest.mark.parametrize(
    "more",
    [
        {"stream": "yes"},
        {"stream_options": {"include_usage": True}},
        {"modalities": "image"},
        {"image_config": {"aspect_ratio": "wide"}},
        {"image_config": {"aspect_ratio": "1:99"}},
        {"image_config": {"image_size": "2k"}},
        {"extra_body": {"google": {"imageConfig": {"aspectRatio": "1:1"}}}},
        {"model": None},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "x"}]},
    ],
)
async def test_a_wrong_field_is_refused(client: Client, more: dict[str, Any]) -> None:
    assert (await client.post("x", **more)).status_code == 400


async def test_half_a_surrogate_pair_is_no_text(client: Client) -> None:
    for name in ("chat/completions", "images/generations"):
        body = {
            "model": "m",
            "prompt": "\ud83d",
            "messages": [{"role": "user", "content": "\ud83d"}],
        }
        answer = await client.http.post(name, content=json.dumps(body))
        assert answer.json()["error"]["message"] == "invalid Unicode"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "url", "image_url", "role", "content", "google"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"model": st.just("m")},
        optional={
            "messages": JSON | st.just([{"role": "user", "content": "x"}]),
            "modalities": JSON,
            "image_config": JSON,
            "extra_body": JSON,
        },
    )
)
def test_no_json_does_anything_but_be_read_or_refused(data: dict[str, Any]) -> None:
    try:
        ask = read(json.dumps(data).encode())
    except InvalidRequest:
        return
    assert ask.prompt


@given(st.binary(max_size=50))
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read(data)
