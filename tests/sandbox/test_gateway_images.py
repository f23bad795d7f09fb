"""The gateway's images routes over real HTTP: generations, edits, variations, and what they refuse."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gateway import Failure, Reply, Route, Shape, UsageForm, Wire, models
from sandbox.gateway.images_request import Form, FormFile, form_of, read_form, read_json
from sandbox.gateway.inputs import InvalidRequest
from tests.sandbox.client import Client, data_url, events, opened, part, png


def sent(answer: httpx.Response) -> list[bytes]:
    """Give the pictures of an answer; every one of them has base64."""
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(item["b64_json"]) for item in answer.json()["data"]]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# Generations
# -----------


async def test_a_prompt_becomes_a_picture_with_usage_in_the_images_style(client: Client) -> None:
    answer = await client.generate("a lighthouse")
    (data,) = sent(answer)
    assert opened(data).size == (1024, 1024)
    usage = answer.json()["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens_details"]["image_tokens"] == 1290
    assert client.gateway.calls[0].pictures == (hashlib.sha256(data).hexdigest(),)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"size": "640x320"}, (640, 320)),
        ({"size": "2K"}, (2048, 2048)),
        ({"size": "auto"}, (1024, 1024)),
        ({"aspect_ratio": "16:9"}, (1344, 768)),
        ({"aspect_ratio": "9:16", "resolution": "2k"}, (1536, 2688)),
        ({"aspect_ratio": "auto"}, (1024, 1024)),
    ],
)
async def test_the_picture_has_the_form_asked_for(
    client: Client, asked: dict[str, str], expected: tuple[int, int]
) -> None:
    (data,) = sent(await client.generate("x", **asked))
    assert opened(data).size == expected


async def test_a_call_remembers_everything_that_was_asked(client: Client) -> None:
    await client.generate(
        "x",
        n=2,
        size="512x512",
        aspect_ratio="1:1",
        resolution="1k",
        quality="high",
        watermark=False,
        output_format="jpeg",
    )
    (call,) = client.gateway.calls
    assert (call.route, call.prompt, call.count) == (Route.GENERATIONS, "x", 2)
    assert (call.size, call.aspect_ratio, call.stream) == ("512x512", "1:1", False)
    assert call.fields == {
        "resolution": "1k",
        "quality": "high",
        "watermark": "false",
        "output_format": "jpeg",
    }


async def test_as_many_pictures_come_as_were_asked_for_and_no_two_are_alike(client: Client) -> None:
    assert len(set(sent(await client.generate("x", n=3, size="64x64")))) == 3


async def test_a_gateway_may_make_one_whatever_was_asked_for(client: Client) -> None:
    client.gateway.script(Reply(pictures=1, noise=1200))
    assert len(sent(await client.generate("x", n=3))) == 1


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
async def test_the_file_has_the_format_asked_for(client: Client, form: str) -> None:
    (data,) = sent(await client.generate("x", size="64x64", output_format=form))
    assert opened(data).format == form.upper()


async def test_a_url_is_given_when_asked_for_and_by_habit(client: Client) -> None:
    asked = await client.generate("x", size="64x64", response_format="url")
    habit = await client.generate("x", model="flux", size="64x64")
    for answer in (asked, habit):
        (item,) = answer.json()["data"]
        assert "b64_json" not in item
        assert opened((await client.http.get(item["url"])).content).size == (64, 64)
    refused = await client.generate("x", model="flux", size="64x64", response_format="b64_json")
    assert len(sent(refused)) == 1


async def test_a_url_can_come_though_base64_was_asked_for_and_the_reverse(client: Client) -> None:
    client.gateway.script(
        Reply(noise=1200, shape=Shape.URL), Reply(noise=1200, shape=Shape.MARKDOWN)
    )
    url = await client.generate("x", response_format="b64_json")
    assert url.json()["data"][0]["url"].startswith("http://")
    assert len(sent(await client.generate("x", response_format="url"))) == 1


async def test_some_models_tell_the_prompt_that_they_drew(client: Client) -> None:
    answer = await client.generate("x", model="dall-e-3")
    assert answer.json()["data"][0]["revised_prompt"].startswith("x, ")


# References
# ----------


async def test_seedream_sees_one_picture_or_many_on_the_same_route(client: Client) -> None:
    first, second = data_url(png()), data_url(png(colour="blue"))
    await client.generate("x", model="seedream-4.0", image=first)
    await client.generate("x", model="seedream-4.0", image=[first, second])
    assert [len(call.inputs) for call in client.gateway.calls] == [1, 2]
    assert first not in client.gateway.calls[0].skeleton


@pytest.mark.parametrize("route", ["images/generations", "images"])
async def test_openrouters_references_are_seen_and_the_cost_is_told(
    client: Client, route: str
) -> None:
    body = {"model": "google/any", "prompt": "x", "input_references": [part(png())]}
    answer = (await client.http.post(route, json=body)).json()
    assert answer["data"][0]["media_type"] == "image/png"
    assert answer["usage"]["cost"] == 0.039
    assert len(client.gateway.calls[0].inputs) == 1


async def test_a_model_that_cannot_see_ignores_a_picture_without_a_word(client: Client) -> None:
    answer = await client.generate(
        "x", model="grok-image", image=data_url(png()), response_format="b64_json"
    )
    (data,) = sent(answer)
    (call,) = client.gateway.calls
    assert (call.inputs, call.ignored) == ((), 1)
    assert opened(data).size == (1024, 1024)


# Edits
# -----


async def test_an_edit_takes_a_form_with_pictures_and_a_mask(client: Client) -> None:
    picture, mask = png(300, 150), png(300, 150, mode="RGBA")
    answer = await client.edit(
        "blue", ("image", picture), ("mask", mask), n="2", quality="low", model="gpt-image-1"
    )
    assert [opened(data).size for data in sent(answer)] == [(1448, 724)] * 2
    (call,) = client.gateway.calls
    assert (call.route, call.prompt, call.count) == (Route.EDITS, "blue", 2)
    assert [seen.sha256 for seen in call.inputs] == [hashlib.sha256(picture).hexdigest()]
    assert call.mask is not None
    assert call.mask.sha256 == hashlib.sha256(mask).hexdigest()
    assert call.fields == {"quality": "low"}
    assert json.loads(call.skeleton)["image"] == f"<file {len(picture)} bytes>"


async def test_several_pictures_are_an_array_and_keep_their_order(client: Client) -> None:
    colours = [png(colour=colour) for colour in ("red", "green", "blue")]
    await client.edit("join", *[("image[]", data) for data in colours])
    seen = [picture.sha256 for picture in client.gateway.calls[0].inputs]
    assert seen == [hashlib.sha256(data).hexdigest() for data in colours]
    assert (await client.edit("join", *[("image", data) for data in colours])).status_code == 400


@pytest.mark.parametrize("several", [False, True])
async def test_an_edit_takes_json_as_xai_does(client: Client, *, several: bool) -> None:
    url = {"url": data_url(png())}
    pictures: dict[str, object] = {"images": [url, url]} if several else {"image": url}
    body = {"model": "grok-image", "prompt": "x", "aspect_ratio": "16:9", **pictures}
    answer = await client.http.post("images/edits", json=body)
    assert answer.status_code == 200
    assert len(client.gateway.calls[0].inputs) == 1 + several


@pytest.mark.parametrize(
    ("files", "fields"),
    [
        ((), {}),
        ((("image", b"not a picture"),), {}),
        ((("picture", png()),), {}),
        ((("image", png()),), {"prompt": " "}),
        ((("image", png()),), {"n": "0"}),
        ((("image", png()),), {"n": "many"}),
        ((("image", png()),), {"size": "9x9"}),
        ((("image", png()),), {"model": ""}),
        ((("mask", png()),), {}),
        (tuple(("image[]", png(4, 4)) for _ in range(17)), {}),
    ],
)
async def test_a_form_that_is_no_edit_is_refused(
    client: Client, files: tuple[tuple[str, bytes], ...], fields: dict[str, str]
) -> None:
    answer = await client.edit(fields.pop("prompt", "x"), *files, **fields)
    assert code(answer) == (400, "invalid_request_error")
    assert client.gateway.calls == []


async def test_a_file_has_to_say_what_it_is(client: Client) -> None:
    files = {"image": ("image.bin", png(), "application/octet-stream")}
    data = {"model": "m", "prompt": "x"}
    answer = await client.http.post("images/edits", data=data, files=files)
    assert "unsupported mimetype" in answer.json()["error"]["message"]


@pytest.mark.parametrize("mask", [png(300, 150), png(10, 10, mode="RGBA")])
async def test_openais_models_want_a_mask_of_the_same_size_that_can_be_transparent(
    client: Client, mask: bytes
) -> None:
    files = ("image", png(300, 150)), ("mask", mask)
    assert (await client.edit("x", *files, model="gpt-image-1")).status_code == 400
    assert (await client.edit("x", *files, model="any-model")).status_code == 200


# Variations
# ----------


async def test_a_variation_needs_a_square_and_no_prompt(client: Client) -> None:
    async def vary(data: bytes, **fields: str) -> httpx.Response:
        files = {"image": ("image.png", data, "image/png")}
        return await client.http.post("images/variations", data=fields, files=files)

    answer = await vary(png(64, 64), n="2", size="256x256", response_format="b64_json")
    assert [opened(data).size for data in sent(answer)] == [(256, 256)] * 2
    (call,) = client.gateway.calls
    assert (call.route, call.model, call.prompt) == (Route.VARIATIONS, "dall-e-2", "")
    assert (await vary(png(64, 32))).status_code == 400
    assert (await vary(png(64, 64), prompt="x")).status_code == 400
    assert code(await vary(png(64, 64), model="gpt-image-1")) == (400, "invalid_value")


# Streams
# -------


async def test_an_images_stream_shows_drafts_and_then_the_picture(client: Client) -> None:
    answer = await client.generate("x", size="64x64", stream=True, partial_images=2)
    *shown, done = events(answer.text)
    data = [json.loads(event) for event in shown]
    assert [event["type"] for event in data] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert [event.get("partial_image_index") for event in data] == [0, 1, None]
    assert len({event["b64_json"] for event in data}) == 3
    assert (data[2]["size"], data[2]["usage"]["output_tokens"]) == ("64x64", 1290)
    assert done == "[DONE]"
    assert answer.text.startswith("event: image_generation.partial_image\ndata: {")


async def test_a_streamed_edit_is_named_so_and_can_break_off(client: Client) -> None:
    client.gateway.script(Reply(noise=1200, partials=1, midstream=500, midstream_after=1))
    answer = await client.edit("x", ("image", png()), stream="true")
    *_, draft, failed, _ = events(answer.text)
    assert json.loads(draft)["type"] == "image_edit.partial_image"
    assert json.loads(failed)["type"] == "error"
    assert json.loads(failed)["error"]["code"] == 500


async def test_an_images_stream_can_come_unasked(client: Client) -> None:
    client.gateway.script(Reply(noise=1200, wire=Wire.SSE, crlf=True, done=False))
    (event,) = events((await client.generate("x")).text)
    assert json.loads(event)["type"] == "image_generation.completed"


# The oddities
# ------------


async def test_words_alone_come_as_a_revised_prompt_without_a_picture(client: Client) -> None:
    answer = await client.generate("x sandbox:text")
    (item,) = answer.json()["data"]
    assert item["b64_json"] == ""
    assert item["revised_prompt"].startswith("I would rather")


async def test_there_may_be_nothing_at_all(client: Client) -> None:
    for word in ("nothing", "empty"):
        assert (await client.generate(f"x sandbox:{word}")).json()["data"] == []
    assert (await client.generate("x sandbox:error=task")).json()["task_id"] == "sandbox-task"


@pytest.mark.parametrize("word", ["refuse", "refuse=native", "refuse=message", "refuse=plain"])
async def test_a_refusal_is_an_error_here(client: Client, word: str) -> None:
    assert code(await client.generate(f"x sandbox:{word}")) == (400, "moderation_blocked")


@pytest.mark.parametrize("form", [UsageForm.ABSENT, UsageForm.NULL, UsageForm.ZERO])
async def test_usage_takes_odd_forms(client: Client, form: UsageForm) -> None:
    client.gateway.script(Reply(noise=1200, usage=form))
    usage = (await client.generate("x")).json().get("usage", "absent")
    zero = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    assert usage == {"absent": "absent", "null": None, "zero": zero}[form]


@pytest.mark.parametrize(
    "failure", [Failure.RATE_LIMITED, Failure.BAD_GATEWAY, Failure.OK_BUT_HTML]
)
async def test_a_script_serves_any_route(client: Client, failure: Failure) -> None:
    client.gateway.script(Reply(failure=failure), times=2)
    drawn = await client.generate("x", model="gpt-4o-image")
    edited = await client.edit("x", ("image", png()))
    assert drawn.status_code == edited.status_code
    assert drawn.text.partition("sandbox-")[0] == edited.text.partition("sandbox-")[0]


# What models refuse
# ------------------


@pytest.mark.parametrize("model", ["gpt-4o-image", "gpt-4-all", "gemini-3.1-flash-image"])
async def test_a_chat_model_on_an_images_route_is_told_so_strangely(
    client: Client, model: str
) -> None:
    answer = await client.generate("x", model=model)
    assert answer.status_code == 500
    message = answer.json()["error"]["message"]
    assert message == "not supported model for image generation, only imagen models are supported"
    assert client.gateway.calls[0].status == 500


async def test_an_images_model_is_no_chat_model(client: Client) -> None:
    answer = await client.post("x", model="dall-e-3")
    assert answer.status_code == 404
    assert "not a chat model" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("gpt-image-1", {"size": "512x512"}),
        ("gpt-image-1", {"response_format": "b64_json"}),
        ("gpt-image-2", {"size": "2K"}),
        ("gpt-image-2", {"size": "1000x1000"}),
        ("gpt-image-2", {"size": "1024x256"}),
        ("dall-e-3", {"size": "1536x1024"}),
        ("dall-e-3", {"n": 2}),
        ("imagen-4", {"n": 5}),
        ("grok-image", {"size": "1024x1024"}),
        ("qwen-image-edit", {}),
        ("any", {"size": "8193x64"}),
        ("any", {"size": "63x64"}),
        ("any", {"size": "4096x4097"}),
        ("any", {"size": "large"}),
        ("any", {"size": 5}),
        ("any", {"aspect_ratio": "99:1"}),
        ("any", {"resolution": "3K"}),
        ("any", {"n": 11}),
        ("any", {"n": True}),
        ("any", {"response_format": "hex"}),
        ("any", {"output_format": "gif"}),
        ("any", {"stream": 1.5}),
        ("any", {"image": {"url": "x"}}),
        ("any", {"image": "https://example.com/x.png"}),
        ("any", {"input_references": ["x"]}),
        ("any", {"prompt": ""}),
    ],
)
async def test_what_a_model_cannot_do_is_refused(
    client: Client, model: str, fields: dict[str, Any]
) -> None:
    answer = await client.generate("x", **{"model": model, **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] in {"invalid_request_error", "new_api_error"}


async def test_the_largest_gpt_models_take_any_size(client: Client) -> None:
    answer = await client.generate("x", model="gpt-image-2", size="320x192", output_format="webp")
    assert opened(sent(answer)[0]).size == (320, 192)
    assert (answer.json()["size"], answer.json()["output_format"]) == ("320x192", "webp")


async def test_a_strict_gateway_has_no_channel_for_a_model_it_does_not_know(client: Client) -> None:
    client.gateway.strict = True
    assert code(await client.generate("x", model="new")) == (503, "model_not_found")
    client.gateway.models += (models.unknown("new"),)
    assert (await client.generate("x", model="new", size="64x64")).status_code == 200


async def test_a_body_of_the_wrong_kind_is_refused(client: Client) -> None:
    files = {"image": ("image.png", png(), "image/png")}
    data = {"model": "m", "prompt": "x"}
    answers = [
        await client.http.post("images/generations", data=data, files=files),
        await client.http.post("images/variations", json=data),
        await client.http.post("images/edits", content=b"x"),
        await client.http.post(
            "images/edits", content=b"x", headers={"content-type": "multipart/form-data"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4


# No input does harm
# ------------------


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "url", "image_url"]), inner)
    ),
    max_leaves=6,
)
NAMES = [
    "n",
    "size",
    "stream",
    "image",
    "images",
    "mask",
    "input_references",
    "aspect_ratio",
    "resolution",
    "response_format",
    "output_format",
    "partial_images",
    "quality",
]


@given(
    st.sampled_from(list(Route)[1:]),
    st.fixed_dictionaries(
        {"model": st.just("m"), "prompt": JSON | st.just("x")},
        optional=dict.fromkeys(NAMES, JSON),
    ),
)
def test_no_json_does_anything_but_be_read_or_refused(route: Route, data: dict[str, Any]) -> None:
    try:
        ask = read_json(route, json.dumps(data).encode(), models.unknown)
    except InvalidRequest:
        return
    assert ask.prompt


@given(st.dictionaries(st.sampled_from(["model", "prompt", *NAMES]), st.text(max_size=8)))
def test_no_form_does_anything_but_be_read_or_refused(fields: dict[str, str]) -> None:
    form = Form(fields, (FormFile("image", "image/png", PIXELS),))
    for route in (Route.EDITS, Route.VARIATIONS):
        try:
            ask = read_form(route, form)
        except InvalidRequest:
            continue
        assert len(ask.inputs) == 1


PIXELS = png(8, 8)


@given(st.binary(max_size=80), st.sampled_from(["multipart/form-data; boundary=x", "", "a/b"]))
async def test_no_bytes_break_the_reading_of_a_form(data: bytes, kind: str) -> None:
    for body in (data, b'--x\r\nContent-Disposition: form-data; name="a"' + data + b"\r\n--x--"):
        try:
            form = await form_of(kind, body)
        except InvalidRequest:
            continue
        assert isinstance(form, Form)
