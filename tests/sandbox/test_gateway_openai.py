"""An independent client, OpenAI's own SDK, accepts what the gateway sends in its valid modes."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import openai
import pytest
from openai.types import ImagesResponse
from openai.types.chat import ChatCompletionMessageParam

from sandbox.gateway import Failure, Reply
from tests.sandbox.client import KEY, Client, data_url, opened, png

MODEL = "gemini-2.5-flash-image"


@pytest.fixture
async def sdk(client: Client) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=client.url, max_retries=0) as sdk:
        yield sdk


def asked(text: str) -> list[ChatCompletionMessageParam]:
    url = data_url(png())
    return [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": text},
                {"type": "image_url", "image_url": {"url": url}},
            ],
        }
    ]


def drawn(content: str | None) -> tuple[int, int]:
    assert content is not None
    return opened(base64.b64decode(content.partition("base64,")[2].rstrip(")"))).size


def sizes(response: ImagesResponse) -> list[tuple[int, int]]:
    files = [base64.b64decode(image.b64_json or "") for image in response.data or []]
    return [opened(data).size for data in files]


async def test_a_completion_is_read(sdk: openai.AsyncOpenAI, client: Client) -> None:
    completion = await sdk.chat.completions.create(
        model=MODEL,
        messages=asked("make it blue"),
        extra_body={"extra_body": {"google": {"image_config": {"aspect_ratio": "16:9"}}}},
    )
    assert drawn(completion.choices[0].message.content) == (1344, 768)
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 1290
    assert len(client.gateway.calls[0].inputs) == 1


@pytest.mark.parametrize("word", ["stream=whole", "deltas=40", "comments", "crlf", "multiline"])
async def test_a_streamed_completion_is_read(sdk: openai.AsyncOpenAI, word: str) -> None:
    stream = await sdk.chat.completions.create(
        model=MODEL,
        messages=asked(f"blue sandbox:{word}"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert drawn("".join(choice.delta.content or "" for choice in choices)) == (1254, 836)
    assert choices[-1].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 1290


async def test_an_error_in_a_stream_is_raised(sdk: openai.AsyncOpenAI, client: Client) -> None:
    client.gateway.script(Reply(noise=1200, midstream=429))
    stream = await sdk.chat.completions.create(model=MODEL, messages=asked("x"), stream=True)
    with pytest.raises(openai.APIError, match="Rate limit exceeded"):
        [chunk async for chunk in stream]


async def test_generated_images_are_read(sdk: openai.AsyncOpenAI) -> None:
    response = await sdk.images.generate(
        model="gpt-image-1", prompt="x", n=2, size="1536x1024", output_format="jpeg"
    )
    assert sizes(response) == [(1536, 1024)] * 2
    assert (response.size, response.output_format) == ("1536x1024", "jpeg")
    assert response.usage is not None
    assert response.usage.output_tokens == 2 * 1290


async def test_a_url_of_a_generated_image_is_read(sdk: openai.AsyncOpenAI, client: Client) -> None:
    response = await sdk.images.generate(model="dall-e-3", prompt="x", response_format="url")
    assert response.data is not None
    url = response.data[0].url
    assert url is not None
    assert opened((await client.http.get(url)).content).size == (1024, 1024)


async def test_a_stream_of_images_is_read(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.images.generate(
        model="gpt-image-1", prompt="x", stream=True, partial_images=1
    )
    events = [event async for event in stream]
    names = ["image_generation.partial_image", "image_generation.completed"]
    assert [event.type for event in events] == names
    assert opened(base64.b64decode(events[1].b64_json)).size == (1024, 1024)


async def test_an_edit_of_many_pictures_with_a_mask_is_read(
    sdk: openai.AsyncOpenAI, client: Client
) -> None:
    response = await sdk.images.edit(
        model="gpt-image-1",
        prompt="join",
        image=[("a.png", png(), "image/png"), ("b.png", png(colour="blue"), "image/png")],
        mask=("mask.png", png(mode="RGBA"), "image/png"),
        size="1024x1024",
    )
    assert sizes(response) == [(1024, 1024)]
    (call,) = client.gateway.calls
    assert (len(call.inputs), call.mask is not None) == (2, True)


async def test_a_variation_is_read(sdk: openai.AsyncOpenAI) -> None:
    with pytest.deprecated_call():  # OpenAI has ended it, gateways have not
        response = await sdk.images.create_variation(
            model="dall-e-2",
            image=("a.png", png(64, 64), "image/png"),
            n=2,
            size="256x256",
            response_format="b64_json",
        )
    assert sizes(response) == [(256, 256)] * 2


async def test_the_list_of_models_is_read(sdk: openai.AsyncOpenAI) -> None:
    models = [model.id async for model in sdk.models.list()]
    assert {MODEL, "gpt-image-2", "seedream-4.0"} <= set(models)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure.UNAUTHORIZED, openai.AuthenticationError),
        (Failure.RATE_LIMITED, openai.RateLimitError),
        (Failure.BLOCKED, openai.BadRequestError),
        (Failure.OVERLOADED, openai.InternalServerError),
    ],
)
async def test_failures_are_understood(
    sdk: openai.AsyncOpenAI, client: Client, failure: Failure, error: type[openai.APIStatusError]
) -> None:
    client.gateway.script(Reply(failure=failure))
    with pytest.raises(error):
        await sdk.images.generate(model="gpt-image-1", prompt="x")
