"""The body of a chat: its options, its message, its pictures."""

from __future__ import annotations

import pytest

from bot.catalogue.profiles import Modalities, RatioDialect
from bot.gateway.request import build_body
from tests.gateway.requests import document, image_request, picture

PNG, JPEG = b"\x89PNG-one", b"\xff\xd8\xffother"


async def test_text_alone_goes_as_a_string() -> None:
    assert await document(image_request()) == {
        "model": "painter-1",
        "stream": False,
        "messages": [{"role": "user", "content": "A cat"}],
    }


async def test_pictures_go_as_parts_behind_the_text() -> None:
    pictures = (picture(PNG), picture(JPEG, "image/jpeg"))
    assert await document(image_request(pictures=pictures), PNG, JPEG) == {
        "model": "painter-1",
        "stream": False,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "A cat"},
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,iVBORy1vbmU="},
                    },
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/jpeg;base64,/9j/b3RoZXI="},
                    },
                ],
            }
        ],
    }


async def test_the_model_is_called_what_the_gateway_calls_it() -> None:
    assert (await document(image_request(model="vendor/painter")))["model"] == "vendor/painter"


async def test_a_stream_is_asked_to_tell_its_usage() -> None:
    found = await document(image_request(stream=True))
    assert found["stream"] is True
    assert found["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("modalities", "expected"),
    [
        (Modalities.TEXT_IMAGE, ["text", "image"]),
        (Modalities.IMAGE_TEXT, ["image", "text"]),
        (Modalities.IMAGE, ["image"]),
    ],
)
async def test_modalities_are_the_profiles(modalities: Modalities, expected: list[str]) -> None:
    assert (await document(image_request(modalities=modalities)))["modalities"] == expected


async def test_further_fields_are_sent_as_they_are() -> None:
    extra = (("seed", 7), ("safe", False), ("style", "öl"), ("strength", 0.5))
    found = await document(image_request(extra=extra))
    assert {name: found[name] for name, _ in extra} == dict(extra)


async def test_ratio_and_size_are_in_the_body() -> None:
    found = await document(
        image_request(
            ratio_dialect=RatioDialect.EXTRA_BODY,
            aspect_ratios=("16:9",),
            sizes=("2K",),
            aspect_ratio="16:9",
            size="2K",
        )
    )
    config = {"aspect_ratio": "16:9", "image_size": "2K"}
    assert found["extra_body"] == {"google": {"image_config": config}}


async def test_aihubmix_is_told_the_ratio_in_a_system_message() -> None:
    found = await document(
        image_request(
            ratio_dialect=RatioDialect.SYSTEM_MESSAGE,
            aspect_ratios=("16:9",),
            aspect_ratio="16:9",
        )
    )
    assert found["messages"] == [
        {"role": "system", "content": "aspect_ratio=16:9"},
        {"role": "user", "content": "A cat"},
    ]


@pytest.mark.parametrize(
    ("insist", "expected"),
    [(False, "A cat Output an image."), (True, "A cat Output an image. No words.")],
)
async def test_the_profiles_sentences_stand_behind_the_prompt(
    *, insist: bool, expected: str
) -> None:
    found = await document(
        image_request(image_sentence="Output an image.", retry_sentence="No words.", insist=insist)
    )
    assert found["messages"][0]["content"] == expected


def test_it_is_asked_at_the_chat_route() -> None:
    assert (build_body(image_request()).route, build_body(image_request()).content_type) == (
        "chat/completions",
        "application/json",
    )
